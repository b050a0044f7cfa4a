"""How a local stack sends ACH is chosen by a flag, not by parts, and a folder that has begun with files goes on so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local_stack.processes import DECIDED_BY_FILES
from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError

VALUES = {"ACH_URL": "http://127.0.0.1:8011", "ACH_BY_FILES": "true", "ACH_DROP_DIR": "ach", "BANK_DROP_DIR": "ach"}


@pytest.mark.parametrize("name", sorted(DECIDED_BY_FILES))
def test_what_files_need_is_decided_with_them_and_may_be_set_without(tmp_path: Path, name: str) -> None:
    settings = {name: VALUES[name]}
    LocalStack(tmp_path, settings=settings)
    with pytest.raises(StackError, match="is decided by the local stack"):
        LocalStack(tmp_path, settings=settings, ach_by_files=True)


def test_a_folder_with_files_is_not_started_without_them(tmp_path: Path) -> None:
    LocalStack(tmp_path).state.ach_files.mkdir()
    with pytest.raises(StackError, match="--ach files"):
        LocalStack(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["ach"], "nothing was started"
