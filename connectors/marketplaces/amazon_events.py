"""Refunds in Amazon's finances v0: RefundEventList and the lists like it.

Each adjusted item (`OrderAdjustmentItemId`) is a notice of its own, as its id is the
only one that stays. Fees are added up as they are told, never worked out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..errors import Unreadable
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, ReturnNotice, add_up
from ..readers import decimal, mapping, moment, rows, text
from .amazon_money import (
    Charge,
    Item,
    charge,
    check_direction,
    currency_amount,
    fee_lines,
    lines_of,
)
from .events import dedupe, digest, event_key, fetched_or_broken

TOPIC = "refund"
# The lists of money that went back to customers, and what is told as the reason.
LISTS = {
    "RefundEventList": "",
    "GuaranteeClaimEventList": "Guarantee claim",
    "ChargebackEventList": "Chargeback",
}
SHARED = ("AmazonOrderId", "SellerOrderId", "MarketplaceName", "PostedDate")


def messages(events: Mapping[str, Any]) -> Iterator[Fetched]:
    """The refunds of a page, as messages of one adjusted item each."""
    for name, reason in LISTS.items():
        for event in rows(events, name):
            for data in adjusted(event, reason):
                yield fetched_or_broken(message, TOPIC, data)


def adjusted(event: Mapping[str, Any], reason: str) -> Iterator[dict[str, Any]]:
    """What an event tells of each adjusted item; parts of the same one together."""
    items: dict[str, list[Mapping[str, Any]]] = {}
    try:
        for item in rows(event, "ShipmentItemAdjustmentList"):
            items.setdefault(item_id(event, item), []).append(item)
        whole = of_the_order(event)
        if whole:
            # It goes with the first item, if there is one.
            first = next(iter(items), "") or item_id(event, whole)
            items.setdefault(first, []).append(whole)
    except Unreadable:
        yield {"broken": event}
        return
    for external_id, same in items.items():
        data = {key: event[key] for key in SHARED if key in event}
        yield data | {"id": external_id, "reason": reason, "items": same}


def of_the_order(event: Mapping[str, Any]) -> dict[str, Any]:
    """The charges and fees of the whole order, in the shape of an item."""
    fees = [
        *rows(event, "ShipmentFeeAdjustmentList"),
        *rows(event, "OrderFeeAdjustmentList"),
    ]
    found = {
        "ItemChargeAdjustmentList": rows(event, "OrderChargeAdjustmentList"),
        "ItemFeeAdjustmentList": fees,
    }
    return {name: told for name, told in found.items() if told}


def message(data: Mapping[str, Any]) -> Fetched:
    """The message of an adjusted item; raises `Unreadable`."""
    if "broken" in data:
        raise Unreadable(_lt("The refund cannot be read."))
    body = json.dumps(data, sort_keys=True, default=str).encode()
    event = IncomingEvent(
        event_key=event_key("refund", text(data, "id"), digest(body)),
        topic=TOPIC,
        external_ids=(f"refund:{text(data, 'id')}",),
        order_external_id=text(data, "AmazonOrderId"),
        sent_at=moment(data.get("PostedDate"), "PostedDate"),
    )
    return Fetched(event, body)


def item_id(event: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """The id of an adjusted item; left out, what it is about stands for it."""
    found = text(item, "OrderAdjustmentItemId")
    if found:
        return found if len(found) <= 60 else digest(found)
    return digest(
        text(event, "AmazonOrderId"),
        text(event, "PostedDate"),
        text(item, "SellerSKU"),
        text(item, "OrderItemId"),
    )


def notices(data: Any) -> list[ReturnNotice]:
    """The refund of an adjusted item."""
    data = mapping(data, "refund")
    items = rows(data, "items")
    first = items[0]
    charges = [one for item in items for one in charges_of(item)]
    fees = fee_lines(one for item in items for one in fees_of(item))
    quantity = sum(
        (decimal(i.get("QuantityShipped"), "QuantityShipped") or 0 for i in items),
        Decimal(0),
    )
    item = Item(
        external_id=text(data, "id"),
        sku=text(first, "SellerSKU"),
        quantity=abs(quantity),
        order_line_ref=text(first, "OrderItemId"),
        title="",
    )
    lines = tuple(lines_of(item, charges))
    total = add_up(line.total for line in lines)
    check_direction(total)
    order = text(data, "AmazonOrderId")
    return [
        ReturnNotice(
            external_id=f"refund:{text(data, 'id')}",
            kind="refund",
            state="refunded",
            order_external_id=order,
            order_refs=dedupe((order, text(data, "SellerOrderId"))),
            occurred_at=moment(data.get("PostedDate"), "PostedDate"),
            currency=currency_of(total, fees),
            lines=lines,
            total=total,
            reason=text(data, "reason"),
            note=text(data, "MarketplaceName"),
            fees=fees,
        )
    ]


def currency_of(total, fees) -> str:
    if total is not None:
        return total.currency
    return fees[0].amount.currency if fees else ""


def charges_of(item: Mapping[str, Any]) -> Iterator[Charge]:
    """What concerns the customer: charges, promotions, tax that was withheld."""
    for row in rows(item, "ItemChargeAdjustmentList"):
        yield from found(charge(row, "ChargeType", "ChargeAmount"))
    for row in rows(item, "PromotionAdjustmentList"):
        amount = currency_amount(row.get("PromotionAmount"), "PromotionAmount")
        if amount is not None:
            yield Charge("Promotion", amount)
    for withheld in rows(item, "ItemTaxWithheldList"):
        for row in rows(withheld, "TaxesWithheld"):
            yield from found(charge(row, "ChargeType", "ChargeAmount"))


def fees_of(item: Mapping[str, Any]) -> Iterator[Charge]:
    """What the marketplace settles with the seller."""
    for row in rows(item, "ItemFeeAdjustmentList"):
        yield from found(charge(row, "FeeType", "FeeAmount"))
    points = currency_amount(item.get("CostOfPointsReturned"), "CostOfPointsReturned")
    if points is not None:
        yield Charge("CostOfPointsReturned", points)


def found(one: Charge | None) -> Iterator[Charge]:
    if one is not None:
        yield one
