"""Returns of bol.com: what came back and what was decided, never an amount.

One return (`returnId`) can hold items of several orders: each item (`rmaId`) is a
notice of its own, "return:<returnId>-<rmaId>". What was handled as received gives a
refund for that quantity, "refund:<returnId>-<rmaId>-<moment>".

Taken as likely, not documented: money goes back on an accepted RETURN_RECEIVED, or on
STILL_APPROVED after a rejection; `handled` alone says nothing of money. The texts of
reasons are Dutch, and bol.com sells in euro only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ..errors import Unreadable, shown
from ..marks import _lt
from ..notices import ReturnLine, ReturnNotice
from ..readers import decimal, identifier, mapping, moment, rows, text
from .events import dedupe

CURRENCY = "EUR"
HANDLING_RESULTS = (
    ("RETURN_RECEIVED", _lt("Return received")),
    ("EXCHANGE_PRODUCT", _lt("Product exchanged")),
    ("RETURN_DOES_NOT_MEET_CONDITIONS", _lt("Does not meet the conditions")),
    ("REPAIR_PRODUCT", _lt("Product repaired")),
    ("CUSTOMER_KEEPS_PRODUCT_PAID", _lt("Customer keeps the product")),
    ("STILL_APPROVED", _lt("Approved after all")),
    ("EXPIRED", _lt("Expired")),
)
REFUNDING = ("RETURN_RECEIVED", "STILL_APPROVED")
# What a result makes of the return; a refund is told by itself.
STATES = {
    "RETURN_RECEIVED": "approved",
    "STILL_APPROVED": "approved",
    "EXCHANGE_PRODUCT": "approved",
    "REPAIR_PRODUCT": "closed",
    "CUSTOMER_KEEPS_PRODUCT_PAID": "closed",
    "RETURN_DOES_NOT_MEET_CONDITIONS": "declined",
    "EXPIRED": "cancelled",
}
PROCESSING_STATES = {"CANCELLED": "cancelled", "REJECTED": "declined"}
FULFILLED_BY = {"FBR": "seller", "FBB": "marketplace"}


class Result(NamedTuple):
    """What was decided of some of the items."""

    at: datetime | None
    processing: str
    handling: str
    quantity: Decimal


def return_notices(data: Any, refunding: frozenset[str]) -> list[ReturnNotice]:
    """The return and the refunds of each item."""
    data = mapping(data, "return")
    return [
        notice
        for item in rows(data, "returnItems")
        for notice in item_notices(data, item, refunding)
    ]


def item_notices(
    data: Mapping[str, Any], item: Mapping[str, Any], refunding: frozenset[str]
) -> Iterator[ReturnNotice]:
    number = f"{identifier(data, 'returnId')}-{identifier(item, 'rmaId')}"
    expected = decimal(item.get("expectedQuantity"), "expectedQuantity") or Decimal(0)
    results = results_of(item, expected)
    registered = moment(data.get("registrationDateTime"), "registrationDateTime")
    shared = shared_values(data, item)
    state = state_of(item, results)
    goods = state in ("requested", "approved")
    yield ReturnNotice(
        **shared,
        external_id=f"return:{number}",
        kind="return",
        state=state,
        occurred_at=max((r.at for r in results if r.at), default=registered),
        lines=(line_of(item, expected, goods),),
        goods_expected=goods and expected > 0,
    )
    refunded = Decimal(0)
    used: Counter[str] = Counter()
    for result in results:
        quantity = result.quantity
        if not refunds(result, refunding):
            continue
        if result.handling == "STILL_APPROVED":
            # It decides anew on items that may have been paid back already.
            quantity = min(quantity, max(expected - refunded, Decimal(0)))
        refunded += quantity
        if not quantity:
            continue
        stamp = result.at.strftime("%Y%m%d%H%M%S") if result.at else "0"
        used[stamp] += 1
        again = f"-{used[stamp]}" if used[stamp] > 1 else ""
        yield ReturnNotice(
            **shared,
            external_id=f"refund:{number}-{stamp}{again}",
            kind="refund",
            state="refunded",
            return_external_id=f"return:{number}",
            occurred_at=result.at or registered,
            lines=(line_of(item, quantity, True),),
            goods_expected=True,
        )


def shared_values(data: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """What the return and its refunds have in common."""
    order = identifier(item, "orderId")
    reason = mapping(item.get("returnReason"), "returnReason")
    customer = mapping(item.get("customerDetails"), "customerDetails")
    method = text(data, "fulfilmentMethod").upper()
    main, detailed = text(reason, "mainReason"), text(reason, "detailedReason")
    return {
        "order_external_id": order,
        "order_refs": (order,),
        "currency": CURRENCY,
        "reason": main or detailed,
        "note": ", ".join(
            dedupe(
                (
                    detailed if detailed != main else "",
                    text(reason, "customerComments"),
                )
            )
        ),
        "customer_email": text(customer, "email"),
        "customer_language": text(customer, "language"),
        "fulfilled_by": FULFILLED_BY.get(method, ""),
    }


def line_of(item: Mapping[str, Any], quantity: Decimal, goods: bool) -> ReturnLine:
    ean = text(item, "ean")
    return ReturnLine(
        external_id=f"product:{identifier(item, 'rmaId')}",
        sku=ean,
        barcode=ean,
        title=text(item, "title"),
        quantity=quantity,
        goods_expected=goods and quantity > 0,
    )


def results_of(item: Mapping[str, Any], expected: Decimal) -> list[Result]:
    """The results in the order of time.

    The very same result is sometimes told twice: it counts once where the quantity
    would otherwise be more than was expected.
    """
    found = [result_of(row) for row in rows(item, "processingResults")]
    found.sort(key=lambda r: (r.at is None, r.at and r.at.timestamp()))
    if sum(r.quantity for r in found) > expected > 0:
        found = list(dict.fromkeys(found))
    return found


def result_of(row: Mapping[str, Any]) -> Result:
    quantity = decimal(row.get("quantity"), "quantity")
    if quantity is None or quantity < 0:
        raise Unreadable(
            _lt("%(field)s: a number from 0 was expected."), field="quantity"
        )
    return Result(
        at=moment(row.get("processingDateTime"), "processingDateTime"),
        processing=text(row, "processingResult").upper(),
        handling=text(row, "handlingResult").upper(),
        quantity=quantity,
    )


def refunds(result: Result, refunding: frozenset[str]) -> bool:
    """Whether money went back: accepted, and by a result that means so."""
    accepted = result.processing in ("ACCEPTED", "")
    return accepted and result.handling in refunding


def state_of(item: Mapping[str, Any], results: list[Result]) -> str:
    """The state of the return, by its results in the order of time.

    An open one was registered by the customer and its goods are on the way. One that
    is handled without saying how is over, and no reason to pay anything back.
    """
    if not results:
        return "closed" if item.get("handled") is True else "approved"
    states = [state_by(result) for result in results]
    # Some of the items came back, whatever became of the others.
    return "approved" if "approved" in states else states[-1]


def state_by(result: Result) -> str:
    """What one result makes of the return."""
    if result.processing in PROCESSING_STATES:
        return PROCESSING_STATES[result.processing]
    state = STATES.get(result.handling)
    if state is None:
        raise Unreadable(
            _lt("Unknown result of a return: “%(found)s”"), found=shown(result.handling)
        )
    return state


def times_of(data: Mapping[str, Any]) -> Iterator[datetime]:
    """All moments that a return names."""
    registered = moment(data.get("registrationDateTime"), "registrationDateTime")
    if registered:
        yield registered
    for item in rows(data, "returnItems"):
        for row in rows(item, "processingResults"):
            processed = moment(row.get("processingDateTime"), "processingDateTime")
            if processed:
                yield processed
