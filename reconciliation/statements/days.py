"""Days as statements write them. The day is the bank's own: a time zone behind it is checked and not applied."""

from __future__ import annotations

import re
from datetime import date

from reconciliation.statements.faults import BrokenText, Rule

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"
_TIME = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?|24:00:00(?:\.0{1,9})?)"
_XML_DAY = re.compile(f"(?P<day>.{{10}}){_ZONE}", re.ASCII)
_XML_TIME = re.compile(f"(?P<day>.{{10}})T{_TIME}{_ZONE}", re.ASCII)
_YYMMDD = re.compile(r"[0-9]{6}", re.ASCII)


def plain_day(text: str) -> date:
    """Return the day of `YYYY-MM-DD`; raises BrokenText."""
    try:
        # fromisoformat alone would take 20261201 and 2026-W49-2 as well.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise BrokenText(Rule.DATE, "must be a day of the calendar as YYYY-MM-DD") from None


def xml_day(text: str) -> date:
    """Return the day of an xs:date, which may have a time zone; raises BrokenText."""
    match = _XML_DAY.fullmatch(text)
    return plain_day(match["day"] if match else text)


def xml_time_day(text: str) -> date:
    """Return the day of an xs:dateTime; raises BrokenText."""
    match = _XML_TIME.fullmatch(text)
    if match is None:
        raise BrokenText(Rule.DATE, "must be a day and a time as YYYY-MM-DDThh:mm:ss")
    return plain_day(match["day"])


def yymmdd(text: str) -> date:
    """Return the day of `YYMMDD` in the years 2000 to 2099; raises BrokenText."""
    if not _YYMMDD.fullmatch(text):
        raise BrokenText(Rule.DATE, "must be a day as YYMMDD")
    return plain_day(f"20{text[:2]}-{text[2:4]}-{text[4:]}")
