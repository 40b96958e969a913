"""WooCommerce, REST API v3.

There is no webhook topic for refunds: `order.updated` fires on one and names it in
`refunds`, so the refunds of the order are then fetched from the shop. Its address
is always the account's own, never one found in a message.

WooCommerce does not retry a delivery and stops the webhook after more than five
failures: `poll` finds what was missed, with the event keys of the webhook.

Taken as likely, not documented: a refunded quantity means that goods come back
(WooCommerce knows no returns; the addon asks for none of what was not delivered).
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from ..errors import Refused
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, Money, Ping, ReturnLine, ReturnNotice
from ..polling import Part, Stream
from ..readers import (
    decimal,
    identifier,
    mapping,
    moment,
    money,
    rows,
    text,
)
from .base import Marketplace
from .events import dedupe, event_key, fetched_or_broken
from .fields import Credential

API = "/wp-json/wc/v3"
PAGE_SIZE = 100
MAX_PAGES = 1000
# The original order line is named in the metadata of the refund line.
ORIGINAL_LINE = "_refunded_item_id"
# The customer's language is put into the order by the plugin WPML.
LANGUAGE = "wpml_language"
LINES = (
    ("line_items", "product"),
    ("shipping_lines", "shipping"),
    ("fee_lines", "fee"),
)


class WooCommerce(Marketplace):
    """A WooCommerce shop: the webhook names the refunds, the shop tells them."""

    code = "woocommerce"
    label = "WooCommerce"
    webhook_topics = ("order.updated", "order.deleted")
    credential_fields = (
        Credential("base_url", _lt("Shop address"), secret=False),
        Credential("api_key", _lt("Consumer key")),
        Credential("api_secret", _lt("Consumer secret")),
        Credential("webhook_secret", _lt("Webhook secret")),
        Credential(
            "webhook_secret_previous", _lt("Previous webhook secret"), required=False
        ),
    )

    def _streams(self):
        return (Stream("orders", self._changed_orders),)

    def _changed_orders(
        self, since: datetime, until: datetime, at: Any
    ) -> Iterator[Part]:
        """The orders with refunds that changed, as order.updated.

        Without an end: an order that changes meanwhile would leave the window, and
        move others to a page that was read already.
        """
        params = {
            "modified_after": since.astimezone(timezone.utc).strftime("%FT%TZ"),
            "dates_are_gmt": "true",
            "orderby": "id",
            "order": "asc",
        }
        for page, (orders, last) in enumerate(
            self._paged(f"{API}/orders", params, at or 1), at or 1
        ):
            found = [
                fetched_or_broken(self._fetched, "order.updated", order)
                for order in orders
            ]
            wanted = [fetched for fetched in found if fetched.event.wanted]
            yield Part(wanted, None if last else page + 1)

    def _fetched(self, order: Mapping[str, Any]) -> Fetched:
        event = self._order_updated("order.updated", order, "")
        return Fetched(event, json.dumps(order, default=str).encode())

    def _refresh(self, kind, number, order_external_id):
        """A refund as the shop tells it now: cancelled when it is gone."""
        if kind != "refund" or not order_external_id:
            return None
        order_id = identifier({"id": order_external_id})
        try:
            order = self.http.get_json(f"{API}/orders/{order_id}")
        except Refused as error:
            if not is_gone(error):
                raise
            order = {"id": order_id}
        found = self._order_refunds({**mapping(order, "order"), "refunds": []})
        by_id = {notice.external_id: notice for notice in found}
        return by_id.get(f"refund:{number}") or deleted_refund(order, number)

    def _authorization(self):
        return {"auth": (self._needed("api_key"), self._needed("api_secret"))}

    def _ping(self, headers, body):
        # Sent unsigned when a webhook is created; WooCommerce wants a 200.
        name, _, number = body[:32].partition(b"=")
        if name == b"webhook_id" and number.isdigit() and len(body) < 32:
            return Ping("webhook created")
        return None

    def _check_signature(self, headers, body):
        self._check_hmac_sha256(headers.get("x-wc-webhook-signature"), body)

    def _topic(self, headers):
        return headers.get("x-wc-webhook-topic", "")

    def _event(self, topic, headers, data):
        delivery = headers.get("x-wc-webhook-delivery-id", "")[:64]
        if topic == "order.deleted":
            order_id = identifier(data)
            return IncomingEvent(
                event_key=event_key("order", order_id, "deleted"),
                topic=topic,
                external_ids=(f"order:{order_id}",),
                order_external_id=order_id,
                delivery_id=delivery,
            )
        if topic in ("order.created", "order.updated", "order.restored"):
            return self._order_updated(topic, data, delivery)
        return IncomingEvent(event_key=topic, topic=topic, wanted=False)

    def _order_updated(self, topic, order, delivery) -> IncomingEvent:
        # The refunds make the key: the many other changes of an order add nothing.
        order_id = identifier(order)
        refund_ids = [identifier(refund) for refund in rows(order, "refunds")]
        return IncomingEvent(
            event_key=event_key("order", order_id, "refunds", ",".join(refund_ids)),
            topic=topic,
            external_ids=tuple(f"refund:{refund_id}" for refund_id in refund_ids),
            order_external_id=order_id,
            delivery_id=delivery,
            wanted=bool(refund_ids),
        )

    def _notices(self, topic, data):
        if topic == "order.deleted":
            return [deleted_order(data)]
        return self._order_refunds(data)

    def _order_refunds(self, order: Mapping[str, Any]) -> list[ReturnNotice]:
        """All refunds of an order, one call a hundred, and those that are gone."""
        named = [identifier(refund) for refund in rows(order, "refunds")]
        path = f"{API}/orders/{identifier(order)}/refunds"
        try:
            found = [refund_notice(order, row) for row in self._pages(path, {})]
        except Refused as error:
            if not is_gone(error):
                raise
            found = []
        known = {notice.external_id for notice in found}
        gone = [refund for refund in named if f"refund:{refund}" not in known]
        return found + [deleted_refund(order, refund_id) for refund_id in gone]

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping]:
        """The rows of a collection, page after page."""
        for found, _last in self._paged(path, params):
            yield from found

    def _paged(
        self, path: str, params: Mapping[str, str], start: int = 1
    ) -> Iterator[tuple[list[Mapping], bool]]:
        """The pages of a collection, and whether each is the last one."""
        for page in range(start, start + MAX_PAGES):
            response = self.http.get(
                path, {**params, "per_page": PAGE_SIZE, "page": page}
            )
            last = page >= int(response.headers.get("X-WP-TotalPages") or 1)
            yield rows({"rows": self.http.json_of(response)}, "rows"), last
            if last:
                return


def is_gone(error: Refused) -> bool:
    """Whether the shop says that it has no such order; else the address is wrong."""
    return error.status == 404 and error.code.startswith("woocommerce_rest_")


def refund_notice(order: Mapping[str, Any], refund: Mapping[str, Any]) -> ReturnNotice:
    """The notice of a refund; `amount` is what was paid back, whatever the lines."""
    currency = text(order, "currency")
    lines = tuple(refund_lines(refund, currency))
    return ReturnNotice(
        **order_values(order),
        external_id=f"refund:{identifier(refund)}",
        kind="refund",
        state="refunded",
        occurred_at=moment(refund.get("date_created_gmt"), "date_created_gmt", True),
        currency=currency,
        lines=lines,
        total=money(refund.get("amount"), currency, "amount"),
        goods_expected=any(line.goods_expected for line in lines),
        reason=text(refund, "reason"),
    )


def refund_lines(refund: Mapping[str, Any], currency: str) -> Iterator[ReturnLine]:
    """The lines of a refund: negative there, positive here, prices without tax."""
    for name, kind in LINES:
        for row in rows(refund, name):
            quantity = abs(decimal(row.get("quantity"), "quantity") or Decimal(0))
            line = ReturnLine(
                external_id=f"{kind}:{identifier(row)}",
                kind=kind,
                order_line_ref=meta_value(row, ORIGINAL_LINE),
                sku=text(row, "sku"),
                title=html.unescape(text(row, "name") or text(row, "method_title")),
                quantity=quantity if kind == "product" else Decimal(0),
                untaxed=given_back(row, "total", currency),
                tax=given_back(row, "total_tax", currency),
                goods_expected=kind == "product" and quantity > 0,
            )
            if line.quantity or line.untaxed or line.tax:
                yield line


def given_back(row: Mapping[str, Any], name: str, currency: str) -> Money | None:
    """An amount of a refund line, seen from the customer."""
    amount = money(row.get(name), currency, name)
    return None if amount is None else -amount


def meta_value(row: Mapping[str, Any], key: str) -> str:
    """The value of a metadata key; plugins put all kinds of things beside it."""
    for meta in row.get("meta_data") or []:
        if isinstance(meta, dict) and meta.get("key") == key:
            return text(meta, "value")
    return ""


def deleted_refund(order: Mapping[str, Any], refund_id: str) -> ReturnNotice:
    """The notice of a refund that the order named and the shop no longer has."""
    return ReturnNotice(
        **order_values(order),
        external_id=f"refund:{refund_id}",
        kind="refund",
        state="cancelled",
        currency=text(order, "currency"),
    )


def deleted_order(data: Mapping[str, Any]) -> ReturnNotice:
    """The notice of an order in the bin: the shop tells its id, and only that."""
    order_id = identifier(data)
    return ReturnNotice(
        external_id=f"order:{order_id}",
        kind="order",
        state="cancelled",
        order_external_id=order_id,
    )


def order_values(order: Mapping[str, Any]) -> dict[str, Any]:
    """What a notice takes from the order: a refund itself names no number."""
    number = text(order, "number")
    return {
        "order_external_id": identifier(order),
        "order_refs": dedupe((number, number and f"#{number.lstrip('#')}")),
        "customer_language": meta_value(order, LANGUAGE),
        "customer_email": text(mapping(order.get("billing"), "billing"), "email"),
    }
