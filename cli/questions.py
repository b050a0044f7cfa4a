"""`directpay questions`: asks a running system the questions of docs/analytics.md, and can write the answers there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg

from cli.settings import PostgresSettings, load
from cli.status import STATE_DIR, running_stack
from projections.questions import Question, example_values, questions

ROWS_SHOWN_MAX = 8
# Everything behind this line of the document is written by this command.
MARKER = "<!-- From here on: directpay questions --write docs/analytics.md -->"


@click.command(name="questions")
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: DIRECTPAY_POSTGRES.")
@click.option("--write", "document", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Write the questions and their answers into this file, behind its marker.")  # fmt: skip
@click.option("--tenant", help="Whose. Default: the tenant with most payments.")
@click.option("--landlord", help="For the questions about one. Default: the one with most properties.")
@click.option("--lease", help="For the question about one. Default: one that has late rent.")
def ask_questions(
    state_dir: Path | None, document: Path | None, tenant: str | None, landlord: str | None, lease: str | None
) -> None:
    """Ask the questions of docs/questions as an analyst does, and show SQL and answers."""
    uri = (
        load(PostgresSettings).postgres.get_secret_value() if state_dir is None else running_stack(state_dir)["analyst"]
    )
    given = {name: value for name, value in (("tenant", tenant), ("landlord", landlord), ("lease", lease)) if value}
    try:
        with psycopg.connect(uri, autocommit=True, options="-c timezone=UTC") as connection:
            values = {**example_values(connection), **given}
            sections = [_section(connection, question, values) for question in questions()]
    except (psycopg.Error, FileNotFoundError) as error:
        sys.exit(f"directpay questions: {error}")
    text = "\n".join(sections)
    if document is None:
        click.echo(text)
        return
    head, marker, _ = document.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        sys.exit(f"directpay questions: {document} lacks the line {MARKER}")
    document.write_text(f"{head}{MARKER}\n\n{text}", encoding="utf-8")
    click.echo(f"{len(sections)} questions and answers are in {document}")


def section_without_answer(question: Question) -> str:
    """Return what the document says of a question besides its answer."""
    number = question.name.partition("-")[0].lstrip("0")
    return (
        f"## {number}. {question.title}\n\nAsked by {question.asked_by}. Read from {question.read_from}.\n\n"
        f"```sql\n{question.sql}\n```\n"
    )


def _section(connection: psycopg.Connection, question: Question, values: Mapping[str, Any]) -> str:
    cursor = connection.execute(question.statement, values)
    columns = [column.name for column in cursor.description or ()]
    table = "\n".join(_table(columns, cursor.fetchall()))
    return f"{section_without_answer(question)}\n{table}\n"


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows[:ROWS_SHOWN_MAX]:
        yield f"| {' | '.join(_text(value) for value in row)} |"
    if len(rows) > ROWS_SHOWN_MAX:
        yield f"\n{len(rows) - ROWS_SHOWN_MAX} more rows."


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case timedelta():
            return str(timedelta(seconds=round(value.total_seconds())))
        case _:
            return str(value).replace("|", "\\|")
