from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.changes import (
    HEARD_MAX,
    VERSION_MAX,
    Action,
    Changed,
    ChangeKeyReused,
    DirectoryCommand,
    DirectoryRecord,
    EntityExists,
    EntityRevoked,
    EntityUnknown,
    Heard,
    Known,
    NotChanged,
    State,
    VersionConflict,
    change,
)
from directory.entities import KINDS, Entity, Kind, keyed_id, user_id
from directory.sealing import Sealed
from directory.webhook_endpoint import DisabledReason
from payments.refusals import InvalidCommand, Refusal
from tests.unit.directory.test_entities import (
    ACCOUNT,
    ALICE,
    API_KEY,
    ENDPOINT,
    ENTITIES,
    LEASE,
    PROPERTY,
    TENANT,
    USER,
)

COMMAND = "0b0e2f9c-6a58-4b7a-9a55-0f5c8a3f7a01"
RETRY = "0b0e2f9c-6a58-4b7a-9a55-0f5c8a3f7a02"
T0_US = 1_740_061_920_000_000
BODY, OTHER_BODY = b"\1" * 32, b"\2" * 32
SEALED = Sealed(key_id="k1", nonce=bytes(12), ciphertext=b"sealed")
OTHER_SEALED = Sealed(key_id="k1", nonce=b"\1" * 12, ciphertext=b"rotated")
DISABLED = replace(ENDPOINT, enabled=False, disabled_reason=DisabledReason.GONE)


def id_of(entity: Entity, tenant_id: str = "demo") -> str:
    if entity is TENANT:
        return tenant_id
    return user_id(tenant_id, USER.email) if entity is USER else keyed_id(tenant_id, KINDS[type(entity)], "key-1")


def create(of: Entity = ACCOUNT, /, **terms: Any) -> DirectoryCommand:
    given_terms = {
        "command_id": COMMAND,
        "action": Action.CREATE,
        "entity_id": id_of(of),
        "tenant_id": "demo",
        "kind": KINDS[type(of)],
        "fingerprint": BODY,
        "requested_at_us": T0_US,
        "entity": of,
        "sealed": SEALED if of in (USER, ACCOUNT, API_KEY, ENDPOINT) else None,
    }
    return DirectoryCommand(**{**given_terms, **terms})


def revoke(of: Entity = API_KEY, /, **terms: Any) -> DirectoryCommand:
    return create(
        of,
        **{"command_id": RETRY, "action": Action.REVOKE, "entity": None, "sealed": None, "fingerprint": b"", **terms},
    )


def disable(**terms: Any) -> DirectoryCommand:
    """A change of the endpoint's first version that leaves its secrets."""
    given_terms = {"command_id": RETRY, "action": Action.CHANGE, "entity": DISABLED, "sealed": None, "based_on": 1}
    return create(ENDPOINT, **{**given_terms, **terms})


def changed(command: DirectoryCommand, record: DirectoryRecord | None) -> DirectoryRecord:
    result = change(command, record)
    assert isinstance(result, Changed), result
    return result.record


def record_of(command: DirectoryCommand) -> DirectoryRecord:
    result = change(command, None)
    assert isinstance(result, Changed)
    return result.record


def refused(command: DirectoryCommand, record: DirectoryRecord | None) -> Refusal:
    result = change(command, record)
    assert isinstance(result, NotChanged), result
    return result.refusal


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: KINDS[type(entity)])
def test_a_create_makes_version_1_of_the_entity_and_passes_its_secret_on_sealed(entity: Entity) -> None:
    command = create(entity)
    result = change(command, None)
    assert isinstance(result, Changed)
    record = result.record
    assert (record.entity_id, record.tenant_id, record.kind) == (command.entity_id, "demo", KINDS[type(entity)])
    assert (record.state, record.version, record.entity) == (State.ACTIVE, 1, entity)
    assert (record.created_by, record.changed_by, record.fingerprint) == (COMMAND, COMMAND, BODY)
    assert (record.created_at_us, record.updated_at_us) == (T0_US, T0_US)
    if command.sealed is None:
        assert result.secret is None
    else:
        assert result.secret is not None
        assert (result.secret.entity_id, result.secret.tenant_id) == (command.entity_id, "demo")
        assert (result.secret.kind, result.secret.sealed) == (record.kind, SEALED)


def test_a_record_holds_nothing_sealed() -> None:
    assert "sealed" not in repr(record_of(create(ACCOUNT)))


def test_the_same_body_again_is_known_whoever_sends_it_and_whenever() -> None:
    record = record_of(create())
    assert change(create(), record) == Known(record=record)
    again = create(command_id=RETRY, requested_at_us=T0_US + 1, sealed=replace(SEALED, nonce=b"\1" * 12))
    assert change(again, record) == Known(record=record)


def test_another_body_under_the_id_is_refused() -> None:
    refusal = refused(create(fingerprint=OTHER_BODY), record_of(create()))
    assert isinstance(refusal, EntityExists)
    assert (refusal.code, refusal.entity_id) == ("entity-exists", id_of(ACCOUNT))


def test_another_tenant_or_kind_does_not_learn_what_an_id_holds() -> None:
    record = record_of(create())
    for stranger in (create(tenant_id="other"), create(PROPERTY, entity_id=record.entity_id)):
        refusal = refused(stranger, record)
        assert isinstance(refusal, EntityExists)
        assert ACCOUNT.last4 not in refusal.detail


def test_a_revoked_key_is_a_new_version_and_keeps_what_it_was() -> None:
    record = record_of(create(API_KEY))
    result = change(revoke(requested_at_us=T0_US + 5), record)
    assert isinstance(result, Changed)
    assert result.secret is None
    assert result.record == replace(record, state=State.REVOKED, version=2, changed_by=RETRY, updated_at_us=T0_US + 5)


def test_revoking_twice_is_known() -> None:
    result = change(revoke(), record_of(create(API_KEY)))
    assert isinstance(result, Changed)
    assert change(revoke(command_id=ALICE), result.record) == Known(record=result.record)


def test_creating_a_revoked_key_again_does_not_revive_it() -> None:
    revoked = change(revoke(), record_of(create(API_KEY)))
    assert isinstance(revoked, Changed)
    assert change(create(API_KEY), revoked.record) == Known(record=revoked.record)


def test_what_does_not_exist_or_is_anothers_cannot_be_revoked() -> None:
    record = record_of(create(API_KEY))
    for command, known in [
        (revoke(), None),
        (revoke(tenant_id="other"), record),
        (revoke(kind=Kind.LEASE), record),
    ]:
        refusal = refused(command, known)
        assert isinstance(refusal, EntityUnknown)
        assert (refusal.code, refusal.entity_id) == ("entity-unknown", record.entity_id)


@given(st.integers(T0_US - 10**9, T0_US + 10**9))
def test_a_change_is_later_than_what_it_changes_though_clocks_disagree(at_us: int) -> None:
    result = change(revoke(requested_at_us=at_us), record_of(create(API_KEY)))
    assert isinstance(result, Changed)
    assert result.record.updated_at_us > result.record.created_at_us
    assert result.record.updated_at_us >= at_us


def test_a_change_replaces_the_entity_and_leaves_the_secrets_that_it_does_not_bring() -> None:
    record = record_of(create(ENDPOINT))
    result = change(disable(requested_at_us=T0_US + 5), record)
    assert isinstance(result, Changed)
    assert result.secret is None
    assert result.record == replace(
        record,
        version=2,
        changed_by=RETRY,
        updated_at_us=T0_US + 5,
        entity=DISABLED,
        heard=(Heard(command_id=RETRY, fingerprint=BODY),),
    )


def test_a_change_may_bring_other_secrets() -> None:
    result = change(disable(entity=ENDPOINT, sealed=OTHER_SEALED), record_of(create(ENDPOINT)))
    assert isinstance(result, Changed)
    assert result.secret is not None
    assert (result.secret.entity_id, result.secret.sealed) == (id_of(ENDPOINT), OTHER_SEALED)


# What comes of each action on each state; where it is refused, why.
STATES = ("absent", "active", "revoked")
OUTCOMES: dict[tuple[str, Action], type] = {
    ("absent", Action.CREATE): Changed,
    ("absent", Action.CHANGE): EntityUnknown,
    ("absent", Action.REVOKE): EntityUnknown,
    ("active", Action.CREATE): Known,
    ("active", Action.CHANGE): Changed,
    ("active", Action.REVOKE): Changed,
    ("revoked", Action.CREATE): Known,
    ("revoked", Action.CHANGE): EntityRevoked,
    ("revoked", Action.REVOKE): Known,
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", Action)
def test_every_action_on_every_state(state: str, action: Action) -> None:
    active = record_of(create(ENDPOINT))
    record = {"absent": None, "active": active, "revoked": changed(revoke(ENDPOINT), active)}[state]
    command = {
        Action.CREATE: create(ENDPOINT),
        Action.CHANGE: disable(command_id=ALICE, based_on=1 if record is None else record.version),
        Action.REVOKE: revoke(ENDPOINT, command_id=ALICE),
    }[action]
    result = change(command, record)
    assert type(result.refusal if isinstance(result, NotChanged) else result) is OUTCOMES[state, action]


@given(st.integers(1, VERSION_MAX))
def test_a_change_of_another_version_than_the_newest_is_refused_with_the_newest(based_on: int) -> None:
    record = changed(disable(), record_of(create(ENDPOINT)))
    command = disable(command_id=ALICE, based_on=based_on)
    if based_on == record.version:
        assert changed(command, record).version == 3
    else:
        refusal = refused(command, record)
        assert isinstance(refusal, VersionConflict)
        assert (refusal.code, refusal.entity_id, refusal.version) == ("version-conflict", id_of(ENDPOINT), 2)


def test_of_two_changes_of_one_version_one_is_made() -> None:
    record = changed(disable(), record_of(create(ENDPOINT)))
    assert isinstance(refused(disable(command_id=ALICE), record), VersionConflict)


def test_a_change_that_is_sent_again_changes_nothing_whatever_came_after_it() -> None:
    record = changed(disable(), record_of(create(ENDPOINT)))
    record = changed(disable(command_id=ALICE, entity=ENDPOINT, based_on=2), record)
    for based_on in (1, 2, 3):
        assert change(disable(based_on=based_on), record) == Known(record=record)
    revoked = changed(revoke(ENDPOINT), record)
    assert change(disable(), revoked) == Known(record=revoked)


def test_another_change_under_the_id_of_an_earlier_one_is_refused() -> None:
    record = changed(disable(), record_of(create(ENDPOINT)))
    refusal = refused(disable(fingerprint=OTHER_BODY, based_on=2), record)
    assert isinstance(refusal, ChangeKeyReused)
    assert (refusal.code, refusal.entity_id) == ("idempotency-key-reused", id_of(ENDPOINT))


def test_as_many_changes_are_remembered_as_are_promised() -> None:
    record = record_of(create(ENDPOINT))
    ids = [f"{number:08d}{ALICE[8:]}" for number in range(HEARD_MAX + 1)]
    for version, command_id in enumerate(ids, start=1):
        record = changed(disable(command_id=command_id, based_on=version), record)
    assert [heard.command_id for heard in record.heard] == ids[1:]
    assert change(disable(command_id=ids[1], based_on=1), record) == Known(record=record)
    assert isinstance(refused(disable(command_id=ids[0], based_on=1), record), VersionConflict)


def test_what_is_anothers_cannot_be_changed() -> None:
    record = record_of(create(ENDPOINT))
    assert isinstance(refused(disable(tenant_id="other"), record), EntityUnknown)
    assert isinstance(refused(disable(), replace(record, kind=Kind.LEASE, entity=LEASE)), EntityUnknown)


@given(st.integers(T0_US - 10**9, T0_US + 10**9))
def test_a_changed_entity_is_later_than_it_was_though_clocks_disagree(at_us: int) -> None:
    record = changed(disable(requested_at_us=at_us), record_of(create(ENDPOINT)))
    assert record.updated_at_us > record.created_at_us
    assert record.updated_at_us >= at_us


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"entity": None}, "entity"),
        ({"entity": LEASE}, "entity"),
        ({"fingerprint": b""}, "fingerprint"),
        ({"based_on": None}, "based_on"),
        ({"based_on": 0}, "based_on"),
        ({"based_on": VERSION_MAX + 1}, "based_on"),
    ],
    ids=str,
)
def test_a_change_that_makes_no_sense_names_the_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        disable(**terms)
    assert [error.field for error in refusal.value.errors] == [field]


@pytest.mark.parametrize("entity", [entity for entity in ENTITIES if entity is not ENDPOINT], ids=repr)
def test_what_payments_rest_on_is_not_changed(entity: Entity) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        create(entity, action=Action.CHANGE, based_on=1)
    assert [error.field for error in refusal.value.errors] == ["kind"]


@pytest.mark.parametrize("command", [create, revoke])
def test_only_a_change_is_based_on_a_version(command: Any) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        command(ENDPOINT, based_on=1)
    assert [error.field for error in refusal.value.errors] == ["based_on"]


def test_a_command_for_another_entity_stops_the_process() -> None:
    with pytest.raises(AssertionError, match="its own entity"):
        change(create(PROPERTY), record_of(create(ACCOUNT)))


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: KINDS[type(entity)])
def test_deciding_twice_gives_the_same_record(entity: Entity) -> None:
    assert change(create(entity), None) == change(create(entity), None)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"command_id": "c-1"}, "command_id"),
        ({"command_id": ""}, "command_id"),
        ({"entity_id": "acct_alice_123"}, "entity_id"),
        ({"entity_id": ""}, "entity_id"),
        ({"tenant_id": "a:b"}, "tenant_id"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"requested_at_us": 1_740_061_920_000}, "requested_at"),
        ({"entity": None}, "entity"),
        ({"entity": LEASE}, "entity"),
        ({"kind": Kind.LEASE}, "entity"),
        ({"fingerprint": b""}, "fingerprint"),
        ({"fingerprint": bytes(65)}, "fingerprint"),
    ],
    ids=str,
)
def test_a_create_that_makes_no_sense_names_the_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        create(**terms)
    assert [error.field for error in refusal.value.errors] == [field]


@pytest.mark.parametrize("terms", [{"entity": API_KEY}, {"sealed": SEALED}], ids=["entity", "secret"])
def test_a_revocation_brings_nothing_with_it(terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        revoke(**terms)
    assert [error.field for error in refusal.value.errors] == ["entity"]


def test_a_user_has_the_id_of_its_e_mail_or_the_e_mail_would_have_two_users() -> None:
    for entity_id in (ALICE, user_id("other", USER.email), user_id("demo", "bob@renter.com")):
        with pytest.raises(InvalidCommand) as refusal:
            create(USER, entity_id=entity_id)
        assert [error.field for error in refusal.value.errors] == ["entity_id"]


def test_a_tenants_own_entity_is_the_tenant_itself() -> None:
    with pytest.raises(InvalidCommand) as refusal:
        create(TENANT, entity_id="another")
    assert [error.field for error in refusal.value.errors] == ["entity_id"]


def test_a_record_of_another_kind_than_its_entity_stops_the_process() -> None:
    with pytest.raises(AssertionError):
        replace(record_of(create()), kind=Kind.LEASE)
