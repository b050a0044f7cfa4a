"""docs/settings.md names every setting, with its default and who reads it; and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from cli.settings import ALL, PREFIX, BankSettings, OriginatorSettings, ReconcilerSettings, Settings

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| `(DIRECTPAY_\w+)` \| ([^|]*) \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
FIELDS = {PREFIX + name.upper(): field for concern in reversed(ALL) for name, field in concern.model_fields.items()}
# Where one process has another default than the rest.
OTHER_DEFAULTS = {
    "DIRECTPAY_HTTP_PORT": f", bank `{BankSettings.model_fields['http_port'].default}`"
    f", originator `{OriginatorSettings.model_fields['http_port'].default}`"
    f", reconciler `{ReconcilerSettings.model_fields['http_port'].default}`"
}


def test_the_table_names_every_setting_once() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(FIELDS)


@pytest.mark.parametrize(("name", "said"), ROWS)
def test_the_table_gives_the_default(name: str, said: str) -> None:
    default = FIELDS[name].default
    if default is PydanticUndefined:
        assert said.strip() == "required"
    else:
        text = str(default).lower() if isinstance(default, bool) else str(default)
        assert said.strip() == (f"`{text}`{OTHER_DEFAULTS.get(name, '')}" if default not in (None, "") else "none")


def test_a_default_differs_only_where_the_table_says_so() -> None:
    differing = {
        PREFIX + name.upper()
        for process in ALL
        for name, field in process.model_fields.items()
        if field.default != FIELDS[PREFIX + name.upper()].default
    }
    assert differing == set(OTHER_DEFAULTS)


def test_every_settings_class_belongs_to_a_process() -> None:
    def below(kind: type[Settings]) -> set[type[Settings]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    used = {base for process in ALL for base in process.__mro__ if issubclass(base, Settings)}
    assert below(Settings) <= used
