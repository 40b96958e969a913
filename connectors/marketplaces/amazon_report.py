"""Amazon's reports of returns: goods only, no money.

By the marketplace's own warehouses (FBA): what came in, without an id of the return;
the plate on the parcel, order, article and moment stand for it. By the seller (MFN):
what was asked for and authorised, which says nothing of goods or money yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import Unreadable
from ..files import FileFormat, Row
from ..marks import _lt
from ..notices import ReturnLine, ReturnNotice
from ..readers import decimal, moment, text
from .events import dedupe, digest

MARKETPLACES = (
    ("AMEN7PMS3EDWL", _lt("Belgium")),
    ("A13V1IB3VIYZZH", _lt("France")),
    ("A1PA6795UKMFR9", _lt("Germany")),
    ("A28R8C7NBKEWEA", _lt("Ireland")),
    ("APJ6JRA9NG5V4", _lt("Italy")),
    ("A1805IZSGTT6HS", _lt("Netherlands")),
    ("A1C3SOZRARQ6R3", _lt("Poland")),
    ("A1RKKUPIHCS9HS", _lt("Spain")),
    ("A2NODRKZP88ZB9", _lt("Sweden")),
    ("A1F83G8C2ARO7P", _lt("United Kingdom")),
    ("A33AVAJ2PDY3EV", _lt("Turkey")),
    ("ATVPDKIKX0DER", _lt("United States")),
    ("A2EUQ1WTGCTBG2", _lt("Canada")),
    ("A1AM78C64UM0Y8", _lt("Mexico")),
    ("A1VC38T7YXB528", _lt("Japan")),
    ("A39IBJ37TRP1C6", _lt("Australia")),
)
MFN_STATES = {
    "approved": "approved",
    "completed": "closed",
    "closed": "closed",
    "denied": "declined",
    "declined": "declined",
    "rejected": "declined",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAY = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})")


def fba_key(row: Row) -> str:
    order = order_of(row)
    return digest(
        text(row, "license plate number"),
        order,
        text(row, "sku"),
        text(row, "return date"),
    )


def fba_notices(rows: Sequence[Row]) -> list[ReturnNotice]:
    """What came in. The same plate twice is the same article, told again."""
    first = rows[0]
    counted = rows[:1] if text(first, "license plate number") else rows
    number, order = fba_key(first), order_of(first)
    told = (text(first, name) for name in ("detailed disposition", "status"))
    return [
        ReturnNotice(
            external_id=f"return:{number}",
            kind="return",
            state="approved",
            order_external_id=order,
            order_refs=(order,),
            occurred_at=day(text(first, "return date")),
            lines=(
                line_of(
                    first, number, text(first, "sku"), quantity_of(counted, "quantity")
                ),
            ),
            goods_expected=True,
            reason=text(first, "reason"),
            note=", ".join(dedupe((*told, text(first, "customer comments")))),
            fulfilled_by="marketplace",
        )
    ]


def mfn_key(row: Row) -> str:
    rma = text(row, "amazon rma id") or text(row, "merchant rma id")
    if not rma:
        raise Unreadable(_lt("Amazon RMA ID: the number of the return is missing."))
    return f"{order_of(row)} {rma}"


def mfn_notices(rows: Sequence[Row]) -> list[ReturnNotice]:
    """What was asked for; what the report says of money is not taken from it."""
    first = rows[0]
    order = order_of(first)
    number = mfn_key(first).partition(" ")[2]
    if len(number) > 60:
        number = digest(number)
    status = text(first, "return request status")
    state = MFN_STATES.get(status.lower(), "requested")
    goods = state in ("requested", "approved")
    by_sku: dict[str, list[Row]] = {}
    for row in rows:
        by_sku.setdefault(text(row, "merchant sku"), []).append(row)
    lines = tuple(
        line_of(same[0], sku, sku, quantity_of(same[:1], "return quantity"), goods)
        for sku, same in by_sku.items()
    )
    resolution = text(first, "resolution")
    return [
        ReturnNotice(
            external_id=f"return:{number}",
            kind="return",
            state=state,
            order_external_id=order,
            order_refs=(order,),
            occurred_at=day(text(first, "return request date")),
            lines=lines,
            goods_expected=any(line.goods_expected for line in lines),
            reason=text(first, "return reason"),
            note=", ".join(dedupe((status, resolution))),
            fulfilled_by="seller",
        )
    ]


def line_of(
    row: Row, number: str, sku: str, quantity: Decimal, goods: bool = True
) -> ReturnLine:
    return ReturnLine(
        external_id=f"product:{number}",
        sku=sku,
        title=text(row, "product name") or text(row, "item name"),
        quantity=quantity,
        goods_expected=goods and quantity > 0,
        reason=text(row, "return reason") or text(row, "reason"),
    )


def quantity_of(rows: Sequence[Row], name: str) -> Decimal:
    found = [decimal(row.get(name), name) for row in rows]
    if any(quantity is None or quantity < 0 for quantity in found):
        raise Unreadable(_lt("%(field)s: a number from 0 was expected."), field=name)
    return sum((quantity or Decimal(0) for quantity in found), Decimal(0))


def order_of(row: Row) -> str:
    order = text(row, "order id")
    if not order or len(order) > 60:
        raise Unreadable(_lt("order id: the number of the order is missing."))
    return order


def day(value: str) -> datetime | None:
    """A moment: ISO 8601, or 10-Jul-2025 (at noon in UTC)."""
    found = DAY.fullmatch(value)
    if not found:
        return moment(value, "date", utc=True)
    number, month, year = found.groups()
    if month.lower() not in MONTHS:
        raise Unreadable(_lt("date: a date like 10-Jul-2025 was expected."))
    return datetime(
        int(year), MONTHS.index(month.lower()) + 1, int(number), 12, tzinfo=timezone.utc
    )


FBA = FileFormat(
    name="GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",
    label=_lt("Amazon: returns to its warehouses (FBA, TSV)"),
    required=("return date", "order id", "sku", "quantity", "license plate number"),
    key=fba_key,
    notices=fba_notices,
)
MFN = FileFormat(
    name="GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
    label=_lt("Amazon: returns to the seller (MFN, TSV)"),
    required=(
        "order id",
        "return request date",
        "amazon rma id",
        "merchant sku",
        "return quantity",
    ),
    key=mfn_key,
    notices=mfn_notices,
)
