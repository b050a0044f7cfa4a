"""The questions that `docs/analytics.md` answers: the SQL in `docs/questions`, with what it asks and what it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

DIRECTORY = Path(__file__).parents[1] / "docs" / "questions"
# psql's way to name a value: psql -v tenant=demo -f FILE.
_VALUE = re.compile(r":'(\w+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One file: its first three lines are the question, who asks it and what the answer is read from."""

    name: str
    title: str
    asked_by: str
    read_from: str
    sql: str

    @property
    def statement(self) -> LiteralString:
        """The SQL for psycopg: values by name, percent signs doubled. The text is ours, no caller's."""
        text: LiteralString = _VALUE.sub(r"%(\1)s", self.sql.replace("%", "%%"))
        return text.rstrip().removesuffix(";")


def questions() -> list[Question]:
    """Return all of them in order; raises FileNotFoundError where only the packages are installed, not the docs."""
    paths = sorted(DIRECTORY.glob("*.sql"))
    if not paths:
        raise FileNotFoundError(f"there are no questions in {DIRECTORY}")
    return [_read(path) for path in paths]


def example_values(connection: psycopg.Connection) -> Mapping[str, Any]:
    """Return values to ask about: the largest tenant, its landlord with most properties, a lease that was paid late."""
    values: dict[str, Any] = {}
    for name, sql in _EXAMPLES.items():
        row = connection.execute(sql, values).fetchone()
        values[name] = None if row is None else row[0]
    return values


_EXAMPLES: dict[str, LiteralString] = {
    "tenant": "SELECT tenant_id FROM analytics.rail_performance GROUP BY 1 ORDER BY sum(count) DESC, 1 LIMIT 1",
    "landlord": """SELECT owner_id FROM analytics.properties WHERE tenant_id = %(tenant)s
                   GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1""",
    "lease": """SELECT lease_id FROM analytics.lease_standing WHERE tenant_id = %(tenant)s
                ORDER BY late AND paid > 0 DESC, paid DESC, lease_id LIMIT 1""",
}


def _read(path: Path) -> Question:
    title, asked_by, read_from, *sql = path.read_text(encoding="utf-8").splitlines()
    return Question(
        name=path.stem,
        title=title.removeprefix("-- "),
        asked_by=asked_by.removeprefix("-- asked by: "),
        read_from=read_from.removeprefix("-- read from: "),
        sql="\n".join(sql),
    )
