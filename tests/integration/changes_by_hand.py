"""Changes to projected rows as somebody with the owner's password makes them, and whom verification has to name.

In the statements `%(completed)s`, `%(other)s`, `%(failed)s` and `%(returned)s` are payments, `%(user)s`, `%(lease)s`
and `%(account)s` entities, `%(payee)s` a ledger account, `%(refusal)s` the key of a refusal of the payment
`%(refused)s`, `%(delivered)s` a payment whose event was delivered to an endpoint, `%(unknown)s` an id of nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`of` names the parameters whose payments (or entities) must be named; `undo` is what restoring rows leaves."""

    name: str
    sql: str
    of: tuple[str, ...]
    undo: str = ""


def payment(name: str, assignment: str, of: str = "completed") -> Change:
    sql = f"UPDATE projection.payments SET {assignment} WHERE payment_id = %({of})s"
    return Change(name=name, sql=sql, of=(of,))


def event(name: str, assignment: str, sequence: int = 2) -> Change:
    where = f"payment_id = %(completed)s AND sequence = {sequence}"
    return Change(name=name, sql=f"UPDATE projection.payment_events SET {assignment} WHERE {where}", of=("completed",))


def entry(name: str, assignment: str, where: str = "sequence = 2 AND line = 1") -> Change:
    sql = f"UPDATE projection.ledger_entries SET {assignment} WHERE payment_id = %(completed)s AND {where}"
    return Change(name=name, sql=sql, of=("completed",))


def entity(name: str, assignment: str, of: str = "user") -> Change:
    return Change(
        name=name, sql=f"UPDATE projection.entities SET {assignment} WHERE entity_id = %({of})s::text", of=(of,)
    )


def delivery(name: str, assignment: str) -> Change:
    sql = f"UPDATE projection.webhook_deliveries SET {assignment} WHERE payment_id = %(delivered)s AND attempt = 1"
    return Change(name=name, sql=sql, of=("delivered",))


def refusal(name: str, sql: str) -> Change:
    return Change(name=name, sql=sql, of=("refused",))


FLIPPED = "direction = CASE direction WHEN 'debit' THEN 'credit' ELSE 'debit' END"
COPY_OF_PAYMENT = """
    CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM projection.{table} WHERE payment_id = %(completed)s;
    UPDATE copied SET payment_id = %(unknown)s;
    INSERT INTO projection.{table} SELECT * FROM copied
"""

CHANGES = [
    payment("an altered amount", "amount_minor = amount_minor + 1"),
    payment("an altered status", "status = 'refunded'"),
    payment("a failure that never was", "failure_code = 'R01'"),
    payment("an altered failure code", "failure_code = 'R02'", of="failed"),
    payment("an altered failure reason", "failure_reason = 'another'", of="failed"),
    payment("a time that is a microsecond off", "initiated_at = initiated_at + interval '1 microsecond'"),
    payment("a time that never comes", "updated_at = 'infinity'"),
    payment("a completion that is taken back", "completed_at = NULL"),
    payment("another tenant", "tenant_id = 'mallory'"),
    payment("another idempotency key", "idempotency_key = 'another'"),
    payment("another fingerprint", "fingerprint = '\\x00'"),
    payment("no lease", "lease_id = NULL"),
    payment("payer and payee exchanged", "payer_account_id = payee_account_id, payee_account_id = payer_account_id"),
    payment("another rail", "payment_rail_type = 'swift'"),
    payment("another description", "description = 'another'"),
    payment("altered metadata", """metadata_json = '{"by":"hand"}'"""),
    payment("a refund that never was", "refunded_minor = amount_minor"),
    payment("a newer sequence", "sequence = sequence + 1"),
    payment("another creator", "created_by = %(unknown)s"),
    Change(
        name="a deleted payment",
        sql="DELETE FROM projection.payments WHERE payment_id = %(returned)s",
        of=("returned",),
    ),
    Change(name="an added payment", sql=COPY_OF_PAYMENT.format(table="payments"), of=("unknown",)),
    Change(
        name="a payment that is there twice",
        sql="""ALTER TABLE live.payments_generations DROP CONSTRAINT payments_generations_pkey;
               INSERT INTO projection.payments SELECT * FROM projection.payments WHERE payment_id = %(completed)s""",
        of=("completed",),
        undo="ALTER TABLE live.payments_generations ADD PRIMARY KEY (payment_id, generation)",
    ),
    Change(
        name="two payments whose ids are exchanged",
        sql="""UPDATE projection.payments SET payment_id = %(unknown)s WHERE payment_id = %(completed)s;
               UPDATE projection.payments SET payment_id = %(completed)s WHERE payment_id = %(other)s;
               UPDATE projection.payments SET payment_id = %(other)s WHERE payment_id = %(unknown)s""",
        of=("completed", "other"),
    ),
    event("an altered hash", "hash = sha256('by hand')"),
    event("altered changes", """changes = changes || '{"bank_reference": "by hand"}'"""),
    event("an altered event type", "event_type = 'payment_failed'", sequence=3),
    event("an altered status in history", "new_status = 'failed'", sequence=3),
    event("an event earlier by a microsecond", "occurred_at = occurred_at - interval '1 microsecond'"),
    event("another cause", "caused_by = %(unknown)s"),
    event("an event of another tenant", "tenant_id = 'mallory'"),
    event("an event moved away from its end", "sequence = 9", sequence=3),
    Change(
        name="two events exchanged",
        sql="""UPDATE projection.payment_events SET sequence = sequence + 10 WHERE payment_id = %(completed)s;
               UPDATE projection.payment_events SET sequence = CASE sequence WHEN 11 THEN 1 WHEN 12 THEN 3 ELSE 2 END
               WHERE payment_id = %(completed)s""",
        of=("completed",),
    ),
    Change(
        name="a deleted event",
        sql="DELETE FROM projection.payment_events WHERE payment_id = %(completed)s AND sequence = 2",
        of=("completed",),
    ),
    Change(
        name="a history that ends too early",
        sql="DELETE FROM projection.payment_events WHERE payment_id = %(returned)s AND sequence = 4",
        of=("returned",),
    ),
    Change(
        name="a deleted history",
        sql="DELETE FROM projection.payment_events WHERE payment_id = %(failed)s",
        of=("failed",),
    ),
    Change(
        name="an added event",
        sql="""INSERT INTO projection.payment_events
               SELECT payment_id, 4, tenant_id, 'payment_returned', 'completed', 'returned', occurred_at, caused_by,
                      changes, sha256(hash)
               FROM projection.payment_events WHERE payment_id = %(completed)s AND sequence = 3""",
        of=("completed",),
    ),
    Change(name="a history of nobody", sql=COPY_OF_PAYMENT.format(table="payment_events"), of=("unknown",)),
    entry("a flipped direction", FLIPPED),
    entry("both directions flipped", FLIPPED, where="sequence = 2"),
    entry("an altered amount of one side", "amount_minor = amount_minor + 1"),
    entry("an altered amount of both sides", "amount_minor = amount_minor * 2", where="sequence = 2"),
    entry("another account", "account = 'suspense'"),
    entry("another time", "occurred_at = occurred_at + interval '1 day'"),
    entry("another partition", "partition = partition + 1"),
    Change(
        name="a deleted ledger entry",
        sql="DELETE FROM projection.ledger_entries WHERE payment_id = %(completed)s AND sequence = 3 AND line = 2",
        of=("completed",),
    ),
    Change(
        name="a transfer that is not booked",
        sql="DELETE FROM projection.ledger_entries WHERE payment_id = %(completed)s AND sequence = 3",
        of=("completed",),
    ),
    Change(
        name="a transfer that is booked once more",
        sql="""INSERT INTO projection.ledger_entries
               SELECT payment_id, sequence, line + 2, partition, tenant_id, account, direction, amount_minor, currency,
                      occurred_at
               FROM projection.ledger_entries WHERE payment_id = %(completed)s AND sequence = 3""",
        of=("completed",),
    ),
    Change(
        name="a transfer that is booked on another payment",
        sql="""UPDATE projection.ledger_entries SET payment_id = %(other)s, line = line + 2
               WHERE payment_id = %(completed)s AND sequence = 3""",
        of=("completed", "other"),
    ),
    Change(name="a transfer of nobody", sql=COPY_OF_PAYMENT.format(table="ledger_entries"), of=("unknown",)),
    Change(
        name="a balance with something more on both sides",
        sql="""UPDATE projection.account_balances
               SET debits_minor = debits_minor + 100, credits_minor = credits_minor + 100
               WHERE account = %(payee)s AND partition = (
                   SELECT min(partition) FROM projection.account_balances WHERE account = %(payee)s)""",
        of=("payee",),
    ),
    Change(
        name="a deleted balance", sql="DELETE FROM projection.account_balances WHERE account = %(payee)s", of=("payee",)
    ),
    Change(
        name="an added balance",
        sql="INSERT INTO projection.account_balances VALUES (0, 'mallory', %(payee)s, 'USD', 0, 0)",
        of=("payee",),
    ),
    refusal(
        "an altered refusal", "UPDATE projection.command_outcomes SET reason = 'x' WHERE outcome_key = %(refusal)s"
    ),
    refusal("another detail", "UPDATE projection.command_outcomes SET detail = 'x' WHERE outcome_key = %(refusal)s"),
    refusal(
        "a refusal of nobody's",
        "UPDATE projection.command_outcomes SET payment_id = NULL WHERE outcome_key = %(refusal)s",
    ),
    refusal("a deleted refusal", "DELETE FROM projection.command_outcomes WHERE outcome_key = %(refusal)s"),
    refusal(
        "a refusal that is there twice",
        """CREATE TEMP TABLE copied ON COMMIT DROP AS
           SELECT * FROM projection.command_outcomes WHERE outcome_key = %(refusal)s;
           UPDATE copied SET outcome_key = %(unknown)s::text;
           INSERT INTO projection.command_outcomes SELECT * FROM copied""",
    ),
    delivery("a failure that was told as delivered", "outcome = 'delivered', next_attempt_at = NULL"),
    delivery("an answer that was never given", "status_code = 500"),
    delivery("another error", "error = 'mallory@example.com'"),
    delivery("an attempt on another endpoint", "endpoint_id = %(unknown)s"),
    Change(
        name="a deleted attempt",
        sql="DELETE FROM projection.webhook_deliveries WHERE payment_id = %(delivered)s AND attempt = 2",
        of=("delivered",),
    ),
    Change(
        name="an added attempt",
        sql="""CREATE TEMP TABLE copied ON COMMIT DROP AS
               SELECT * FROM projection.webhook_deliveries WHERE payment_id = %(delivered)s AND attempt = 2;
               UPDATE copied SET attempt = 3;
               INSERT INTO projection.webhook_deliveries SELECT * FROM copied""",
        of=("delivered",),
    ),
    entity("another e-mail", """entity = entity || '{"email": "mallory@example.com"}'"""),
    entity("another role", "entity = jsonb_set(entity, '{role}', '\"renter\"')"),
    entity("a number that is spelt otherwise", "entity = jsonb_set(entity, '{due_day}', '31.0')", of="lease"),
    entity("another rent", "entity = jsonb_set(entity, '{rent_amount_minor}', '1')", of="lease"),
    entity("other last digits", "entity = jsonb_set(entity, '{last4}', '\"0000\"')", of="account"),
    entity("a revoked account", "state = 'revoked'", of="account"),
    entity("a user of another tenant", "tenant_id = 'mallory'"),
    entity("a user of another kind", "kind = 'property'"),
    Change(
        name="a deleted lease", sql="DELETE FROM projection.entities WHERE entity_id = %(lease)s::text", of=("lease",)
    ),
    Change(
        name="an added user",
        sql="""INSERT INTO projection.entities
               SELECT %(unknown)s::text, tenant_id, kind, state, version, created_by, changed_by, fingerprint,
                      created_at, updated_at, entity
               FROM projection.entities WHERE entity_id = %(user)s::text""",
        of=("unknown",),
    ),
]
