"""Our own files of returns and refunds, for marketplaces without a connector.

CSV (comma, semicolon or tab) or JSON (a list of objects) with the columns below.
Rows with the same `kind` and `id` are the lines of one refund or return. Amounts are
with tax and positive when money goes back; a fee that is kept is a line of kind
`fee` with a negative amount.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .errors import Unreadable, shown
from .files import FileFormat, Row, write_csv
from .marks import _lt
from .notices import KINDS, LINE_KINDS, STATES, Money, ReturnLine, ReturnNotice
from .readers import decimal, moment, text

# (column, what it is)
COLUMNS = (
    ("kind", _lt("refund (money back) or return (goods back); refund when left empty")),
    ("id", _lt("the number of the refund or return at the marketplace; required")),
    ("state", f"{', '.join(STATES)}; refunded or approved when left empty"),
    ("order", _lt("the number of the order that people see; required")),
    ("order id", _lt("the marketplace's internal id of the order, if there is one")),
    ("return id", _lt("of a refund: the return it belongs to")),
    ("date", _lt("ISO 8601: 2026-03-31 or 2026-03-31T10:15:00+02:00")),
    ("currency", _lt("ISO 4217: EUR; required where there is an amount")),
    ("amount", _lt("what was paid back in all, with tax; the same on each row")),
    ("line kind", f"{', '.join(LINE_KINDS)}; product when left empty"),
    ("order line", _lt("the marketplace's id of the order line")),
    ("sku", _lt("the article's number")),
    ("barcode", _lt("the article's EAN or UPC")),
    ("title", _lt("the article's name")),
    ("quantity", _lt("how many; 0 for money only")),
    ("line amount", _lt("of this line, with tax")),
    ("goods", _lt("yes or no: whether goods come back for this line")),
    ("reason", _lt("why, in the marketplace's words")),
    ("note", _lt("anything else")),
    ("email", _lt("the customer's")),
    ("language", _lt("the customer's: nl, fr-BE")),
)
EXAMPLE = (
    ("refund", "R-1001", "refunded", "1001", "", "", "2026-03-31", "EUR", "48.40")
    + ("product", "", "E-COM07", "", "Large Cabinet", "1", "42.35", "yes")
    + ("Too large", "", "anna@example.com", "nl"),
    ("refund", "R-1001", "refunded", "1001", "", "", "2026-03-31", "EUR", "48.40")
    + ("shipping", "", "", "", "Delivery", "0", "6.05", "no")
    + ("Too large", "", "anna@example.com", "nl"),
)
YES = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}
NUMBER = re.compile(r"[-+]?\d{1,15}([.,]\d{1,6})?")


def template() -> bytes:
    """A CSV to fill in, with one refund of two lines as an example."""
    return write_csv([name for name, _help in COLUMNS], EXAMPLE)


def plain_key(row: Row) -> str:
    """Which refund or return a row is of."""
    kind = text(row, "kind").lower() or "refund"
    if kind not in KINDS[:2]:
        raise Unreadable(
            _lt("kind: “refund” or “return” was expected, not “%(found)s”."),
            found=shown(kind),
        )
    number = text(row, "id")
    if not number or len(number) > 100:
        raise Unreadable(_lt("id: the number of the refund or return is missing."))
    if not text(row, "order") and not text(row, "order id"):
        raise Unreadable(_lt("order: the number of the order is missing."))
    return f"{kind}:{number}"


def plain_notices(rows: Sequence[Row]) -> list[ReturnNotice]:
    """The refund or return of these rows."""
    first = rows[0]
    external_id = plain_key(first)
    kind = external_id.partition(":")[0]
    default = "refunded" if kind == "refund" else "approved"
    currency = _same(rows, "currency").upper()
    lines = tuple(_line(row, place, currency) for place, row in enumerate(rows, 1))
    lines = tuple(line for line in lines if line)
    total = _money(_same(rows, "amount"), currency, "amount")
    if total is not None and total.amount < 0:
        raise Unreadable(_lt("amount: what is paid back is above zero."))
    if total is None and not lines:
        raise Unreadable(_lt("amount, quantity: fill in one of them at least."))
    return [
        ReturnNotice(
            external_id=external_id,
            kind=kind,
            state=_one_of(_same(rows, "state") or default, STATES, "state"),
            order_external_id=_same(rows, "order id"),
            order_refs=tuple(filter(None, (_same(rows, "order"),))),
            return_external_id=_return_of(rows),
            occurred_at=_date(_same(rows, "date")),
            currency=currency,
            lines=lines,
            total=total,
            goods_expected=any(line.goods_expected for line in lines),
            reason=text(first, "reason"),
            note=text(first, "note"),
            customer_email=text(first, "email"),
            customer_language=text(first, "language"),
        )
    ]


def _line(row: Row, place: int, currency: str) -> ReturnLine | None:
    kind = _one_of(text(row, "line kind") or "product", LINE_KINDS, "line kind")
    quantity = _number(row.get("quantity"), "quantity")
    amount = _money(row.get("line amount"), currency, "line amount")
    if quantity is not None and quantity < 0:
        raise Unreadable(_lt("quantity: it cannot be below zero."))
    if quantity is None and amount is None:
        return None
    goods = text(row, "goods").lower()
    if goods and goods not in YES:
        raise Unreadable(
            _lt("goods: “yes” or “no” was expected, not “%(found)s”."),
            found=shown(goods),
        )
    quantity = quantity or Decimal(0)
    return ReturnLine(
        external_id=f"{kind}:{place}",
        kind=kind,
        order_line_ref=text(row, "order line"),
        sku=text(row, "sku"),
        barcode=text(row, "barcode"),
        title=text(row, "title"),
        quantity=quantity,
        total=amount,
        goods_expected=YES.get(goods, kind == "product" and quantity > 0),
        reason=text(row, "reason"),
    )


def _same(rows: Sequence[Row], name: str) -> str:
    """What all rows of a refund say alike, or leave empty."""
    found = {text(row, name) for row in rows} - {""}
    if len(found) > 1:
        raise Unreadable(
            _lt("%(field)s: the rows of one refund or return do not agree."), field=name
        )
    return found.pop() if found else ""


def _return_of(rows: Sequence[Row]) -> str:
    number = _same(rows, "return id")
    return f"return:{number}" if number else ""


def _one_of(value: str, allowed: Sequence[str], name: str) -> str:
    if value.lower() not in allowed:
        raise Unreadable(
            _lt("%(field)s: one of %(choices)s was expected, not “%(found)s”."),
            field=name,
            choices=", ".join(allowed),
            found=shown(value),
        )
    return value.lower()


def _date(value: str) -> Any:
    """A date, at noon in UTC, or a time with its zone."""
    whole = f"{value}T12:00:00Z" if len(value) == 10 else value
    try:
        return moment(whole, "date")
    except Unreadable:
        raise Unreadable(
            _lt("date: “%(found)s” is no date: write it like 2026-12-31."),
            found=shown(value),
        ) from None


def _number(value: Any, name: str) -> Decimal | None:
    """A number with a point or a comma, and nothing between its thousands."""
    if isinstance(value, str) and value:
        if not NUMBER.fullmatch(value.strip()):
            raise Unreadable(
                _lt("%(field)s: “%(found)s” is no number: write it like 1234.50."),
                field=name,
                found=shown(value),
            )
        value = value.strip().replace(",", ".")
    return decimal(value, name)


def _money(value: Any, currency: str, name: str) -> Money | None:
    amount = _number(value, name)
    if amount is None:
        return None
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Unreadable(
            _lt("currency: a code like EUR was expected, not “%(found)s”."),
            found=shown(currency),
        )
    return Money(amount, currency)


PLAIN = FileFormat(
    name="plain",
    label=_lt("Plain file (CSV, JSON)"),
    required=("id", "order"),
    key=plain_key,
    notices=plain_notices,
)
