"""What American banks write into the text of an ACH entry behind a label: BAI2 has no fields for it.

`TRACE#:091000010000001`, `TRACE NO 091000010000001`; `RETURN REASON:R01`, `RETURN CODE R01`. Of several, the last.
"""

from __future__ import annotations

import re

_TRACE = re.compile(r"\bTRACE ?(?:#|NO\.?|NUMBER)[: ]*([0-9]{15})\b", re.ASCII | re.IGNORECASE)
_RETURN = re.compile(r"\bRETURN (?:REASON|CODE)[: ]*([A-Z]{1,2}[0-9]{2})\b", re.ASCII | re.IGNORECASE)


def trace_number_in(text: str) -> str | None:
    """Return the labelled trace number, if there is one."""
    found: list[str] = _TRACE.findall(text)
    return found[-1] if found else None


def return_reason_in(text: str) -> str | None:
    """Return the labelled return reason, if there is one."""
    found: list[str] = _RETURN.findall(text)
    return found[-1].upper() if found else None
