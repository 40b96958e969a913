"""What the two shops of the demonstration send, and what they answer when asked.

The orders are those of `demo/sale_order_demo.xml`: Shopify's with 21 % VAT in the
prices, WooCommerce's with 20 % beside them.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

SHOPIFY, WOOCOMMERCE = "shopify", "woocommerce"
SECRETS = {code: f"demo-{code}-secret" for code in (SHOPIFY, WOOCOMMERCE)}
SHOP = {
    "consumer_key": "ck_demo",
    "consumer_secret": "cs_demo_secret",
    "access_token": "demo-token",
}
# SKU: (title, price with tax, tax in it)
DUTCH = {
    "HELM-M": ("Fietshelm maat M", 6050, 1050),
    "BEL-01": ("Fietsbel", 1210, 210),
}
DUTCH_SHIPPING = (605, 105)
# SKU: (title, price without tax, tax on it)
FRENCH = {"THE-01": ("Théière", 4000, 800), "TAS-01": ("Tasse", 1000, 200)}
FRENCH_SHIPPING = (800, 160)


@dataclass
class Delivery:
    """One thing that is posted: what it shows, for whom, and the body.

    `trick` is what is done to it: "forged", "cut off" or "unsigned". `ids` are the
    marketplace's ids of the returns that it tells of.
    """

    label: str
    code: str
    topic: str
    data: object
    order: str = ""
    ids: tuple = ()
    trick: str = ""


@dataclass
class Story:
    """All deliveries, in the order in which they are posted."""

    deliveries: list = field(default_factory=list)

    def tell(self, label, code, topic, data, order, ids):
        self.deliveries.append(Delivery(label, code, topic, data, order, tuple(ids)))
        return self.deliveries[-1]

    def trick(self, label, model, trick):
        copy = Delivery(label, model.code, model.topic, model.data, trick=trick)
        self.deliveries.append(copy)


def story():
    """The deliveries of both shops."""
    told = Story()
    partial = tell_shopify(told)
    told.trick("the same again", partial, "")
    told.trick("forged", partial, "forged")
    told.trick("cut off on the way", partial, "cut off")
    orders = tell_woocommerce(told)
    told.trick("the same again", orders, "")
    told.trick("forged", orders, "forged")
    told.trick("greeting, not signed", orders, "unsigned")
    return told.deliveries


def fill(shop):
    """Put orders, refunds and the return into the shop that answers."""
    for number in (*range(1001, 1008), 1999):
        shop.add_node(shopify_order(number))
    shop.add_node(shopify_return())
    for order, refunds in woocommerce_orders():
        shop.add_order(order, refunds)


# Shopify ------------------------------------------------------------------------


def tell_shopify(told):
    helmet, bells = line("HELM-M", 1, 31), line("BEL-01", 2, 32, "no_restock")
    partial = shopify_refund(7001, 5001, [helmet, bells], paid=8470)
    whole = shopify_refund(
        7002, 5002, [line("HELM-M", 1, 41)], paid=6655, shipping=DUTCH_SHIPPING
    )
    shipping = shopify_refund(7003, 5003, [], paid=605, shipping=DUTCH_SHIPPING)
    lump = shopify_refund(7004, 5004, [], paid=1500, adjusted=(-1500, "Goodwill"))
    fee = shopify_refund(
        7005, 5005, [line("HELM-M", 1, 71)], paid=5445, adjusted=(605, "Restock")
    )
    pending = shopify_refund(
        7006, 5006, [line("HELM-M", 1, 81)], paid=6050, status="pending"
    )
    unknown = shopify_refund(7099, 5999, [line("HELM-M", 1, 991)], paid=6050)
    first = None
    for label, order, refund in (
        ("partial refund, one comes back", "#1001", partial),
        ("full refund, goods come back", "#1002", whole),
        ("shipping only", "#1003", shipping),
        ("amount only", "#1004", lump),
        ("restocking fee kept", "#1005", fee),
        ("payment under way", "#1006", pending),
        ("order not known here", "#1999", unknown),
    ):
        ids = [f"refund:{refund['id']}"]
        delivery = told.tell(label, SHOPIFY, "refunds/create", refund, order, ids)
        first = first or delivery
    returned = {
        "id": 4007,
        "status": "open",
        "order": {"id": 5007},
        "return_line_items": [{"id": 4107, "quantity": 3}],
    }
    told.tell(
        "return approved, no money",
        *(SHOPIFY, "returns/approve", returned, "#1007", ["return:4007"]),
    )
    return first


def shopify_refund(
    number, order, lines, paid, shipping=None, adjusted=None, status="success"
):
    """A refund as refunds/create tells it; amounts in cents."""
    return {
        "id": number,
        "order_id": order,
        "created_at": now(),
        "processed_at": now(),
        "note": "",
        "return": None,
        "refund_line_items": lines,
        "refund_shipping_lines": [refunded_shipping(number, *shipping)]
        if shipping
        else [],
        "order_adjustments": [adjustment(number, *adjusted)] if adjusted else [],
        "transactions": [
            {
                "id": number + 1000,
                "order_id": order,
                "kind": "refund",
                "status": status,
                "gateway": "shopify_payments",
                "amount": money(paid),
                "currency": "EUR",
            }
        ],
    }


def line(sku, quantity, order_line, restock="return"):
    title, price, tax = DUTCH[sku]
    return {
        "id": order_line * 100,
        "quantity": quantity,
        "line_item_id": order_line,
        "restock_type": restock,
        "subtotal_set": both(price * quantity),
        "total_tax_set": both(tax * quantity),
        "line_item": {"id": order_line, "sku": sku, "name": title, "gift_card": False},
    }


def refunded_shipping(number, amount, tax):
    return {
        "id": number + 2000,
        "subtotal_amount_set": both(amount),
        "tax_amount_set": both(tax),
        "shipping_line": {"title": "PostNL"},
    }


def adjustment(number, amount, reason):
    return {
        "id": number + 3000,
        "kind": "refund_discrepancy",
        "reason": reason,
        "amount_set": both(amount),
        "tax_amount_set": both(0),
    }


def both(cents):
    told = {"amount": money(cents), "currency_code": "EUR"}
    return {"shop_money": told, "presentment_money": told}


def shopify_order(number):
    """The order as the GraphQL API tells it."""
    return {
        "id": f"gid://shopify/Order/{number + 4000}",
        "name": f"#{number}",
        "taxesIncluded": True,
        "currencyCode": "EUR",
        "presentmentCurrencyCode": "EUR",
        "customerLocale": "nl-NL",
    }


def shopify_return():
    """The approved return of order #1007, as the GraphQL API tells it."""
    title, _price, _tax = DUTCH["BEL-01"]
    bell = {"id": "gid://shopify/LineItem/92", "sku": "BEL-01", "name": title}
    return {
        "id": "gid://shopify/Return/4007",
        "name": "#1007-R1",
        "status": "OPEN",
        "createdAt": now(),
        "requestApprovedAt": now(),
        "order": {"id": "gid://shopify/Order/5007"},
        "returnShippingFees": [],
        "returnLineItems": {
            "nodes": [
                {
                    "id": "gid://shopify/ReturnLineItem/4107",
                    "quantity": 3,
                    "returnReasonDefinition": {"name": "Unwanted"},
                    "fulfillmentLineItem": {"lineItem": bell},
                }
            ]
        },
    }


# WooCommerce --------------------------------------------------------------------


def tell_woocommerce(told):
    labels = (
        "two refunds: lines, and an amount",
        "full refund",
        "shipping only",
        "price correction, quantity 0",
        "amount and lines differ",
    )
    first = None
    for label, (order, refunds) in zip(labels, woocommerce_orders(), strict=True):
        ids = [f"refund:{refund['id']}" for refund in refunds]
        delivery = told.tell(
            label, WOOCOMMERCE, "order.updated", order, order["number"], ids
        )
        first = first or delivery
    return first


def woocommerce_orders():
    """(order, refunds), as the REST API tells them."""
    teapot, cups = row("THE-01", 1, 315), row("TAS-01", 4, 316)
    correction = {**row("TAS-01", 0, 346), "total": "-5.00", "total_tax": "-1.00"}
    return [
        woocommerce_order(
            2001,
            woocommerce_refund(2101, 9600, [teapot, cups], "Cassée"),
            woocommerce_refund(2102, 1000, [], "Geste commercial"),
        ),
        woocommerce_order(
            2002, woocommerce_refund(2103, 5760, [row("THE-01", 1, 325)], shipping=327)
        ),
        woocommerce_order(2003, woocommerce_refund(2104, 960, [], shipping=337)),
        woocommerce_order(2004, woocommerce_refund(2105, 600, [correction])),
        woocommerce_order(
            2005, woocommerce_refund(2106, 5500, [row("THE-01", 1, 355)])
        ),
    ]


def woocommerce_order(number, *refunds):
    order = {
        "id": number,
        "number": str(number),
        "status": "completed",
        "currency": "EUR",
        "date_modified_gmt": now()[:19],
        "billing": {"email": "client@example.com"},
        "refunds": [
            {"id": refund["id"], "reason": refund["reason"], "total": "-1"}
            for refund in refunds
        ],
    }
    return order, refunds


def woocommerce_refund(number, amount, lines, reason="", shipping=None):
    price, tax = FRENCH_SHIPPING
    shipped = {
        "id": number * 10,
        "method_title": "Colissimo",
        "total": money(-price),
        "total_tax": money(-tax),
        "meta_data": [{"key": "_refunded_item_id", "value": str(shipping)}],
    }
    return {
        "id": number,
        "date_created_gmt": now()[:19],
        "amount": money(amount),
        "reason": reason,
        "line_items": lines,
        "shipping_lines": [shipped] if shipping else [],
        "fee_lines": [],
    }


def row(sku, quantity, order_line):
    title, price, tax = FRENCH[sku]
    return {
        "id": order_line * 10,
        "name": title,
        "sku": sku,
        "quantity": -quantity,
        "total": money(-price * quantity),
        "total_tax": money(-tax * quantity),
        "meta_data": [{"key": "_refunded_item_id", "value": str(order_line)}],
    }


def money(cents):
    """Cents as the text that both marketplaces write."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def now():
    """An hour ago, so that it lies in no clock's future."""
    moment = datetime.now(timezone.utc) - timedelta(hours=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
