"""DirectPay under measure: the local stack with its default settings, keys, sign-in and encryption as shipped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import psycopg

from bench.judge import STEPS, RunDoesNotCount
from bench.process_times import families
from bench.system import PARTITIONS_OF_SYSTEMS, Post
from bench.usage import bytes_on_disk
from chaos.answers import Answer, AnswerLog, Ask, Channel, Said, Terms
from chaos.evidence import Views
from chaos.http_callers import PAYMENTS, Request
from chaos.oracle.violation import Kind
from chaos.progress import Progress
from chaos.tenant import Tenant, open_tenant
from chaos.verdict import Places, judge
from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError
from payments.idempotency import payment_id
from payments.rails import Rail

# An instant payment settles 50 to 100 ms after its claim: the rail delays each payment, and bounds none of the rates.
RAIL_SPEED = 20.0
TENANT = "bench"
LOOK_S = 0.5
# Read from the projector's sums: counting payments themselves would be a good part of what the database does.
_FINISHED = """
SELECT coalesce(sum(count), 0)::bigint FROM analytics.daily_volume
WHERE tenant_id = %s AND status NOT IN ('pending', 'processing')
"""
# A payment whose every step went well has three transitions; the oracle alone would let a failed one count.
_OTHERWISE = """
SELECT count(*) FROM projection.payments WHERE tenant_id = %s AND (status <> 'completed' OR sequence <> %s)
"""


class _Payment(msgspec.Struct):
    id: str
    idempotency_key: str


class _Item(msgspec.Struct):
    status: int
    payment: _Payment | None = None


class _Batch(msgspec.Struct):
    results: list[_Item]


def _named(workers: int, partitions: int) -> str:
    """Return the name of a form of ours, with what is not as usual here."""
    of = {"workers": (workers, 1), "partitions": (partitions, PARTITIONS_OF_SYSTEMS)}
    return ", ".join(["directpay", *(f"{count} {what}" for what, (count, usual) in of.items() if count != usual)])


def id_of(number: int) -> str:
    """Return the id of payment `number`."""
    return payment_id(TENANT, f"{TENANT}-{number}")


class OwnSystem:
    """The whole of DirectPay with its data in `folder`, which is new; its payments are `instant`, of its own tenant."""

    rail_speed = RAIL_SPEED

    def __init__(self, folder: Path, *, workers: int = 1, partitions: int = PARTITIONS_OF_SYSTEMS) -> None:
        self.name = _named(workers, partitions)
        self.url = ""
        self.partitions = partitions
        self._folder = folder
        self.stack = LocalStack(
            folder / "stack",
            rail_speed=RAIL_SPEED,
            workers=workers,
            settings={"PARTITIONS": str(partitions)},
            say=lambda _line: None,
        )
        self._tenant: Tenant
        self._views: psycopg.Connection
        self._headers: dict[str, str] = {}
        self._asked: set[int] = set()
        self._told: list[tuple[int, int, Channel]] = []  # Number of the payment, status, and the way it came.
        self._refused = 0

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # For root Postgres runs as another account, which has to get here.
        self._folder.chmod(0o711)
        try:
            self.stack.start()
        except StackError as error:
            raise RuntimeError(str(error)) from error
        places = self.stack.stack
        self.url = places["http"]
        self._tenant = open_tenant(self.url, places["admin_key"], tenant_id=TENANT)
        self._headers = {"Authorization": f"Bearer {self._tenant.api_key}", "Content-Type": "application/json"}
        self._views = psycopg.connect(places["postgres"], autocommit=True)

    def stop(self) -> None:
        if hasattr(self, "_views"):
            self._views.close()
        self.stack.stop()

    def pids(self) -> Sequence[int]:
        return families(self.stack.processes.values())

    def looked_up(self, number: int) -> Post:
        """Return the request that reads a payment by its id."""
        return Post(method="GET", path=PAYMENTS + id_of(number), headers=self._headers)

    def listed(self, query: str) -> Post:
        """Return the request for a page of the list."""
        return Post(method="GET", path=f"{PAYMENTS}?{query}", headers=self._headers)

    def under_key(self, key: str) -> Post:
        """Return the request for a payment under a key that is not of its numbers."""
        body = Request(key=key, terms=self._terms(0)).body
        return Post(path=PAYMENTS, body=msgspec.json.encode(body), headers=self._headers)

    @property
    def told(self) -> Sequence[int]:
        """The numbers of the payments that were accepted."""
        return [number for number, _, _ in self._told]

    def single(self, number: int) -> Post:
        return Post(path=PAYMENTS, body=msgspec.json.encode(self._body(number)), headers=self._headers)

    def batch(self, numbers: Sequence[int]) -> Post:
        body = msgspec.json.encode([self._body(number) for number in numbers])
        return Post(path=f"{PAYMENTS}batch", body=body, headers=self._headers)

    def accepted(self, status: int, body: bytes) -> int:
        if status == 200 and body.startswith(b'{"results"'):
            items = msgspec.json.decode(body, type=_Batch).results
            return sum(self._hear(item.status, item.payment, Channel.BATCH) for item in items)
        payment = msgspec.json.decode(body, type=_Payment) if 200 <= status < 300 else None
        return self._hear(status, payment, Channel.HTTP)

    def finished(self) -> int:
        (count,) = self._views.execute(_FINISHED, (TENANT,)).fetchone() or (0,)
        return int(count)

    def faults(self, accepted: int) -> Mapping[str, int]:
        self._wait_until_all_are_done(accepted)
        places = self.stack.stack
        answers = self._folder / "answers.jsonl"
        self._write_answers(answers)
        verdict = judge(
            Places(answers=answers, kafka=places["kafka"], analyst=places["analyst"], bank=places["bank"]),
            partitions=self.partitions,
            silent_payers=frozenset(),
            poison=[],
        )
        assert verdict.accepted == accepted, "each payment is asked for once"
        found = Counter(violation.kind for violation in verdict.violations)
        (otherwise,) = self._views.execute(_OTHERWISE, (TENANT, STEPS)).fetchone() or (0,)
        return {kind.value: found[kind] for kind in Kind} | {"refused": self._refused, "not_completed": otherwise}

    def disk_bytes(self) -> Mapping[str, int]:
        (postgres,) = self._views.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
        return {"kafka": bytes_on_disk(self.stack.state.path / "kafka" / "data"), "postgres": int(postgres)}

    def _body(self, number: int) -> dict[str, str]:
        self._asked.add(number)
        return Request(key=f"{TENANT}-{number}", terms=self._terms(number)).body

    def _terms(self, number: int) -> Terms:
        payers, payees = self._tenant.payers["plain"], self._tenant.payees
        return Terms(
            payer=payers[number % len(payers)],
            payee=payees[number % len(payees)],
            amount_minor=150_000 + number % 1000,
            rail=Rail.INSTANT.value,
        )

    def _hear(self, status: int, payment: _Payment | None, channel: Channel) -> bool:
        if payment is None:
            # Busy or gone is an answer under load; a refusal of a sound payment is a fault.
            self._refused += 400 <= status < 500 and status != 429
            return False
        if payment.id != payment_id(TENANT, payment.idempotency_key):
            raise RunDoesNotCount(f"{payment.idempotency_key} was answered with the id {payment.id}")
        self._told.append((int(payment.idempotency_key.removeprefix(f"{TENANT}-")), status, channel))
        return True

    def _write_answers(self, path: Path) -> None:
        """Write down what clients were told; of what was asked for without an answer nobody knows what became."""
        log = AnswerLog(path)
        unknown = self._asked.difference(number for number, _, _ in self._told)
        for number, status, channel in (*self._told, *((number, 0, Channel.HTTP) for number in unknown)):
            log.add(
                Answer(
                    at_us=time.time_ns() // 1000,
                    channel=channel,
                    ask=Ask.PAY,
                    payment_id=id_of(number),
                    said=Said.ACCEPTED if status else Said.UNKNOWN,
                    terms=self._terms(number),
                    status=status or None,
                )
            )
        log.close()

    def _wait_until_all_are_done(self, accepted: int) -> None:
        """Return when every payment is at its end, also those of which callers heard nothing, or nothing moves."""
        views, progress = Views(self.stack.stack["analyst"]), Progress()
        while (progress.still_open or self.finished() < accepted) and not progress.has_ceased():
            progress.note(*views.open_payments(frozenset()))
            time.sleep(LOOK_S)


# Our system in some form, with its data in the folder.
MakeOurs = Callable[[Path], OwnSystem]
