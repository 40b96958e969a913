"""Keys of events, and careful reading: what all providers need for messages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import Unreadable
from ..marks import _lt
from ..notices import Fetched, IncomingEvent


def hmac_sha256(secret: str, body: bytes) -> bytes:
    """The base64 of the HMAC-SHA256 of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def digest(*parts: bytes | str) -> str:
    """A short stable fingerprint, for keys."""
    raw = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(raw).hexdigest()[:32]


def event_key(*parts: str) -> str:
    """A key of these parts, of a bounded length."""
    key = ":".join(part for part in parts if part)
    return key if len(key) <= 120 else f"{key[:80]}:{digest(key)}"


def fetched_or_broken(
    make: Callable[[Mapping[str, Any]], Fetched], topic: str, data: Mapping[str, Any]
) -> Fetched:
    """A message of what a list tells; where that cannot be made out, one that says so.

    One broken thing in a list must not hide all the others from every poll.
    """
    try:
        with careful_reading():
            return make(data)
    except Unreadable:
        body = json.dumps(data, sort_keys=True, default=str).encode()
        key = event_key("body", digest(body))
        return Fetched(IncomingEvent(event_key=key, topic=topic, readable=False), body)


@contextmanager
def careful_reading() -> Iterator[None]:
    """Turn what a body of an unforeseen shape provokes into `Unreadable`."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        told = f"{type(error).__name__}: {error}"[:120]
        told = told.encode("ascii", "backslashreplace").decode().replace("\0", "")
        raise Unreadable(_lt("Unexpected content (%(error)s)"), error=told) from error


def dedupe(values: Iterable[str]) -> tuple[str, ...]:
    """The values without empty and repeated ones, in their order."""
    return tuple(dict.fromkeys(value for value in values if value))
