"""`directpay statement read`: bank statements of any size as JSON."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click
import msgspec

from reconciliation.statements.faults import InvalidStatement
from reconciliation.statements.reader import read_statements

LINES_AT_ONCE = 1000
EXIT_REFUSED = 1


@click.group()
def statement() -> None:
    """Show a bank statement: camt.053, BAI2, or the CSV table of docs/statements.md."""


@statement.command("read")
@click.argument("file", type=click.File("rb"))
def read(file: BinaryIO) -> None:
    """Show FILE (- for stdin) as JSON, a line each: a statement with its balances, its entries, its end.

    Amounts are in minor units (cents). A file that breaks a rule ends the reading: exit 1, and line, field and rule on
    stderr. Do not act on what was shown before it.
    """
    encoder = msgspec.json.Encoder()
    lines: list[bytes] = []
    try:
        for placed in read_statements(file):
            lines.append(encoder.encode(placed))
            if len(lines) == LINES_AT_ONCE:
                _show(lines)
    except InvalidStatement as invalid:
        _show(lines)
        click.echo(f"directpay statement read: {invalid}", err=True)
        sys.exit(EXIT_REFUSED)
    _show(lines)


def _show(lines: list[bytes]) -> None:
    if lines:
        click.echo(b"\n".join(lines))
        lines.clear()
