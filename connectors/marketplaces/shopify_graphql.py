"""Shopify's Admin GraphQL API: the few questions that are asked of it.

Refunds are answered in the shape of the webhook's payload, so that there is one
reader for both. The API gives points to spend; an answer THROTTLED, on HTTP 200 or
429, says how many are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import Refused, TryAgainLater, Unreadable
from ..http import Http
from ..marks import _lt
from ..readers import decimal, mapping, rows, text
from .shopify_refund import Order

API_VERSION = "2026-07"
PATH = f"/admin/api/{API_VERSION}/graphql.json"
# How many points a query may ask for is limited: pages are kept small.
LINES_PER_PAGE = 50
ORDERS_PER_PAGE = 10
REFUNDS_PER_ORDER = 10
NODES_PER_QUERY = 100
MAX_PAGES = 1000
MAX_WAIT = 20.0

ORDER = """
fragment order on Order {
  id name taxesIncluded currencyCode presentmentCurrencyCode customerLocale
}"""
BAG = """
fragment bag on MoneyBag {
  shopMoney { amount currencyCode } presentmentMoney { amount currencyCode }
}"""
# What a poll needs to know of a refund: whether its money is on the way.
TOLD = """
fragment told on Refund { id transactions(first: 5) { nodes { id kind status } } }"""
ORDERS = (
    """query Orders($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { ...order } } }"""
    + ORDER
)
REFUND = (
    """query Refund($id: ID!, $first: Int!, $after: String) {
  refund(id: $id) {
    id createdAt processedAt note
    order { ...order }
    return { id }
    duties { amountSet { ...bag } }
    refundLineItems(first: $first, after: $after) {
      nodes {
        id quantity restockType
        subtotalSet { ...bag } totalTaxSet { ...bag }
        lineItem { id sku name isGiftCard }
      }
      pageInfo { hasNextPage endCursor }
    }
    refundShippingLines(first: 10) {
      nodes {
        id subtotalAmountSet { ...bag } taxAmountSet { ...bag }
        shippingLine { id title }
      }
    }
    orderAdjustments(first: 20) {
      nodes { id reason amountSet { ...bag } taxAmountSet { ...bag } }
    }
    transactions(first: 20) { nodes { id kind status amountSet { ...bag } } }
  }
}"""
    + ORDER
    + BAG
)
RETURN = (
    """query Return($id: ID!, $first: Int!, $after: String) {
  return(id: $id) {
    id name status createdAt closedAt requestApprovedAt
    order { ...order }
    decline { reason note }
    returnShippingFees { id amountSet { ...bag } }
    returnLineItems(first: $first, after: $after) {
      nodes {
        id quantity returnReasonNote customerNote
        returnReasonDefinition { name }
        ... on ReturnLineItem {
          fulfillmentLineItem { lineItem { id sku name } }
          restockingFee { id amountSet { ...bag } }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""
    + ORDER
    + BAG
)
ORDER_REFUNDS = (
    """query OrderRefunds($id: ID!) {
  order(id: $id) { id refunds { ...told } }
}"""
    + TOLD
)
CHANGED_ORDERS = (
    """query ChangedOrders($query: String!, $first: Int!, $after: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes {
      id
      refunds(first: 10) { ...told }
      returns(first: 10) { nodes { id status } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
    + TOLD
)


class Admin:
    """Asks one shop; every answer is of the shop whose token it has."""

    def __init__(self, http: Http, sleep: Callable[[float], None]):
        self._http = http
        self._sleep = sleep

    def orders(self, ids: Sequence[str]) -> dict[str, Order]:
        """The orders of these ids, by id; those that are gone are left out."""
        found = {}
        for start in range(0, len(ids), NODES_PER_QUERY):
            gids = [gid("Order", order) for order in ids[start:][:NODES_PER_QUERY]]
            for node in rows(self.ask(ORDERS, {"ids": gids}), "nodes"):
                if node.get("id"):
                    order = order_of_node(node)
                    found[order.external_id] = order
        return found

    def refund(self, refund_id: str) -> tuple[Mapping[str, Any], Order] | None:
        """A refund in the shape of the webhook, and its order; None when gone."""
        node = self._whole(REFUND, gid("Refund", refund_id), "refund")
        if not node:
            return None
        return refund_payload(node), order_of_node(mapping(node["order"], "order"))

    def returned(self, return_id: str) -> Mapping[str, Any] | None:
        """A return with all its lines, as the API writes it; None when gone."""
        return self._whole(RETURN, gid("Return", return_id), "return") or None

    def order_refunds(self, order_id: str) -> list[dict[str, Any]]:
        """The refunds of an order: their ids and payments, as the webhook has them."""
        data = self.ask(ORDER_REFUNDS, {"id": gid("Order", order_id)})
        order = mapping(data.get("order"), "order")
        return [told_payload(row) for row in rows(order, "refunds")]

    def changed_orders(
        self, query: str, after: str | None = None
    ) -> Iterator[tuple[list[Mapping[str, Any]], str]]:
        """The orders that a search finds, page by page, and where the next begins."""
        for _page in range(MAX_PAGES):
            variables = {"query": query, "first": ORDERS_PER_PAGE, "after": after}
            data = self.ask(CHANGED_ORDERS, variables)
            orders = mapping(data["orders"], "orders")
            after = next_page(orders)
            yield rows(orders, "nodes"), after
            if not after:
                return

    def ask(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The data of an answer; waits a little when throttled.

        Raises `TryAgainLater`, or `Refused` when the shop does not let us see it.
        """
        waited = 0.0
        while True:
            response = self._http.post(PATH, {"query": query, "variables": variables})
            answer = mapping(self._http.json_of(response), "answer")
            errors = rows(answer, "errors")
            if not errors:
                return mapping(answer.get("data"), "data")
            codes = {text(mapping(e.get("extensions"), "e"), "code") for e in errors}
            if "THROTTLED" not in codes:
                break
            wait = missing_points_wait(answer)
            waited += wait
            if waited > MAX_WAIT:
                raise TryAgainLater(_lt("The shop asks to go slower"), retry_after=wait)
            self._sleep(wait)
        if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
            raise TryAgainLater(_lt("The shop cannot answer now"))
        told = "; ".join(text(error, "message")[:200] for error in errors[:3])
        raise Refused(
            _lt("The shop refuses the question: %(told)s"), told=self._http.redact(told)
        )

    def _whole(self, query: str, node_id: str, name: str) -> dict[str, Any]:
        """A node with all pages of its lines; nothing when it is gone."""
        lines_name = f"{name}LineItems"
        lines: list[Mapping[str, Any]] = []
        after = None
        for _page in range(MAX_PAGES):
            variables = {"id": node_id, "first": LINES_PER_PAGE, "after": after}
            node = mapping(self.ask(query, variables).get(name), name)
            if not node:
                return {}
            page = mapping(node.get(lines_name), lines_name)
            lines += rows(page, "nodes")
            after = next_page(page)
            if not after:
                return {**node, lines_name: {"nodes": lines}}
        raise Unreadable(_lt("%(field)s: it has too many lines."), field=name)


def next_page(connection: Mapping[str, Any]) -> str:
    """The cursor of the next page; nothing on the last one."""
    info = mapping(connection.get("pageInfo"), "pageInfo")
    return text(info, "endCursor") if info.get("hasNextPage") else ""


def missing_points_wait(answer: Mapping[str, Any]) -> float:
    """Seconds until the points that the question needs are there again."""
    cost = mapping(mapping(answer.get("extensions"), "extensions").get("cost"), "cost")
    status = mapping(cost.get("throttleStatus"), "throttleStatus")
    asked = decimal(cost.get("requestedQueryCost"), "cost") or 0
    there = decimal(status.get("currentlyAvailable"), "cost") or 0
    rate = decimal(status.get("restoreRate"), "cost") or 50
    return max(1.0, float(asked - there) / float(rate))


def gid(kind: str, number_id: str) -> str:
    """The API's name of a thing: gid://shopify/Refund/123."""
    return f"gid://shopify/{kind}/{number_id}"


def number_of(node: Mapping[str, Any]) -> str:
    """The number in the API's name of a thing; nothing when there is none."""
    return text(node, "id").rpartition("/")[2].partition("?")[0]


def order_of_node(node: Mapping[str, Any]) -> Order:
    """The order as the API tells it."""
    included = node.get("taxesIncluded")
    return Order(
        external_id=number_of(node),
        name=text(node, "name"),
        taxes_included=included if isinstance(included, bool) else None,
        shop_currency=text(node, "currencyCode").upper(),
        presentment_currency=text(node, "presentmentCurrencyCode").upper(),
        language=text(node, "customerLocale"),
    )


def nodes(node: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of a connection."""
    return rows(mapping(node.get(name), name), "nodes")


def bag(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An amount in both currencies, in the shape of the webhook."""
    both = mapping(node.get(name), name)
    sides = (("shop_money", "shopMoney"), ("presentment_money", "presentmentMoney"))
    return {
        side: {
            "amount": mapping(both.get(told), name).get("amount"),
            "currency_code": mapping(both.get(told), name).get("currencyCode"),
        }
        for side, told in sides
    }


def refund_payload(node: Mapping[str, Any]) -> dict[str, Any]:
    """A refund of the API in the shape of the webhook's payload."""
    belongs_to = mapping(node.get("return"), "return")
    return {
        "id": number_of(node),
        "created_at": node.get("createdAt"),
        "processed_at": node.get("processedAt"),
        "note": node.get("note"),
        "return": {"id": number_of(belongs_to)} if belongs_to else None,
        "duties": [
            {"amount_set": bag(row, "amountSet")} for row in rows(node, "duties")
        ],
        "refund_line_items": [
            line_payload(row) for row in nodes(node, "refundLineItems")
        ],
        "refund_shipping_lines": [
            shipping_payload(row) for row in nodes(node, "refundShippingLines")
        ],
        "order_adjustments": [
            {
                "id": number_of(row),
                "reason": row.get("reason"),
                "amount_set": bag(row, "amountSet"),
                "tax_amount_set": bag(row, "taxAmountSet"),
            }
            for row in nodes(node, "orderAdjustments")
        ],
        "transactions": [
            {**payment_payload(row), "amount_set": bag(row, "amountSet")}
            for row in nodes(node, "transactions")
        ],
    }


def told_payload(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a poll knows of a refund, in the shape of the webhook's payload."""
    payments = [payment_payload(row) for row in nodes(node, "transactions")]
    return {"id": number_of(node), "transactions": payments}


def payment_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """A payment without its amount, in the shape of the webhook's payload."""
    return {"id": number_of(row), "kind": row.get("kind"), "status": row.get("status")}


def line_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """A refunded line in the shape of the webhook's payload."""
    item = mapping(row.get("lineItem"), "lineItem")
    return {
        # Documented as nullable: the order line then stands for it.
        "id": number_of(row) or number_of(item),
        "quantity": row.get("quantity"),
        "line_item_id": number_of(item),
        "restock_type": row.get("restockType"),
        "subtotal_set": bag(row, "subtotalSet"),
        "total_tax_set": bag(row, "totalTaxSet"),
        "line_item": {
            "id": number_of(item),
            "sku": item.get("sku"),
            "name": item.get("name"),
            "gift_card": item.get("isGiftCard"),
        },
    }


def shipping_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """A refunded shipping line in the shape of the webhook's payload."""
    line = mapping(row.get("shippingLine"), "shippingLine")
    return {
        "id": number_of(row),
        "shipping_line_id": number_of(line),
        "subtotal_amount_set": bag(row, "subtotalAmountSet"),
        "tax_amount_set": bag(row, "taxAmountSet"),
        "shipping_line": {"title": line.get("title")},
    }
