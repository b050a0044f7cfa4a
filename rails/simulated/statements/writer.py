"""Writes the bank's statements in the format that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from types import MappingProxyType

from rails.simulated.statements.bai2 import write_bai2
from rails.simulated.statements.bookings import StatementFile
from rails.simulated.statements.camt import write_camt
from rails.simulated.statements.camt_versions import VERSIONS
from rails.simulated.statements.table import write_table

PIECES_AT_ONCE = 200

# By the names that callers give; camt.053 alone is its newest version.
FORMATS: MappingProxyType[str, Callable[[StatementFile], Iterator[str]]] = MappingProxyType(
    {
        "camt.053": write_camt,
        **{version: partial(write_camt, version=version) for version in VERSIONS},
        "bai2": write_bai2,
        "csv": write_table,
    }
)


def write_statements(file: StatementFile, form: str) -> Iterator[bytes]:
    """Yield the file in pieces of some 200 entries, in UTF-8: the same bytes for the same contents.

    `form` is a name of FORMATS. BAI2 raises UnwritableStatement for a statement of several days.
    """
    texts = FORMATS[form](file)
    while pieces := list(islice(texts, PIECES_AT_ONCE)):
        yield "".join(pieces).encode("utf-8")
