"""Returns of CCV Shop: goods and, in the statuses that mean so, money.

The name of a status is the shop's to change and never looked at. Whether prices hold
the tax is not told of a return: of the two readings that one is taken whose rows make
up the total; where neither does, the difference is kept.

Taken as likely, not documented: Completed and Credited (7, 8) mean that money went
back. Amounts are rounded to cents, as sums come with all their decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..errors import Unreadable, shown
from ..marks import _lt
from ..notices import Money, ReturnLine, ReturnNotice
from ..readers import decimal, identifier, mapping, moment, text
from .events import dedupe

CENT = Decimal("0.01")
RETURN_STATUSES = (
    ("1", _lt("New")),
    ("2", _lt("Processing")),
    ("3", _lt("Custom 1")),
    ("4", _lt("Custom 2")),
    ("5", _lt("Custom 3")),
    ("6", _lt("Canceled")),
    ("7", _lt("Completed")),
    ("8", _lt("Credited")),
)
STATES = {
    "1": "requested",
    "2": "approved",
    "3": "approved",
    "4": "approved",
    "5": "approved",
    "6": "cancelled",
    "7": "closed",
    "8": "closed",
}


def return_notices(
    data: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    refunding: frozenset[str],
) -> list[ReturnNotice]:
    """The return and, where its status means so, the refund."""
    number, status = identifier(data), text(data, "status")
    if status not in STATES:
        raise Unreadable(
            _lt("Unknown status of a return: “%(found)s”"), found=shown(status)
        )
    refunded = status in refunding
    # The goods of a return that was paid back are to be received as well.
    state = "approved" if refunded else STATES[status]
    currency = text(data, "currency").upper()
    goods = state in ("requested", "approved")
    lines = tuple(line_of(row, currency, goods) for row in rows)
    shared = shared_values(data, currency)
    returned = ReturnNotice(
        **shared,
        external_id=f"return:{number}",
        kind="return",
        state=state,
        lines=lines,
        goods_expected=any(line.goods_expected for line in lines),
    )
    if not refunded:
        return [returned]
    refund = ReturnNotice(
        **shared,
        external_id=f"refund:{number}",
        kind="refund",
        state="refunded",
        return_external_id=f"return:{number}",
        lines=tuple(priced_lines(data, rows, currency)),
        total=total_of(data, currency),
        goods_expected=returned.goods_expected,
    )
    return [returned, refund]


def total_of(data: Mapping[str, Any], currency: str) -> Money | None:
    """What was paid back, whichever sign the shop gives it."""
    total = cents(data.get("total_price_inc_tax"), currency, "total_price_inc_tax")
    return None if total is None else Money(abs(total.amount), currency)


def shared_values(data: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """What the return and its refund have in common."""
    customer = mapping(data.get("customer"), "customer")
    order = re.search(r"/(\d+)/?$", text(data, "order"))
    full, bare = text(data, "ordernumber_full"), text(data, "ordernumber")
    return {
        "order_external_id": order.group(1) if order else "",
        "order_refs": dedupe((full, bare)),
        "occurred_at": moment(data.get("create_date"), "create_date", utc=True),
        "currency": currency,
        "reason": text(data, "reason_name"),
        "note": text(data, "action_name"),
        "customer_email": text(customer, "email"),
    }


def line_of(row: Mapping[str, Any], currency: str, goods: bool) -> ReturnLine:
    quantity = abs(decimal(row.get("count"), "count") or Decimal(0))
    orderrow = mapping(row.get("orderrow"), "orderrow")
    place = re.search(r"/(\d+)/?$", text(orderrow, "href"))
    return ReturnLine(
        external_id=f"product:{identifier(row)}",
        order_line_ref=place.group(1) if place else "",
        sku=first_of(row, "sub_sku_number", "sub_product_number", "product_number"),
        barcode=text(row, "sub_ean_number"),
        title=text(row, "product_name"),
        quantity=quantity,
        goods_expected=goods and quantity > 0,
        reason=text(row, "memo"),
    )


def priced_lines(
    data: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], currency: str
) -> list[ReturnLine]:
    """The lines with their amounts, in the reading that makes up the total."""
    told = [row_total(row, currency) for row in rows]
    lines = [line_of(row, currency, True) for row in rows]
    if any(amount is None for amount in told):
        return lines
    with_tax = cents(data.get("total_price_inc_tax"), currency, "total_price_inc_tax")
    without = cents(data.get("total_price_exc_tax"), currency, "total_price_exc_tax")
    rates = [decimal(row.get("tax"), "tax") for row in rows]
    if not same_sum(told, with_tax) and same_sum(told, without):
        taxes = [tax_on(amount, rate) for amount, rate in zip(told, rates, strict=True)]
        tax = cents(data.get("total_tax"), currency, "total_tax")
        known = same_sum(taxes, tax)
        return [
            with_amounts(line, untaxed=amount, tax=part if known else None)
            for line, amount, part in zip(lines, told, taxes, strict=True)
        ]
    return [
        with_amounts(line, total=amount)
        for line, amount in zip(lines, told, strict=True)
    ]


def with_amounts(line: ReturnLine, **amounts: Money | None) -> ReturnLine:
    values = {name: getattr(line, name) for name in line.__dataclass_fields__}
    return ReturnLine(**{**values, **amounts})


def row_total(row: Mapping[str, Any], currency: str) -> Money | None:
    """What a row comes to, the chosen options of the article included."""
    name = "total_price_with_attributes"
    if row.get(name) is None:
        name = "total_price"
    amount = cents(row.get(name), currency, name)
    return None if amount is None else Money(abs(amount.amount), currency)


def tax_on(amount: Money, rate: Decimal | None) -> Money | None:
    if rate is None:
        return None
    return Money(rounded(amount.amount * rate / 100), amount.currency)


def same_sum(amounts: Iterable[Money | None], total: Money | None) -> bool:
    """Whether amounts, all of them known, make up a total."""
    amounts = list(amounts)
    if total is None or any(amount is None for amount in amounts):
        return False
    return sum((a.amount for a in amounts), Decimal(0)) == abs(total.amount)


def cents(value: Any, currency: str, name: str) -> Money | None:
    """An amount in whole cents; None where it is not told."""
    amount = decimal(value, name)
    if amount is None or not currency:
        return None
    return Money(rounded(amount), currency)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def first_of(row: Mapping[str, Any], *names: str) -> str:
    """The first of these texts that is not empty."""
    return next((told for name in names if (told := text(row, name))), "")
