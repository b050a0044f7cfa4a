"""What the dispatcher knows of endpoints, and when it attempts nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directory.sealing import CannotOpen
from directory.webhook_secrets import WebhookSecret, rotated, secret_text
from tests.unit.payments.histories import T0_US
from tests.unit.webhooks.endpoints import (
    KEYRING,
    SECRET,
    TENANT,
    disabled,
    enabled,
    endpoint_record,
    revoked,
    secret_record,
)
from webhooks.endpoints import Endpoints, Standing

NEW = secret_text(bytes(32))
DAY_US = 24 * 3600 * 1_000_000


def test_endpoints_are_found_by_tenant_and_whoever_waits_hears_of_each_change_once() -> None:
    changed: list[str] = []
    endpoints = Endpoints(KEYRING, changed.append)
    assert endpoints.is_empty
    first, second, other = endpoint_record(), endpoint_record(), endpoint_record(tenant_id="other")
    for record in (first, second, other, disabled(first), first):
        endpoints.take(record)
    assert endpoints.of_tenant(TENANT) == (first.entity_id, second.entity_id)
    assert endpoints.of_tenant("nobody") == ()
    assert changed == [first.entity_id, second.entity_id, other.entity_id, first.entity_id]
    endpoints.take(revoked(first))
    endpoints.take(replace(revoked(first), version=9))
    assert endpoints.of_tenant(TENANT) == (second.entity_id,)


def test_standing_follows_the_directory() -> None:
    endpoints = Endpoints(KEYRING, lambda _: None)
    record = endpoint_record()
    assert endpoints.standing(record.entity_id) is Standing.UNCLEAR
    endpoints.take(record)
    assert endpoints.standing(record.entity_id) is Standing.OPEN
    endpoints.closing(record.entity_id, record.version)
    assert endpoints.standing(record.entity_id) is Standing.UNCLEAR
    endpoints.take(disabled(record))
    assert endpoints.standing(record.entity_id) is Standing.DISABLED
    endpoints.take(enabled(disabled(record)))
    assert endpoints.standing(record.entity_id) is Standing.OPEN
    endpoints.take(revoked(enabled(disabled(record))))
    assert endpoints.standing(record.entity_id) is Standing.REVOKED


def test_who_changes_an_endpoint_while_it_is_being_disabled_wins() -> None:
    endpoints = Endpoints(KEYRING, lambda _: None)
    record = endpoint_record()
    endpoints.take(record)
    endpoints.closing(record.entity_id, record.version)
    endpoints.take(replace(record, version=2))
    assert endpoints.standing(record.entity_id) is Standing.OPEN


def test_while_secrets_rotate_both_sign_and_then_the_new_one() -> None:
    endpoints = Endpoints(KEYRING, lambda _: None)
    record = endpoint_record()
    endpoints.take(record)
    with pytest.raises(CannotOpen):
        endpoints.secrets(record.entity_id, T0_US)
    endpoints.take_secret(secret_record(record.entity_id))
    assert endpoints.secrets(record.entity_id, T0_US) == (SECRET,)
    both = rotated((WebhookSecret(secret=SECRET, made_by="a"),), WebhookSecret(secret=NEW, made_by="b"), at_us=T0_US)
    endpoints.take_secret(secret_record(record.entity_id, *both))
    assert endpoints.secrets(record.entity_id, T0_US) == (NEW, SECRET)
    assert endpoints.secrets(record.entity_id, T0_US + DAY_US) == (NEW,)
