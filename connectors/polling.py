"""A poll that can be broken off after each page and taken up again.

A marketplace has one or several streams (its returns, its payments, a report…).
They are asked one after the other, window by window; the cursor says what is done
and where the one under way stands. It is JSON, but of no interest to its keeper.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .errors import Unreadable
from .marks import _lt
from .notices import Fetched, Page
from .readers import moment


@dataclass(frozen=True)
class Part:
    """What a stream found with one call.

    `at` says where to go on, None at the end of the window; `retry_after` that
    there is nothing more to be had before so many seconds.
    """

    messages: Sequence[Fetched] = ()
    at: Any = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Stream:
    """One list of a marketplace.

    `parts(since, until, at)` asks for it; `at` is None or that of an earlier part.
    `overlap` is asked again each time (what may appear late), `lag` is how old things
    must be, `longest` the longest window that may be asked for at once.
    """

    name: str
    parts: Callable[[datetime, datetime, Any], Iterator[Part]]
    overlap: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    longest: timedelta | None = None


@dataclass(frozen=True)
class State:
    """What the cursor holds."""

    since: datetime
    until: datetime
    done: tuple[str, ...] = ()
    stream: str = ""
    # The beginning of the window under way.
    window: datetime | None = None
    at: Any = None

    def dumps(self) -> str:
        """The cursor."""
        return json.dumps(
            {
                "since": self.since.isoformat(),
                "until": self.until.isoformat(),
                "done": list(self.done),
                "stream": self.stream,
                "window": self.window and self.window.isoformat(),
                "at": self.at,
            }
        )

    @classmethod
    def loads(cls, cursor: str) -> State:
        """The state in a cursor; raises `Unreadable`."""
        try:
            data = json.loads(cursor)
            since = moment(data["since"], "since")
            until = moment(data["until"], "until")
            if since is None or until is None:
                raise ValueError("no window")
            return cls(
                since=since,
                until=until,
                done=tuple(data.get("done") or ()),
                stream=data.get("stream") or "",
                window=moment(data.get("window"), "window"),
                at=data.get("at"),
            )
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Unreadable(_lt("The cursor of the poll cannot be read.")) from None


def poll_pages(
    streams: Sequence[Stream],
    cursor: str,
    since: datetime,
    until: datetime | None,
    start: datetime | None = None,
) -> Iterator[Page]:
    """The pages of all streams; see `Marketplace.poll_pages`.

    What is asked again of the past does not go back before `start`.
    """
    state = State.loads(cursor) if cursor else State(since, until or now())
    left = [stream for stream in streams if stream.name not in state.done]
    if state.stream not in {stream.name for stream in left}:
        state = replace(state, stream="", window=None, at=None)
    left.sort(key=lambda stream: stream.name != state.stream)
    for number, stream in enumerate(left):
        if stream.name != state.stream:
            state = replace(state, stream=stream.name, window=None, at=None)
        last = number == len(left) - 1
        for page, after in _stream_pages(stream, state, last, start):
            yield page
            state = after
            if page.retry_after is not None:
                return
    if not left:
        yield Page(())


def _stream_pages(
    stream: Stream, state: State, last: bool, earliest: datetime | None
) -> Iterator[tuple[Page, State]]:
    """The pages of one stream, each with the state after it."""
    end = max(min(state.until, now() - stream.lag), state.since)
    start = state.window or floor(state.since, stream.overlap, earliest)
    while True:
        stop = min(end, start + stream.longest) if stream.longest else end
        for part in stream.parts(start, stop, state.at):
            state = replace(state, window=start, at=part.at)
            if part.at is None:
                break
            yield Page(tuple(part.messages), state.dumps(), part.retry_after), state
        else:
            if state.at is not None:
                # So many pages that the provider stopped counting.
                yield Page((), state.dumps(), retry_after=0), state
                return
            part = Part()
        over = stop >= end
        done = (*state.done, stream.name) if over else state.done
        state = replace(
            state,
            done=done,
            stream="" if over else stream.name,
            window=None if over else stop,
            at=None,
        )
        cursor = "" if over and last else state.dumps()
        yield Page(tuple(part.messages), cursor), state
        if over:
            return
        start = stop


def floor(since: datetime, overlap: timedelta, earliest: datetime | None) -> datetime:
    """Where to begin: earlier than `since`, but not before the account's start."""
    if earliest is None:
        return since - overlap
    return max(since - overlap, min(since, earliest))


def now() -> datetime:
    """The time, aware."""
    return datetime.now(timezone.utc)
