"""Careful reading of what other people's programs send.

A value of the wrong type raises `Unreadable` naming its field; a value left out
gives the default. Nothing is guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import Unreadable, shown
from .marks import _lt
from .notices import Money

# Beyond these an amount is no amount, and arithmetic with it no longer cheap.
MAX_DIGITS = 18
PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def parse_json(body: bytes) -> Any:
    """The JSON of a body, numbers with decimals kept exact."""
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Unreadable(
            _lt(
                "This is cut off, or no JSON. Have the shop send it again, or fetch it"
                " again."
            )
        ) from error


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """The value as an object; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(
            _lt("%(field)s: an object was expected, not “%(found)s”."),
            field=name,
            found=shown(value),
        )
    return value


def rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The list of objects under a name; left out is an empty one."""
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(
            _lt("%(field)s: a list was expected, not “%(found)s”."),
            field=name,
            found=shown(value),
        )
    return [mapping(row, name) for row in value]


def text(data: Mapping[str, Any], name: str) -> str:
    """The text under a name, without spaces around it; numbers are texts too."""
    value = data.get(name)
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, (str, int, Decimal)):
        # A NUL or half a surrogate pair cannot be stored in PostgreSQL.
        whole = str(value).encode("utf-8", "replace").decode()
        return whole.replace("\0", "").strip()
    raise Unreadable(_lt("%(field)s: a text was expected."), field=name)


def identifier(data: Mapping[str, Any], name: str = "id") -> str:
    """The id under a name, as text; raises where it is missing or no id.

    Ids end up in the addresses that are called, so only plain ones pass.
    """
    value = data.get(name)
    valid = isinstance(value, (str, int)) and not isinstance(value, bool)
    found = str(value).strip() if valid else ""
    if found == "0" or not PLAIN_ID.fullmatch(found):
        raise Unreadable(_lt("%(field)s: the id is missing."), field=name)
    return found


def optional_identifier(data: Mapping[str, Any], name: str) -> str:
    """The id under a name, or an empty text."""
    return identifier(data, name) if data.get(name) else ""


def decimal(value: Any, name: str) -> Decimal | None:
    """A number, sent as a number or as a text; None when left out or empty."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise _no_number(value, name)
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise _no_number(value, name) from None
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        raise _no_number(value, name)
    return number


def _no_number(value: Any, name: str) -> Unreadable:
    return Unreadable(
        _lt("%(field)s: “%(found)s” is no number."), field=name, found=shown(value)
    )


def money(value: Any, currency: str, name: str) -> Money | None:
    """An amount in this currency; None when either is left out."""
    amount = decimal(value, name)
    if amount is None or not currency:
        return None
    return Money(amount, currency)


def moment(value: Any, name: str, utc: bool = False) -> datetime | None:
    """An ISO 8601 time, in UTC; None when left out.

    A time without a zone is refused, unless `utc` says that it is in UTC.
    """
    if not value:
        return None
    if not isinstance(value, str):
        raise _no_time(value, name)
    try:
        found = datetime.fromisoformat(_python310_time(value.strip()))
        if found.tzinfo is None:
            if not utc:
                raise Unreadable(
                    _lt("%(field)s: “%(found)s” does not say its time zone."),
                    field=name,
                    found=shown(value),
                )
            found = found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise _no_time(value, name) from None


def _no_time(value: Any, name: str) -> Unreadable:
    return Unreadable(
        _lt("%(field)s: “%(found)s” is no time."), field=name, found=shown(value)
    )


def _python310_time(value: str) -> str:
    """The time as Python 3.10 reads it: no Z, at most six decimals."""
    if value[-1:] in "Zz":
        value = value[:-1] + "+00:00"
    head, point, tail = value.partition(".")
    if not point:
        return value
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
