"""`directpay nacha check` and `directpay nacha read`: Nacha files of any size, ours or a bank's."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click
import msgspec

from payments.money import format_amount
from rails.nacha.faults import Fault, InvalidNachaFile
from rails.nacha.file_control import FileControl
from rails.nacha.reader import examine, read_records

LINES_AT_ONCE = 1000
EXIT_FAULTY = 1


@click.group()
def nacha() -> None:
    """Check a Nacha (ACH) file, or show it as JSON."""


@nacha.command("check")
@click.argument("file", type=click.File("rb"))
def check(file: BinaryIO) -> None:
    """Exit 0 when FILE (- for stdin) keeps every rule, else 1 with a line for each fault: line, field, rule.

    docs/ach.md explains the rules.
    """
    faults = 0
    control: FileControl | None = None
    for each in examine(file):
        if isinstance(each, Fault):
            faults += 1
            click.echo(str(each))
        elif isinstance(each.record, FileControl):
            control = each.record
    if faults:
        click.echo(f"{faults:,} fault{'s' if faults > 1 else ''}.", err=True)
        sys.exit(EXIT_FAULTY)
    assert control is not None
    click.echo(
        f"All rules are kept: {control.batch_count:,} batches, {control.entry_addenda_count:,} entries and addenda, "
        f"debits {format_amount(control.total_debit_minor)}, credits {format_amount(control.total_credit_minor)}.",
        err=True,
    )


@nacha.command("read")
@click.argument("file", type=click.File("rb"))
def read(file: BinaryIO) -> None:
    """Show FILE (- for stdin) as JSON, a record a line, account numbers included; amounts are in cents.

    At the first fault the reading ends: exit 1, and the fault on stderr. Do not act on what was shown before it.
    """
    encoder = msgspec.json.Encoder()
    lines: list[bytes] = []
    try:
        for placed in read_records(file):
            lines.append(encoder.encode(placed))
            if len(lines) == LINES_AT_ONCE:
                _show(lines)
    except InvalidNachaFile as invalid:
        _show(lines)
        click.echo(f"directpay nacha read: {invalid}", err=True)
        sys.exit(EXIT_FAULTY)
    _show(lines)


def _show(lines: list[bytes]) -> None:
    if lines:
        click.echo(b"\n".join(lines))
        lines.clear()
