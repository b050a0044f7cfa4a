"""Where the stack answers: the parts of stack.json that the tour uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """URLs and keys of one stack, and what divides its rails' delays."""

    http: str
    kafka: str
    analyst: str
    bank: str
    api_key: str
    admin_key: str
    rail_speed: float

    @classmethod
    def of(cls, stack: Mapping[str, Any]) -> Places:
        """Return the places of a stack.json."""
        return cls(**{field.name: stack[field.name] for field in fields(cls)})
