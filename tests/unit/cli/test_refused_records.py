"""Which refusals a selection means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.refused_records import Selection
from tests.unit.payments.test_redrive import FAILED

AT_US = FAILED.rejected_at_us


@pytest.mark.parametrize(
    ("selection", "is_meant"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({"decision-failed", "undecodable"})), True),
        (Selection(reasons=frozenset({"undecodable"})), False),
        (Selection(tenant="acme"), True),
        (Selection(tenant="acm"), False),
        (Selection(places=frozenset({"payment-commands/3/1200"})), True),
        (Selection(places=frozenset({"payment-commands/3/1201"})), False),
        (Selection(from_us=AT_US, to_us=AT_US + 1), True),
        (Selection(from_us=AT_US + 1), False),
        (Selection(to_us=AT_US), False),
        (Selection(tenant="acme", reasons=frozenset({"undecodable"})), False),
    ],
)
def test_a_refusal_is_meant_when_everything_that_was_asked_for_fits(selection: Selection, is_meant: bool) -> None:
    assert selection.has(FAILED) is is_meant


def test_a_refusal_of_a_value_that_nobody_could_read_is_its_tenants_by_the_key() -> None:
    assert Selection(tenant="acme").has(replace(FAILED, tenant_id=None))
