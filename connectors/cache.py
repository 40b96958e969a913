"""Where tokens and public keys are kept between calls.

The caller gives the place (in memory, in a database); what is kept is secret and
must not be logged. The keys say which account's secrets a value belongs to, so
changed secrets never meet an old token.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Cache(Protocol):
    """What a caller may give instead of `Memory`."""

    def get(self, key: str) -> str | None:
        """The value kept under this key, unless it is too old."""

    def set(self, key: str, value: str, seconds: float) -> None:
        """Keep a value for so long at most; an empty one forgets it."""


class Memory:
    """A cache in this process. One can serve all accounts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def __repr__(self):
        return f"<Memory of {len(self._kept)} secrets>"

    def get(self, key: str) -> str | None:
        until, value = self._kept.get(key, (0.0, ""))
        return value if value and self._clock() < until else None

    def set(self, key: str, value: str, seconds: float) -> None:
        self._kept[key] = (self._clock() + seconds, value)
