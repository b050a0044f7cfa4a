"""Why a year cannot be made, or not be finished."""

from __future__ import annotations


class CannotBegin(Exception):
    """The stack is not in a state in which its clock may be set; the message says what to do."""


class NoProgress(Exception):
    """A part of the pipeline does nothing more."""


class NotAsPlanned(Exception):
    """The views show something else than was planned."""
