"""Refunds in Amazon's finances 2024-06-19: transactions with nested breakdowns.

The same money is told twice when it is held back at first: as DEFERRED (which becomes
DEFERRED_RELEASED) and, once it is free, as a transaction of its own, RELEASED, that
names the first one. Only what is released is booked, under the id of the first.

The official examples contradict the schema (capitals, "Principle", one breakdown in
the place of a list): all of it is read. What is below fees or expenses is settled
with the seller; all other leaves concern the customer. Where the leaves do not make
up the total, the difference is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..errors import Unreadable, shown
from ..marks import _lt
from ..notices import (
    Fetched,
    IncomingEvent,
    ReturnLine,
    ReturnNotice,
    add_up,
)
from ..readers import decimal, mapping, moment, text
from .amazon_money import (
    Charge,
    Item,
    check_direction,
    currency_amount,
    fee_lines,
    lines_of,
)
from .events import dedupe, digest, event_key, fetched_or_broken

TOPIC = "transaction"
REFUNDS = ("refund", "guaranteeclaim", "chargeback")
STATES = {"DEFERRED": "pending", "RELEASED": "refunded", "": "refunded"}
# Leaves that say less than what they are below.
PARTS = {"base": "", "tax": "Tax", "principal": "", "principle": ""}


def messages(payload: Mapping[str, Any]) -> Iterator[Fetched]:
    """The refunds of a page."""
    for data in listed(payload.get("transactions"), "transactions"):
        data = lowered(data)
        kind = text(data, "transactiontype").replace(" ", "").lower()
        if not kind.startswith(REFUNDS):
            continue
        yield fetched_or_broken(message, TOPIC, data)


def message(data: Mapping[str, Any]) -> Fetched:
    """The message of a transaction; raises `Unreadable`."""
    body = json.dumps(data, sort_keys=True, default=str).encode()
    event = IncomingEvent(
        event_key=event_key("transaction", first_id(data), digest(body)),
        topic=TOPIC,
        external_ids=(f"refund:{first_id(data)}",),
        order_external_id=related(data, "ORDER_ID"),
        sent_at=moment(data.get("posteddate"), "postedDate"),
    )
    return Fetched(event, body)


def notices(data: Any) -> list[ReturnNotice]:
    """The refund of a transaction; none where another one tells the same money."""
    data = lowered(mapping(data, "transaction"))
    status = text(data, "transactionstatus").upper()
    if status == "DEFERRED_RELEASED":
        return []
    if status not in STATES:
        raise Unreadable(
            _lt("Unknown status of a transaction: “%(found)s”"), found=shown(status)
        )
    lines, fees = content_of(data)
    fees = fee_lines(fees)
    net = currency_amount(data.get("totalamount"), "totalAmount")
    total = add_up(line.total for line in lines)
    if net is not None:
        settled = add_up(fee.amount for fee in fees)
        total = -(net - settled if settled else net)
    check_direction(total)
    order = related(data, "ORDER_ID")
    return [
        ReturnNotice(
            external_id=f"refund:{first_id(data)}",
            kind="refund",
            state=STATES[status],
            order_external_id=order,
            order_refs=dedupe((order,)),
            occurred_at=moment(data.get("posteddate"), "postedDate"),
            currency=total.currency if total else (net.currency if net else ""),
            lines=lines,
            total=total,
            reason=text(data, "description"),
            fees=fees,
        )
    ]


def content_of(data: Mapping[str, Any]) -> tuple[tuple[ReturnLine, ...], list[Charge]]:
    """The lines and the fees of all items, or of the transaction without items."""
    lines: list[ReturnLine] = []
    fees: list[Charge] = []
    items = listed(data.get("items"), "items")
    for place, item in enumerate(items or [data], 1):
        charges = []
        for path, amount in leaves(item.get("breakdowns")):
            if any("fee" in name or "expense" in name for name in lower(path)):
                fees.append(Charge(fee_name(path), amount))
            else:
                charges.append(Charge(charge_name(path), amount))
        lines += lines_of(item_of(item, place), charges)
    return tuple(lines), fees


def item_of(item: Mapping[str, Any], place: int) -> Item:
    contexts = listed(item.get("contexts"), "contexts")
    product = next((c for c in contexts if c.get("sku") or c.get("asin")), {})
    quantity = decimal(product.get("quantityshipped"), "quantityShipped") or Decimal(0)
    return Item(
        external_id=related(item, "ORDER_ADJUSTMENT_ITEM_ID") or str(place),
        sku=text(product, "sku"),
        quantity=abs(quantity),
        order_line_ref="",
        title=text(item, "description"),
    )


def leaves(breakdowns: Any, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    """The amounts that are not divided further, with the names above them."""
    for row in listed(breakdowns, "breakdowns"):
        here = (*path, text(row, "breakdowntype"))
        below = listed(row.get("breakdowns"), "breakdowns")
        if below:
            yield from leaves(below, here)
            continue
        amount = currency_amount(row.get("breakdownamount"), "breakdownAmount")
        if amount is not None:
            yield here, amount


def fee_name(path: tuple[str, ...]) -> str:
    """The name of a fee: that above its base and its tax."""
    named = [name for name in path if name.lower() not in PARTS]
    return named[-1] if named else path[-1]


def charge_name(path: tuple[str, ...]) -> str:
    """A charge by the names of the older finances."""
    words = "".join(lower(path)).replace("our", "")
    is_tax = "tax" in path[-1].lower()
    if "facilitator" in words or "lowvaluegoods" in words:
        kind = "shipping" if "shipping" in words else "principal"
        return f"MarketplaceFacilitatorTax-{kind}"
    for word, name in (
        ("returnshipping", "ReturnShipping"),
        ("restocking", "RestockingFee"),
        ("goodwill", "Goodwill"),
        ("giftwrap", "GiftwrapTax" if is_tax else "Giftwrap"),
        ("shipping", "ShippingTax" if is_tax else "ShippingCharge"),
        ("promotion", "Promotion"),
        ("discount", "TaxDiscount" if is_tax else "Discount"),
        ("princip", "Tax" if is_tax else "Principal"),
        ("product", "Tax" if is_tax else "Principal"),
        ("price", "Tax" if is_tax else "Principal"),
    ):
        if word in words:
            return name
    return "Tax" if is_tax else path[-1]


def first_id(data: Mapping[str, Any]) -> str:
    """The id under which this money was told first."""
    first = related(data, "DEFERRED_TRANSACTION_ID") or text(data, "transactionid")
    if not first:
        raise Unreadable(_lt("%(field)s: the id is missing."), field="transactionId")
    return first if len(first) <= 60 else digest(first)


def related(data: Mapping[str, Any], name: str) -> str:
    """One of the ids that a transaction or an item names."""
    for row in listed(data.get("relatedidentifiers"), "relatedIdentifiers"):
        told = text(row, "relatedidentifiername") or text(
            row, "itemrelatedidentifiername"
        )
        if told.upper().replace(" ", "_") == name:
            return text(row, "relatedidentifiervalue") or text(
                row, "itemrelatedidentifiervalue"
            )
    return ""


def lower(path: tuple[str, ...]) -> list[str]:
    return [name.lower().replace(" ", "") for name in path]


def listed(value: Any, name: str) -> list[Mapping[str, Any]]:
    """A list of objects; one object alone, or a list within one, is a list too."""
    if isinstance(value, dict):
        inner = [v for k, v in value.items() if k.lower() == name.lower()]
        value = inner[0] if inner and isinstance(inner[0], list) else [value]
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(
            _lt("%(field)s: a list was expected, not “%(found)s”."),
            field=name,
            found=shown(value),
        )
    return [lowered(mapping(row, name)) for row in value]


def lowered(data: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its names in lowercase: they are written in several ways."""
    return {str(name).lower(): value for name, value in data.items()}
