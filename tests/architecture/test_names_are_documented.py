"""What a reader meets on the wire is explained in docs/: every topic and every event type."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local_stack.processes import DECIDED, DECIDED_BY_FILES, SENDER
from cli.main import SUBCOMMANDS
from cli.settings import ALL
from directory.webhook_endpoint import TOLD_TYPES
from rails.nacha.faults import Rule
from reconciliation.statements.faults import Rule as StatementRule
from schemas.topics import TOPICS

ROOT = Path(__file__).parents[2]
DOCS = "\n".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", [topic.name for topic in TOPICS])
def test_every_topic_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", [told.value for told in TOLD_TYPES])
def test_every_event_type_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"directpay {name}" in DOCS or f"make {name}" in DOCS


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_of_a_nacha_file_is_documented(rule: Rule) -> None:
    assert f"`{rule}`" in (ROOT / "docs" / "ach.md").read_text()


@pytest.mark.parametrize("rule", StatementRule)
def test_every_rule_of_a_statement_is_documented(rule: StatementRule) -> None:
    assert f"`{rule}`" in (ROOT / "docs" / "statements.md").read_text()


def test_what_the_stack_decides_are_settings() -> None:
    known = {field.upper() for concern in ALL for field in concern.model_fields}
    assert known >= DECIDED | DECIDED_BY_FILES | SENDER.keys()
