"""The rules of single fields, shared by every value that comes from outside: each returns the faults it found.

They run for every command of every caller, so the usual case (no fault) costs one compiled match.
"""

from __future__ import annotations

import re
from datetime import date

from payments.idempotency import check_key, is_clean_text
from payments.money import InvalidAmount, check_amount_minor
from payments.refusals import FieldError, InvalidIdempotencyKey

Faults = tuple[FieldError, ...]

TENANT_CHARACTERS_MAX = 64
DESCRIPTION_CHARACTERS_MAX = 500
YEAR_2000_US = 946_684_800_000_000
YEAR_2200_US = 7_258_118_400_000_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
# With a colon, two tenants could share a payment: `a:b` + `c` and `a` + `b:c` are one Kafka key.
_TENANT = re.compile(r"[^:\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,64}")
_DATE = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)


def fault(field: str, message: str) -> Faults:
    """Return one fault of one field."""
    return (FieldError(field=field, message=message),)


def tenant_faults(tenant_id: str) -> Faults:
    """A tenant id has 1 to 64 characters, none of them a colon or a control character."""
    if _TENANT.fullmatch(tenant_id):
        return ()
    return fault("tenant_id", f"must be 1 to {TENANT_CHARACTERS_MAX} characters without colons or control characters")


def key_faults(field: str, key: str, *, system: bool) -> Faults:
    """An idempotency key keeps `check_key`'s rules; the system's own may have the system's prefix."""
    try:
        check_key(key, system=system)
    except InvalidIdempotencyKey as refusal:
        return fault(field, refusal.detail)
    return ()


def uuid_faults(field: str, text: str | None) -> Faults:
    """An id is a UUID in the one spelling that compares equal everywhere; None is no fault."""
    if text is None or _UUID.fullmatch(text):
        return ()
    return fault(field, "must be a lowercase UUID")


def amount_faults(field: str, minor: object) -> Faults:
    """An amount is an integer of 1 to 100,000,000 minor units; None is no fault."""
    if minor is None:
        return ()
    try:
        check_amount_minor(minor)
    except InvalidAmount as error:
        return fault(field, str(error))
    return ()


def text_faults(field: str, text: str | None, characters_max: int) -> Faults:
    """Text is at most `characters_max` characters that every store can hold; None is no fault."""
    if text is None:
        return ()
    if len(text) > characters_max:
        return fault(field, f"must be at most {characters_max} characters")
    if not is_clean_text(text):
        return fault(field, "must be Unicode text without NUL")
    return ()


def name_faults(field: str, text: str | None, characters_max: int) -> Faults:
    """A name is text with something in it; None is no fault."""
    if text is None or (text.strip() and not text_faults(field, text, characters_max)):
        return ()
    return fault(field, f"must be 1 to {characters_max} characters of text")


def date_faults(field: str, text: str | None) -> Faults:
    """A date is written 2026-03-01 and lies in 2000 to 2199; None is no fault."""
    if text is None:
        return ()
    try:
        # Only this spelling: the parser also knows 20260301 and 2026-W09-7, which would be other bodies under one key.
        if _DATE.fullmatch(text) and date.fromisoformat(text):
            return ()
    except ValueError:
        pass
    return fault(field, "must be a date such as 2026-03-01")


def time_faults(field: str, at_us: int) -> Faults:
    """A time is in microseconds since the epoch and lies in 2000 to 2199: milliseconds or seconds do not."""
    if YEAR_2000_US <= at_us < YEAR_2200_US:
        return ()
    return fault(field, "must be microseconds since 1970-01-01 UTC, from 2000 to 2199")
