"""A defect of the product, put in by a test, and the check that has to find it.

A defect is a function that puts it in through a MonkeyPatch; its name says, as a sentence, what is wrong. It is never
part of the product's modules. Where several checks cover for one another, one defect removes them together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chaos.oracle.violation import Kind

Defect = Callable[[pytest.MonkeyPatch], None]

# How a check speaks up: an assertion, a `pytest.raises` that nothing was raised in, a condition waited for in vain.
SPEAKS_UP = (AssertionError, pytest.fail.Exception, TimeoutError)
OURS = ("chaos", "directory", "ingest_api", "payments", "projections", "rails", "schemas", "stream_app", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`found_by` finds `defect`: a test, called with `given`, or a story that returns what the oracle sees.

    `seen_as` is what the oracle calls the defect; None where a test's assertion finds it.
    """

    defect: Defect
    found_by: Callable[..., Any]
    given: tuple[object, ...] = ()
    seen_as: Kind | None = None

    def check(self, *fixtures: object) -> None:
        """Assert that the defect is found; a story's silence on the product as it is has a test of its own."""
        if self.seen_as is None:
            self.found_by(*fixtures, *self.given)
        with pytest.MonkeyPatch.context() as patch:
            self.defect(patch)
            if self.seen_as is None:
                with pytest.raises(SPEAKS_UP):
                    self.found_by(*fixtures, *self.given)
            else:
                assert self.seen_as in self.found_by(*fixtures, *self.given)


def cases(these: list[Case]) -> pytest.MarkDecorator:
    """Return the parametrization of a test over these cases."""
    return pytest.mark.parametrize("case", these, ids=[case.defect.__name__ for case in these])


def sentence(function: Callable[..., Any]) -> str:
    """Return a function's name as the sentence that it is."""
    return function.__name__.removeprefix("test_").replace("_", " ")


def everywhere(patch: pytest.MonkeyPatch, sound: object, defective: object) -> None:
    """Put `defective` in the place of `sound` in every module of ours that has it, under whatever name."""
    places = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.partition(".")[0] in OURS
        for name, value in list(vars(module).items())
        if value is sound
    ]
    assert places, "nobody would notice"
    for module, name in places:
        patch.setattr(module, name, defective)
