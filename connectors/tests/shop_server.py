"""A small shop on loopback that answers as the marketplaces document.

A real HTTP server, for tests and the demonstration: WooCommerce's REST v3 (orders
and refunds, pages, error bodies) and the few questions asked of Shopify's Admin
GraphQL API. Failures are programmed with `fail`; `calls` tells what was asked.
Needs the standard library only.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from .loopback import Answer, Call, LoopbackServer

WOO = "/wp-json/wc/v3"
GRAPHQL = re.compile(r"/admin/api/[\d-]+/graphql\.json")


class ShopServer(LoopbackServer):
    """The shop. `with ShopServer() as shop:` serves on `shop.url`.

    WooCommerce: `add_order`, `add_refund`. Shopify: `add_node` with nodes as the
    GraphQL API writes them (lines of a connection as `{"nodes": […]}`).
    """

    def __init__(
        self,
        port: int = 0,
        consumer_key: str = "ck_test",
        consumer_secret: str = "cs_test_secret",
        access_token: str = "shpat_test_token",
    ):
        pair = f"{consumer_key}:{consumer_secret}"
        self.basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self.access_token = access_token
        self.orders: dict[str, dict] = {}
        self.refunds: dict[str, list[dict]] = {}
        self.nodes: dict[str, dict] = {}
        super().__init__(port)

    def add_order(self, order: dict, refunds: list[dict] = ()) -> None:
        """Put a WooCommerce order, with its refunds, into the shop."""
        self.orders[str(order["id"])] = order
        for refund in refunds:
            self.add_refund(order["id"], refund)

    def add_refund(self, order_id: int | str, refund: dict) -> None:
        """Put a refund on a WooCommerce order."""
        self.refunds.setdefault(str(order_id), []).append(refund)

    def add_node(self, node: dict) -> None:
        """Put an order, a refund or a return (by its gid) into the Shopify shop."""
        self.nodes[node["id"]] = node

    # ----------------------------------------------------------------------

    def _answer(self, call: Call, headers) -> Answer:
        if GRAPHQL.fullmatch(call.path):
            return self._graphql(call, headers)
        if call.path.startswith(WOO):
            return self._woocommerce(call, headers)
        return woo_error(404, "rest_no_route", "No route was found.")

    # WooCommerce ----------------------------------------------------------

    def _woocommerce(self, call: Call, headers) -> Answer:
        if headers.get("Authorization") != self.basic:
            return woo_error(
                401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."
            )
        match call.path[len(WOO) :].strip("/").split("/"):
            case ["orders"]:
                return paged(self._changed_orders(call.query), call.query)
            case ["orders", order_id]:
                return self._one(
                    self.orders.get(order_id), "woocommerce_rest_shop_order_invalid_id"
                )
            case ["orders", order_id, "refunds"]:
                return paged(self.refunds.get(order_id, []), call.query)
            case ["orders", order_id, "refunds", refund_id]:
                rows = self.refunds.get(order_id, [])
                found = [row for row in rows if str(row["id"]) == refund_id]
                return self._one(
                    found and found[0], "woocommerce_rest_invalid_order_refund_id"
                )
        return woo_error(404, "rest_no_route", "No route was found.")

    def _one(self, row: dict | None, code: str) -> Answer:
        if not row:
            return woo_error(404, code, "Invalid ID.")
        return Answer(200, row)

    def _changed_orders(self, query: dict[str, str]) -> list[dict]:
        since = query.get("modified_after", "").rstrip("Z")
        return [
            order
            for order in self.orders.values()
            if order.get("date_modified_gmt", "9999") > since
        ]

    # Shopify --------------------------------------------------------------

    def _graphql(self, call: Call, headers) -> Answer:
        if headers.get("X-Shopify-Access-Token") != self.access_token:
            return Answer(401, {"errors": "[API] Invalid API key or access token"})
        ask = getattr(self, f"_ask_{call.operation}", None)
        if ask is None:
            return Answer(200, {"errors": [{"message": "Unknown operation"}]})
        return Answer(200, {"data": ask(call.variables)})

    def _ask_Orders(self, variables):
        return {"nodes": [self.nodes.get(gid) for gid in variables["ids"]]}

    def _ask_Refund(self, variables):
        return {"refund": self._node(variables, "refundLineItems")}

    def _ask_Return(self, variables):
        return {"return": self._node(variables, "returnLineItems")}

    def _ask_OrderRefunds(self, variables):
        order = self.nodes.get(variables["id"])
        return {"order": order and {**order, "refunds": self._refunds_of(order)}}

    def _ask_ChangedOrders(self, variables):
        orders = [
            {
                "id": node["id"],
                "refunds": self._refunds_of(node)[:10],
                "returns": {"nodes": self._of("Return", node, "status")},
            }
            for node in self.nodes.values()
            if "/Order/" in node["id"]
        ]
        return {"orders": page_of(orders, variables)}

    def _node(self, variables, lines: str) -> dict | None:
        node = self.nodes.get(variables["id"])
        if not node:
            return None
        order = self.nodes.get(node["order"]["id"], node["order"])
        rows = node.get(lines, {}).get("nodes", [])
        return {**node, "order": order, lines: page_of(rows, variables)}

    def _refunds_of(self, order: dict) -> list[dict]:
        return self._of("Refund", order, "transactions")

    def _of(self, kind: str, order: dict, field: str) -> list[dict]:
        return [
            {"id": node["id"], field: node.get(field)}
            for node in self.nodes.values()
            if f"/{kind}/" in node["id"] and node["order"]["id"] == order["id"]
        ]


def woo_error(status: int, code: str, message: str) -> Answer:
    """An error body of WordPress."""
    body = {"code": code, "message": message, "data": {"status": status}}
    return Answer(status, body)


def paged(rows: list[dict], query: dict[str, str]) -> Answer:
    """One page of a WordPress collection, ten rows unless asked otherwise."""
    size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
    pages = -(-len(rows) // size)
    headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(pages)}
    return Answer(200, rows[(page - 1) * size :][:size], headers)


def page_of(rows: list[dict], variables: dict[str, Any]) -> dict[str, Any]:
    """One page of a GraphQL connection; its cursor is a number."""
    start, size = int(variables.get("after") or 0), variables["first"]
    end = start + size
    return {
        "nodes": rows[start:end],
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end)},
    }
