"""A peer whose packages cannot be had here is reported with the reason, and tried anew the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.peers.interpreter import interpreter


def test_packages_that_cannot_be_had_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRECTPAY_CACHE_DIR", str(tmp_path))
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./not-there\n")
    with pytest.raises(RuntimeError, match=r"(?s)What nobody needs cannot be installed here: .*not-there"):
        interpreter("nobody", requirements)
    assert not list(tmp_path.rglob("installed")), "or it would pass for whole the next time"
