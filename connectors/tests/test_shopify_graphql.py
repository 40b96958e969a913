"""Shopify's GraphQL API: what is asked, throttling, returns, refresh and poll."""

from datetime import datetime, timezone
from decimal import Decimal

from ..errors import Refused, TryAgainLater, Unreadable
from ..marketplaces import shopify_graphql
from ..notices import Money
from .common import SECRET, eur
from .deliveries import payload, raw, shopify
from .test_shopify import RefundCase

THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 752,
            "actualQueryCost": None,
            "throttleStatus": {
                "maximumAvailable": 1000.0,
                "currentlyAvailable": 652,
                "restoreRate": 50.0,
            },
        }
    },
}


class GraphqlCase(RefundCase):
    def setUp(self):
        super().setUp()
        for name in ("order", "refund", "return"):
            self.shop.add_node(payload(f"shopify_graphql_{name}"))

    def operations(self):
        return [call.operation for call in self.shop.calls]


class TestThrottling(GraphqlCase):
    def test_waits_for_the_missing_points(self):
        self.shop.fail("Orders", 200, 1, THROTTLED)
        self.assertEqual(self.read("partial").order_refs, ("#1001", "1001"))
        self.assertEqual(self.waits, [2.0])

    def test_throttled_as_429(self):
        self.shop.fail("Orders", 429, 1, THROTTLED, {"Retry-After": "2.0"})
        self.assertEqual(self.read("partial").order_refs, ("#1001", "1001"))
        self.assertEqual(self.waits, [2.0])

    def test_gives_up_for_now(self):
        self.shop.fail("Orders", 200, 999, THROTTLED)
        with self.assertRaises(TryAgainLater) as caught:
            self.read("partial")
        self.assertEqual(caught.exception.retry_after, 2.0)
        self.assertLessEqual(sum(self.waits), shopify_graphql.MAX_WAIT)

    def test_trouble_within_the_shop(self):
        body = {
            "errors": [
                {"message": "Oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
            ]
        }
        self.shop.fail("Orders", 200, 1, body)
        with self.assertRaises(TryAgainLater):
            self.read("partial")

    def test_no_permission(self):
        body = {
            "errors": [
                {
                    "message": "Access denied for returns field shpat_test_token",
                    "extensions": {"code": "ACCESS_DENIED"},
                }
            ],
            "data": {"return": None},
        }
        self.shop.fail("Return", 200, 1, body)
        with self.assertRaisesRegex(Refused, "Access denied") as caught:
            self.account.refresh("return:4001")
        self.assertNotIn("shpat", str(caught.exception))

    def test_no_token(self):
        account = self.make_account(access_token="")
        with self.assertRaisesRegex(Refused, "lacks this: Admin API access token"):
            account.refresh("refund:7008")

    def test_wrong_token(self):
        account = self.make_account(access_token="shpat_other")
        with self.assertRaises(Refused) as caught:
            account.refresh("refund:7008")
        self.assertEqual(caught.exception.status, 401)


class TestReturns(GraphqlCase):
    def read_return(self, topic="returns/approve", **changes):
        data = {**payload("shopify_return_requested"), **changes}
        [notice] = self.account.read(raw(data), topic)
        return notice

    def test_fetched_as_it_is_now(self):
        # The delivery, late, still says requested.
        notice = self.read_return("returns/request")
        self.assertEqual((notice.kind, notice.state), ("return", "approved"))
        self.assertEqual(notice.external_id, "return:4001")
        self.assertEqual(notice.order_refs, ("#1001", "1001"))
        self.assertEqual(
            notice.occurred_at, datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        )
        helmet, unverified, shipping, restocking = notice.lines
        self.assertEqual((helmet.sku, helmet.quantity), ("HELM-M", 2))
        self.assertEqual(helmet.order_line_ref, "31")
        self.assertEqual(helmet.reason, "Size too small, Knelt aan de oren")
        self.assertTrue(helmet.goods_expected and notice.goods_expected)
        self.assertEqual((unverified.sku, unverified.quantity), ("", 1))
        self.assertEqual((shipping.kind, shipping.total), ("fee", eur("-4.95")))
        self.assertEqual(restocking.total, eur("-3.00"))
        # A return is no money.
        self.assertEqual((helmet.total, notice.total), (None, None))

    def test_every_state(self):
        states = {
            "REQUESTED": "requested",
            "OPEN": "approved",
            "DECLINED": "declined",
            "CANCELED": "cancelled",
            "CLOSED": "closed",
        }
        node = payload("shopify_graphql_return")
        for status, state in states.items():
            with self.subTest(status=status):
                self.shop.add_node({**node, "status": status})
                self.assertEqual(self.read_return().state, state)
        self.shop.add_node({**node, "status": "MISLAID"})
        with self.assertRaisesRegex(Unreadable, "MISLAID"):
            self.read_return()

    def test_declined_says_why(self):
        node = payload("shopify_graphql_return")
        decline = {"reason": "FINAL_SALE", "note": "Uitverkoop"}
        self.shop.add_node({**node, "status": "DECLINED", "decline": decline})
        self.assertEqual(self.read_return().note, "FINAL_SALE, Uitverkoop")

    def test_gone(self):
        self.shop.nodes.clear()
        self.assertEqual(self.read_return().state, "cancelled")

    def test_many_lines_are_fetched_in_pages(self):
        node = payload("shopify_graphql_return")
        line = node["returnLineItems"]["nodes"][1]
        lines = [{**line, "id": f"gid://shopify/X/{n}"} for n in range(120)]
        self.shop.add_node({**node, "returnLineItems": {"nodes": lines}})
        notice = self.read_return()
        self.assertEqual(len([x for x in notice.lines if x.kind == "product"]), 120)
        self.assertEqual(self.operations(), ["Return"] * 3)

    def test_without_a_token_the_delivery_must_do(self):
        self.account = self.make_account(access_token="")
        notice = self.read_return("returns/request")
        self.assertEqual(notice.state, "requested")
        [line] = notice.lines
        self.assertEqual((line.order_line_ref, line.quantity), ("31", 2))
        self.assertEqual(line.reason, "size_too_small, Knelt aan de oren")
        self.assertEqual(notice.order_external_id, "5001")
        self.assertEqual(self.read_return("returns/close", status=None).state, "closed")
        with self.assertRaisesRegex(Refused, "access token"):
            self.read_return("returns/update", status=None)


class TestRefreshAndPoll(GraphqlCase):
    SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)

    def test_a_pending_refund_is_paid_later(self):
        self.assertEqual(self.read("pending").state, "pending")
        notice = self.account.refresh("refund:7008", "5001")
        self.assertEqual((notice.state, notice.total), ("refunded", eur("68.50")))
        self.assertEqual(notice.external_id, "refund:7008")
        self.assertEqual(notice.return_external_id, "return:4001")
        kinds = [line.kind for line in notice.lines]
        self.assertEqual(kinds, ["product", "shipping", "fee", "fee"])
        helmet, shipping, duties, restocking = notice.lines
        self.assertEqual((helmet.sku, helmet.untaxed), ("HELM-M", eur("50.00")))
        self.assertEqual(shipping.untaxed, eur("5.00"))
        self.assertEqual((duties.total, restocking.total), (eur("8"), eur("-6.05")))
        self.assertIsNone(notice.difference)

    def test_the_payment_says_so_too(self):
        data = payload("shopify_transaction_success")
        [notice] = self.account.read(raw(data), "order_transactions/create")
        self.assertEqual(
            (notice.external_id, notice.state), ("refund:7008", "refunded")
        )

    def test_both_currencies_of_a_payment(self):
        order = payload("shopify_graphql_order")
        self.shop.add_node({**order, "presentmentCurrencyCode": "USD"})
        refund = payload("shopify_graphql_refund")
        # The order says dollars, the amounts say euro: neither is believed.
        notice = self.account.refresh("refund:7008", "5001")
        self.assertEqual((notice.currency, notice.total), ("USD", None))
        self.assertIsNone(notice.lines[0].total)
        self.shop.add_node(in_dollars(refund))
        notice = self.account.refresh("refund:7008", "5001")
        self.assertEqual(notice.total, Money(Decimal("75.35"), "USD"))
        self.assertIsNone(notice.difference)
        shop = notice.in_currency("EUR")
        self.assertEqual((shop.total, shop.difference), (eur("68.50"), None))

    def test_gone(self):
        notice = self.account.refresh("refund:1", "5001")
        self.assertEqual(
            (notice.state, notice.order_external_id), ("cancelled", "5001")
        )
        self.assertEqual(self.account.refresh("return:1").state, "cancelled")
        self.assertIsNone(self.account.refresh("order:5001", "5001"))

    def test_poll_finds_what_the_webhook_tells(self):
        refund, returned = self.account.poll(self.SINCE)
        data = {**payload("shopify_refund_partial"), "id": 7008}
        event = self.account.verify(*shopify(data, "refunds/create", SECRET))
        self.assertEqual(refund.event.event_key, event.event_key)
        self.assertEqual(refund.event.order_external_id, "5001")
        [notice] = self.account.read(refund.body, refund.event.topic)
        self.assertEqual(notice.total, eur("68.50"))
        [notice] = self.account.read(returned.body, returned.event.topic)
        self.assertEqual(
            (notice.external_id, notice.state), ("return:4001", "approved")
        )
        again = [one.event.event_key for one in self.account.poll(self.SINCE)]
        self.assertEqual(again, [refund.event.event_key, returned.event.event_key])

    def test_poll_tells_that_a_pending_refund_is_paid(self):
        data = payload("shopify_refund_pending")
        event = self.account.verify(*shopify(data, "refunds/create", SECRET))
        self.assertEqual(event.event_key, "refund:7008:pending")
        refund, _returned = self.account.poll(self.SINCE)
        self.assertEqual(refund.event.event_key, "refund:7008")
        [notice] = self.account.read(refund.body, refund.event.topic)
        self.assertEqual(notice.state, "refunded")

    def test_poll_of_an_order_with_many_refunds(self):
        node = payload("shopify_graphql_refund")
        for number in range(7100, 7115):
            self.shop.add_node({**node, "id": f"gid://shopify/Refund/{number}"})
        found = list(self.account.poll(self.SINCE))
        self.assertEqual(len(found), 17)
        self.assertEqual(self.operations(), ["ChangedOrders", "OrderRefunds"])

    def test_poll_goes_through_the_pages(self):
        for number in range(6000, 6120):
            order = payload("shopify_graphql_order")
            self.shop.add_node({**order, "id": f"gid://shopify/Order/{number}"})
        found = list(self.account.poll(self.SINCE))
        self.assertEqual(len(found), 2)
        self.assertEqual(self.operations(), ["ChangedOrders"] * 13)

    def test_poll_needs_a_token(self):
        account = self.make_account(access_token="")
        with self.assertRaises(Refused):
            list(account.poll(self.SINCE))


def in_dollars(node):
    """The node with all its presentment amounts in dollars, at 1.10."""
    if isinstance(node, dict):
        node = {key: in_dollars(value) for key, value in node.items()}
        if "presentmentMoney" in node:
            amount = Decimal(node["shopMoney"]["amount"]) * Decimal("1.10")
            node["presentmentMoney"] = {"amount": str(amount), "currencyCode": "USD"}
        return node
    if isinstance(node, list):
        return [in_dollars(one) for one in node]
    return node
