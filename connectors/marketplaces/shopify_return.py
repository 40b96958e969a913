"""Shopify's return: goods that may come back, told in full by the API only.

Approved is not refunded: the money of a return comes with refunds that name it.
Its fees are what the customer is charged, with tax or without is not documented:
only their totals are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..errors import Refused, Unreadable, shown
from ..marks import _lt
from ..notices import ReturnLine, ReturnNotice
from ..readers import (
    decimal,
    identifier,
    mapping,
    moment,
    optional_identifier,
    rows,
    text,
)
from .events import dedupe
from .shopify_graphql import bag, nodes, number_of, order_of_node
from .shopify_refund import set_money

RETURN_STATES = {
    "requested": "requested",
    "open": "approved",
    "declined": "declined",
    "canceled": "cancelled",
    "closed": "closed",
}
# What a topic says of the return's status, when its body does not.
STATUS_OF_TOPIC = {
    "returns/request": "requested",
    "returns/approve": "open",
    "returns/decline": "declined",
    "returns/cancel": "canceled",
    "returns/close": "closed",
    "returns/reopen": "open",
}


def return_state(status: str) -> str:
    """Our word for a return's status."""
    state = RETURN_STATES.get(status.lower())
    if state is None:
        raise Unreadable(
            _lt("Unknown status of a return: “%(found)s”"), found=shown(status)
        )
    return state


def told_return(topic: str, data: Mapping[str, Any]) -> ReturnNotice:
    """A return from the delivery alone, as far as that goes."""
    status = text(data, "status") or STATUS_OF_TOPIC.get(topic, "")
    if not status:
        raise Refused(
            _lt("This needs the access token of the Admin API on the account.")
        )
    order = mapping(data.get("order"), "order")
    state = return_state(status)
    lines = tuple(told_return_line(row) for row in rows(data, "return_line_items"))
    return ReturnNotice(
        external_id=f"return:{identifier(data)}",
        kind="return",
        state=state,
        order_external_id=optional_identifier(order, "id"),
        lines=lines,
        goods_expected=any(line.goods_expected for line in lines),
        reason=joined(line.reason for line in lines),
    )


def told_return_line(row: Mapping[str, Any]) -> ReturnLine:
    fulfilled = mapping(row.get("fulfillment_line_item"), "fulfillment_line_item")
    item = mapping(fulfilled.get("line_item"), "line_item")
    quantity = decimal(row.get("quantity"), "quantity") or Decimal(0)
    return ReturnLine(
        external_id=f"product:{identifier(row)}",
        order_line_ref=optional_identifier(item, "id"),
        quantity=quantity,
        goods_expected=quantity > 0,
        reason=joined(
            text(row, name)
            for name in ("return_reason", "return_reason_note", "customer_note")
        ),
    )


def return_notice(node: Mapping[str, Any]) -> ReturnNotice:
    """A return as the API tells it. Its money comes with its refunds."""
    order = order_of_node(mapping(node.get("order"), "order"))
    state = return_state(text(node, "status"))
    goods = tuple(return_line(row) for row in nodes(node, "returnLineItems"))
    fees = tuple(return_fees(node))
    decline = mapping(node.get("decline"), "decline")
    return ReturnNotice(
        external_id=f"return:{number_of(node)}",
        kind="return",
        state=state,
        order_external_id=order.external_id,
        order_refs=order.refs,
        occurred_at=moment(
            node.get("closedAt")
            or node.get("requestApprovedAt")
            or node.get("createdAt"),
            "createdAt",
        ),
        currency=order.presentment_currency,
        lines=goods + fees,
        goods_expected=any(line.goods_expected for line in goods),
        reason=joined(line.reason for line in goods),
        note=joined((text(decline, "reason"), text(decline, "note"))),
        customer_language=order.language,
    )


def return_line(row: Mapping[str, Any]) -> ReturnLine:
    fulfilled = mapping(row.get("fulfillmentLineItem"), "fulfillmentLineItem")
    item = mapping(fulfilled.get("lineItem"), "lineItem")
    reason = mapping(row.get("returnReasonDefinition"), "returnReasonDefinition")
    quantity = decimal(row.get("quantity"), "quantity") or Decimal(0)
    notes = (text(row, "returnReasonNote"), text(row, "customerNote"))
    return ReturnLine(
        external_id=f"product:{number_of(row)}",
        order_line_ref=number_of(item),
        sku=text(item, "sku"),
        title=text(item, "name"),
        quantity=quantity,
        goods_expected=quantity > 0,
        reason=joined((text(reason, "name"), *notes)),
    )


def return_fees(node: Mapping[str, Any]) -> Iterator[ReturnLine]:
    """What the customer is charged for returning: lines of opposite sign."""
    fees = [(row, "Return shipping") for row in rows(node, "returnShippingFees")]
    for row in nodes(node, "returnLineItems"):
        fee = mapping(row.get("restockingFee"), "restockingFee")
        if fee:
            fees.append((fee, "Restocking fee"))
    for fee, title in fees:
        amount = set_money({"fee": bag(fee, "amountSet")}, "fee", "presentment_money")
        if amount:
            yield ReturnLine(
                external_id=f"fee:{number_of(fee)}",
                kind="fee",
                title=title,
                total=-amount,
            )


def joined(texts: Iterable[str]) -> str:
    """The texts that there are, each once."""
    return ", ".join(dedupe(texts))
