"""Shopify, webhooks and the Admin GraphQL API.

Deliveries come at least once, in any order, and are repeated for four hours with
the original body, which is old by then. So a refund is known by its id; a return
is asked for as it is now; and nothing is refused for its age: the moment in the
headers is not signed, and no window is documented.

`refunds/create` tells the whole refund, except the order's number and whether
prices include tax: these are asked for. Without an access token both stay unknown,
unless only one reading of the tax fits what was paid (see `shopify_refund`).
The topics of returns tell ids only; without an access token a return has no article
numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ..addresses import host_of
from ..errors import Unreadable, Untrusted
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, ReturnNotice
from ..polling import Part, Stream
from ..readers import (
    identifier,
    mapping,
    moment,
    optional_identifier,
    parse_json,
    rows,
    text,
)
from .base import Marketplace
from .events import dedupe, digest, event_key
from .fields import Credential
from .shopify_graphql import REFUNDS_PER_ORDER, Admin, nodes, number_of, told_payload
from .shopify_refund import Order, order_of, refund_notice, refund_state
from .shopify_return import return_notice, told_return

PAID = "refunded"
ORDER_ENDS = ("orders/cancelled", "orders/delete")
RETURN_CHANGES = (
    "request",
    "approve",
    "decline",
    "cancel",
    "close",
    "reopen",
    "update",
    "process",
)


class Shopify(Marketplace):
    """A Shopify shop: refunds come whole, returns thin and are fetched."""

    code = "shopify"
    label = "Shopify"
    webhook_topics = (
        "refunds/create",
        "order_transactions/create",
        "orders/updated",
        *ORDER_ENDS,
        *(f"returns/{change}" for change in RETURN_CHANGES),
    )
    credential_fields = (
        Credential(
            "base_url",
            _lt("Shop address"),
            secret=False,
            help="https://….myshopify.com",
        ),
        Credential("access_token", _lt("Admin API access token")),
        Credential("webhook_secret", _lt("App client secret")),
        Credential(
            "webhook_secret_previous", _lt("Previous client secret"), required=False
        ),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._known_orders: dict[str, Order] = {}

    # Deliveries -----------------------------------------------------------

    def _check_signature(self, headers, body):
        self._check_hmac_sha256(header(headers, "hmac-sha256"), body)
        # The secret is the app's, the same for all its shops.
        shop = header(headers, "shop-domain").lower()
        own = host_of(self.settings.get("base_url", ""))
        if shop and own.endswith(".myshopify.com") and shop != own:
            raise Untrusted("The delivery is from another shop.")

    def _topic(self, headers):
        return header(headers, "topic")

    def _event(self, topic, headers, data):
        event = self._event_of(topic, data)
        return IncomingEvent(
            **event,
            topic=topic,
            delivery_id=header(headers, "webhook-id")[:64],
            sent_at=sent_at(header(headers, "triggered-at")),
        )

    def _event_of(self, topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Key, ids and whether it is wanted."""
        if topic == "refunds/create":
            return refund_event(data)
        if topic.startswith("returns/"):
            return_id, order = identifier(data), mapping(data.get("order"), "order")
            body = json.dumps(data, sort_keys=True, default=str)
            return {
                "event_key": event_key("return", return_id, topic[8:], digest(body)),
                "external_ids": (f"return:{return_id}",),
                "order_external_id": optional_identifier(order, "id"),
            }
        if topic == "order_transactions/create":
            return transaction_event(data)
        if topic == "orders/updated" or topic in ORDER_ENDS:
            return order_event(topic, data)
        return {"event_key": topic, "wanted": False}

    # Messages -------------------------------------------------------------

    def _prepare(self, messages: Iterable[tuple[bytes, str]]) -> None:
        """Ask for the orders of all these refunds in one question."""
        wanted = []
        for body, topic in messages:
            if topic == "refunds/create":
                try:
                    wanted.append(identifier(parse_json(body), "order_id"))
                except (Unreadable, AttributeError):
                    continue
        missing = [one for one in dedupe(wanted) if one not in self._known_orders]
        if missing and self._may_ask:
            self._known_orders.update(self._admin.orders(missing))

    def _notices(self, topic, data):
        if topic == "refunds/create":
            return [self._refund(data)]
        if topic.startswith("returns/"):
            return [self._return(topic, data)]
        if topic == "order_transactions/create":
            return self._order_refunds(identifier(data, "order_id"))
        order = order_of(data)
        found = [refund_notice(row, order) for row in rows(data, "refunds")]
        return found + [ended_order(order)] * (topic in ORDER_ENDS)

    def _refund(self, data: Mapping[str, Any]) -> ReturnNotice:
        if "refund_line_items" not in data:
            # A poll keeps the ids only.
            return self._fetched_refund(identifier(data), data)
        return refund_notice(data, self._order(identifier(data, "order_id")))

    def _fetched_refund(
        self, refund_id: str, data: Mapping[str, Any] | None = None
    ) -> ReturnNotice:
        found = self._admin.refund(refund_id)
        if found:
            return refund_notice(*found)
        return ReturnNotice(
            external_id=f"refund:{refund_id}",
            kind="refund",
            state="cancelled",
            order_external_id=optional_identifier(data or {}, "order_id"),
        )

    def _order_refunds(self, order_id: str) -> list[ReturnNotice]:
        refunds = self._admin.order_refunds(order_id)
        return [self._fetched_refund(identifier(refund)) for refund in refunds]

    def _order(self, order_id: str) -> Order:
        """The order of a refund; only its id is known without an access token."""
        if self._may_ask and order_id not in self._known_orders:
            self._known_orders.update(self._admin.orders([order_id]))
        return self._known_orders.get(order_id) or Order(order_id)

    def _return(self, topic: str, data: Mapping[str, Any]) -> ReturnNotice:
        return_id = identifier(data)
        if not self._may_ask:
            return told_return(topic, data)
        return self._fetched_return(return_id) or ReturnNotice(
            external_id=f"return:{return_id}", kind="return", state="cancelled"
        )

    def _fetched_return(self, return_id: str) -> ReturnNotice | None:
        node = self._admin.returned(return_id)
        return return_notice(node) if node else None

    # Questions ------------------------------------------------------------

    def _refresh(self, kind, number, order_external_id):
        """A refund or a return as it is now; cancelled when it is gone."""
        data = {"id": number, "order_id": order_external_id}
        if kind == "refund":
            return self._fetched_refund(identifier(data), data)
        if kind == "return":
            return self._return("returns/update", data)
        return None

    def _streams(self):
        return (Stream("orders", self._changed_orders),)

    def _changed_orders(
        self, since: datetime, until: datetime, at: Any
    ) -> Iterator[Part]:
        """The refunds and returns of orders that changed, by id."""
        query = f"updated_at:>'{utc_text(since)}' updated_at:<='{utc_text(until)}'"
        for orders, after in self._admin.changed_orders(query, at):
            found = [fetched for order in orders for fetched in self._changes(order)]
            yield Part(found, after or None)

    def _changes(self, order: Mapping[str, Any]) -> Iterator[Fetched]:
        """The refunds and returns of an order, as deliveries that hold their ids."""
        order_id = number_of(order)
        refunds = [told_payload(row) for row in rows(order, "refunds")]
        if len(refunds) >= REFUNDS_PER_ORDER:
            refunds = self._admin.order_refunds(order_id)
        for refund in refunds:
            yield self._fetched("refunds/create", {**refund, "order_id": order_id})
        for node in nodes(order, "returns"):
            data = {
                "id": number_of(node),
                "status": text(node, "status").lower(),
                "order": {"id": order_id},
            }
            yield self._fetched("returns/update", data)

    def _fetched(self, topic: str, data: Mapping[str, Any]) -> Fetched:
        return Fetched(self._event(topic, {}, data), json.dumps(data).encode())

    @property
    def _may_ask(self) -> bool:
        return bool(self.settings.get("access_token"))

    @property
    def _admin(self) -> Admin:
        return Admin(self.http, self._sleep)

    def _authorization(self):
        return {"headers": {"X-Shopify-Access-Token": self._needed("access_token")}}


def header(headers: Mapping[str, str], name: str) -> str:
    """A header of Shopify, with or without the older X-."""
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}") or ""


def utc_text(value: datetime) -> str:
    """A time as a search takes it."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def sent_at(value: str) -> datetime | None:
    """When the event happened, as the headers say; not signed, only shown."""
    try:
        return moment(value, "Triggered-At")
    except Unreadable:
        return None


def refund_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """A refund, known by its id: a late repetition is the same event.

    While its money is under way it is another event than once it is paid.
    """
    state = refund_state(data)
    refund_id = identifier(data)
    return {
        "event_key": event_key("refund", refund_id, "" if state == PAID else state),
        "external_ids": (f"refund:{refund_id}",),
        "order_external_id": optional_identifier(data, "order_id"),
    }


def transaction_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """A payment that succeeded or failed: of interest when it is a refund's."""
    return {
        "event_key": event_key("transaction", identifier(data), text(data, "status")),
        "order_external_id": optional_identifier(data, "order_id"),
        "wanted": text(data, "kind").lower() == "refund",
    }


def order_event(topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """An order with refunds or at its end; its other changes add nothing."""
    refunds = [
        f"{identifier(row)}-{refund_state(row)}" for row in rows(data, "refunds")
    ]
    ends = topic in ORDER_ENDS
    return {
        "event_key": event_key(
            "order", identifier(data), topic[7:] if ends else "", ",".join(refunds)
        ),
        "external_ids": tuple(
            f"refund:{identifier(row)}" for row in rows(data, "refunds")
        ),
        "order_external_id": identifier(data),
        "wanted": ends or bool(refunds),
    }


def ended_order(order: Order) -> ReturnNotice:
    """The notice of an order that was cancelled or deleted."""
    return ReturnNotice(
        external_id=f"order:{order.external_id}",
        kind="order",
        state="cancelled",
        order_external_id=order.external_id,
        order_refs=order.refs,
        customer_language=order.language,
    )
