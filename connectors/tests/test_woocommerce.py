"""WooCommerce: deliveries, refunds as documented, and the traps among them."""

import unittest
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import Refused, TryAgainLater, Unreadable, Untrusted
from ..marketplaces import get
from ..notices import IncomingEvent, Ping
from .common import OLD_SECRET, SECRET, SETTINGS, ShopCase, eur
from .deliveries import payload, raw, woocommerce
from .shop_server import WOO


class TestDelivery(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.account = get("woocommerce", SETTINGS)

    def test_signature_vector(self):
        account = get("woocommerce", {"webhook_secret": "test-secret"})
        body = b'{"id":829190242433,"order_id":4182097789057}'
        headers = {
            "X-WC-Webhook-Signature": "TytxTDF8/sRznG4R5IHh5cHKKgpVop7Y4Woe+rA4fKU=",
            "X-WC-Webhook-Topic": "order.deleted",
        }
        self.assertEqual(
            account.verify(headers, body).order_external_id, "829190242433"
        )

    def test_old_secret_during_rotation(self):
        delivery = woocommerce({"id": 1}, "order.deleted", OLD_SECRET)
        self.assertIsInstance(self.account.verify(*delivery), IncomingEvent)
        other = get("woocommerce", {**SETTINGS, "webhook_secret_previous": False})
        with self.assertRaises(Untrusted):
            other.verify(*delivery)

    def test_ping_is_the_one_thing_unsigned(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertIsInstance(self.account.verify(form, b"webhook_id=5"), Ping)
        for body in (b"webhook_id=", b"webhook_id=5&x=1", b"webhook_id=5\n{}", b"id=5"):
            with self.subTest(body=body), self.assertRaises(Untrusted):
                self.account.verify(form, body)

    def test_refunds_make_the_key(self):
        order = payload("woocommerce_order_updated")
        event = self.account.verify(*woocommerce(order, "order.updated", SECRET))
        self.assertEqual(event.event_key, "order:2001:refunds:2101,2102")
        self.assertEqual(event.external_ids, ("refund:2101", "refund:2102"))
        self.assertEqual(event.order_external_id, "2001")
        self.assertEqual(event.delivery_id, "0123456789abcdef")
        self.assertTrue(event.wanted and event.readable)
        order["status"] = "refunded"
        again = self.account.verify(*woocommerce(order, "order.updated", SECRET))
        self.assertEqual(again.event_key, event.event_key)

    def test_many_refunds_make_a_bounded_key(self):
        order = payload("woocommerce_order_updated")
        order["refunds"] = [{"id": 10**9 + n} for n in range(300)]
        one = self.account.verify(*woocommerce(order, "order.updated", SECRET))
        order["refunds"].append({"id": 5})
        two = self.account.verify(*woocommerce(order, "order.updated", SECRET))
        self.assertLessEqual(len(one.event_key), 200)
        self.assertNotEqual(one.event_key, two.event_key)

    def test_not_wanted(self):
        order = payload("woocommerce_order_without_refunds")
        for topic in ("order.updated", "order.created", "product.updated", ""):
            with self.subTest(topic=topic):
                event = self.account.verify(*woocommerce(order, topic, SECRET))
                self.assertFalse(event.wanted)

    def test_names_of_headers_in_any_case(self):
        headers, body = woocommerce({"id": 1}, "order.deleted", SECRET)
        headers = {name.upper(): value for name, value in headers.items()}
        self.assertEqual(self.account.verify(headers, body).topic, "order.deleted")


class TestRefunds(ShopCase):
    code = "woocommerce"

    def read(self, *names, topic="order.updated", **changes):
        """The notices of an order whose shop tells these refunds."""
        refunds = [payload(f"woocommerce_refund_{name}") for name in names]
        order = payload("woocommerce_order_updated")
        order["refunds"] = [{"id": refund["id"]} for refund in refunds]
        order.update(changes)
        self.shop.add_order(order, refunds)
        return self.account.read(raw(order), topic)

    def test_partial_refund_of_two_lines(self):
        [notice] = self.read("partial")
        self.assertEqual(notice.external_id, "refund:2101")
        self.assertEqual((notice.kind, notice.state), ("refund", "refunded"))
        self.assertEqual(notice.order_external_id, "2001")
        self.assertEqual(notice.order_refs, ("WEB-2001", "#WEB-2001"))
        self.assertEqual(notice.reason, "Cassée")
        self.assertEqual(notice.customer_language, "fr")
        self.assertEqual(notice.customer_email, "amelie@example.com")
        self.assertEqual(
            notice.occurred_at,
            datetime(2026, 3, 2, 11, 15, 30, tzinfo=timezone.utc),
        )
        self.assertEqual(notice.total, eur("96.00"))
        self.assertIsNone(notice.difference)
        self.assertTrue(notice.goods_expected)
        teapot, cup = notice.lines
        self.assertEqual(teapot.external_id, "product:401")
        self.assertEqual(teapot.order_line_ref, "315")
        self.assertEqual(teapot.sku, "THE-01")
        self.assertEqual(teapot.title, "Théière – & Co")
        self.assertEqual(teapot.quantity, 1)
        self.assertEqual((teapot.untaxed, teapot.tax), (eur("40.00"), eur("8.00")))
        self.assertEqual((cup.quantity, cup.total), (4, eur("48.00")))

    def test_several_refunds_in_one_call(self):
        notices = self.read("partial", "amount_only", "quantity_zero")
        self.assertEqual(len(notices), 3)
        self.assertEqual(len(self.shop.calls), 1)
        self.assertEqual(self.shop.calls[0].path, f"{WOO}/orders/2001/refunds")

    def test_amount_only(self):
        [notice] = self.read("amount_only")
        self.assertEqual(notice.lines, ())
        self.assertEqual(notice.total, eur("10.00"))
        self.assertTrue(notice.amount_only)
        self.assertFalse(notice.goods_expected)
        self.assertIsNone(notice.difference)

    def test_quantity_zero_is_money_only(self):
        [notice] = self.read("quantity_zero")
        [line] = notice.lines
        self.assertEqual(line.quantity, 0)
        self.assertEqual(line.total, eur("6.00"))
        self.assertFalse(line.goods_expected or notice.goods_expected)

    def test_shipping_and_fee(self):
        [notice] = self.read("shipping_and_fee")
        # The line without quantity and money says nothing: it is left out.
        shipping, fee = notice.lines
        self.assertEqual((shipping.kind, fee.kind), ("shipping", "fee"))
        self.assertEqual(shipping.total, eur("9.60"))
        self.assertEqual((shipping.order_line_ref, fee.order_line_ref), ("317", "318"))
        self.assertEqual(shipping.title, "Colissimo")
        self.assertEqual(fee.total, eur("3.60"))
        self.assertIsNone(notice.difference)
        self.assertFalse(notice.goods_expected)

    def test_fee_kept_from_the_customer_is_negative(self):
        [notice] = self.read("fee_kept")
        goods, fee = notice.lines
        self.assertEqual((goods.quantity, goods.total), (1, eur("48.00")))
        self.assertEqual((fee.untaxed, fee.tax), (eur("-5.00"), eur("-1.00")))
        self.assertIsNone(notice.difference)

    def test_amount_leads_and_the_difference_is_told(self):
        [notice] = self.read("does_not_add_up")
        self.assertEqual(notice.total, eur("7.00"))
        self.assertEqual(notice.lines_total, eur("6.00"))
        self.assertEqual(notice.difference, eur("1.00"))

    def test_shape_before_4_9(self):
        [notice] = self.read("before_4_9")
        [line] = notice.lines
        self.assertEqual((line.order_line_ref, line.sku), ("", "THE-01"))
        self.assertIsNone(notice.difference)

    def test_tax_exempt(self):
        [notice] = self.read("tax_exempt")
        self.assertEqual(notice.lines[0].tax, eur("0.00"))
        self.assertEqual(notice.lines[0].total, eur("40.00"))
        self.assertIsNone(notice.difference)

    def test_prices_with_or_without_tax_make_no_difference(self):
        [with_tax] = self.read("partial", prices_include_tax=True)
        self.shop.refunds.clear()
        [without] = self.read("partial", prices_include_tax=False)
        self.assertEqual(with_tax, without)

    def test_other_currency(self):
        [notice] = self.read("amount_only", currency="SEK")
        self.assertEqual((notice.currency, notice.total.currency), ("SEK", "SEK"))
        self.assertIsNone(notice.in_currency("EUR"))

    def test_refund_deleted_meanwhile(self):
        order = payload("woocommerce_order_updated")
        self.shop.add_order(order, [payload("woocommerce_refund_partial")])
        found, gone = self.account.read(raw(order), "order.updated")
        self.assertEqual((found.external_id, found.state), ("refund:2101", "refunded"))
        self.assertEqual((gone.external_id, gone.state), ("refund:2102", "cancelled"))
        self.assertEqual((gone.lines, gone.total), ((), None))

    def test_order_deleted_meanwhile(self):
        order = payload("woocommerce_order_updated")
        self.shop.fail(
            "/refunds", 404, 1, {"code": "woocommerce_rest_shop_order_invalid_id"}
        )
        states = [n.state for n in self.account.read(raw(order), "order.updated")]
        self.assertEqual(states, ["cancelled", "cancelled"])

    def test_wrong_address_is_no_deleted_order(self):
        order = payload("woocommerce_order_updated")
        self.shop.fail("/refunds", 404, 1, {"code": "rest_no_route"})
        with self.assertRaises(Refused):
            self.account.read(raw(order), "order.updated")

    def test_order_in_the_bin_tells_its_id_only(self):
        data = payload("woocommerce_order_deleted")
        event = self.account.verify(*woocommerce(data, "order.deleted", SECRET))
        self.assertEqual(event.event_key, "order:2001:deleted")
        [notice] = self.account.read(raw(data), "order.deleted")
        self.assertEqual((notice.kind, notice.state), ("order", "cancelled"))
        self.assertEqual(notice.external_id, "order:2001")
        self.assertEqual((notice.lines, notice.total), ((), None))
        self.assertEqual(self.shop.calls, [])

    def test_pages(self):
        order = payload("woocommerce_order_updated")
        model = payload("woocommerce_refund_amount_only")
        refunds = [{**model, "id": 3000 + n} for n in range(201)]
        self.shop.add_order(order, refunds)
        order["refunds"] = [{"id": refund["id"]} for refund in refunds]
        notices = self.account.read(raw(order), "order.updated")
        self.assertEqual(len(notices), 201)
        pages = [call.query["page"] for call in self.shop.calls]
        self.assertEqual(pages, ["1", "2", "3"])

    def test_only_the_shop_of_the_account_is_asked(self):
        order = payload("woocommerce_order_updated")
        self.assertIn("elsewhere.example", str(order))
        self.shop.add_order(order)
        self.account.read(raw(order), "order.updated")
        self.assertEqual(len(self.shop.calls), 1)

    def test_an_id_is_no_path(self):
        order = payload("woocommerce_order_updated")
        order["id"] = "../../users/1"
        with self.assertRaises(Unreadable):
            self.account.read(raw(order), "order.updated")
        self.assertEqual(self.shop.calls, [])

    def test_wrong_secret_and_busy_shop(self):
        account = self.make_account(api_secret="wrong-secret")
        with self.assertRaises(Refused):
            account.read(raw(payload("woocommerce_order_updated")), "order.updated")
        self.shop.fail("/refunds", 429, 1, headers={"Retry-After": "900"})
        with self.assertRaises(TryAgainLater) as caught:
            self.read("partial")
        self.assertEqual(caught.exception.retry_after, 900)

    def test_account_that_is_not_filled_in(self):
        body = raw(payload("woocommerce_order_updated"))
        for name in ("api_key", "api_secret", "base_url"):
            account = self.make_account(**{name: False})
            with self.subTest(name=name), self.assertRaisesRegex(Refused, "account"):
                account.read(body, "order.updated")

    def test_rate_limit_that_passes(self):
        self.shop.fail("/refunds", 429, 2, headers={"Retry-After": "1"})
        [notice] = self.read("partial")
        self.assertEqual(notice.total, eur("96.00"))
        self.assertEqual(self.waits, [1.0, 1.0])

    def test_refresh(self):
        order = payload("woocommerce_order_updated")
        self.shop.add_order(order, [payload("woocommerce_refund_partial")])
        notice = self.account.refresh("refund:2101", "2001")
        self.assertEqual((notice.state, notice.total), ("refunded", eur("96.00")))
        self.assertEqual(self.account.refresh("refund:9", "2001").state, "cancelled")
        self.assertEqual(self.account.refresh("refund:9", "77").state, "cancelled")
        self.assertIsNone(self.account.refresh("order:2001", "2001"))

    def test_poll_has_the_keys_of_the_webhook(self):
        order = payload("woocommerce_order_updated")
        quiet = {**payload("woocommerce_order_without_refunds"), "id": 2002}
        old = {**order, "id": 2003, "date_modified_gmt": "2026-01-01T00:00:00"}
        for one in (order, quiet, old):
            self.shop.add_order(one)
        self.shop.add_refund(2001, payload("woocommerce_refund_partial"))
        since = datetime(2026, 3, 1, tzinfo=timezone.utc)
        [fetched] = self.account.poll(since)
        event = self.account.verify(*woocommerce(order, "order.updated", SECRET))
        self.assertEqual(fetched.event.event_key, event.event_key)
        notices = self.account.read(fetched.body, fetched.event.topic)
        self.assertEqual(notices[0].total, eur("96.00"))
        self.assertEqual(
            self.shop.calls[0].query["modified_after"], "2026-03-01T00:00:00Z"
        )

    def test_reading_twice_is_the_same(self):
        first = self.read("partial", "amount_only")
        self.shop.refunds.clear()
        self.assertEqual(self.read("partial", "amount_only"), first)

    def test_quantity_of_parts(self):
        refund = payload("woocommerce_refund_partial")
        refund["line_items"][0]["quantity"] = -0.25
        self.shop.add_order(payload("woocommerce_order_updated"), [refund])
        order = payload("woocommerce_order_updated")
        order["refunds"] = [{"id": 2101}]
        [notice] = self.account.read(raw(order), "order.updated")
        self.assertEqual(notice.lines[0].quantity, Decimal("0.25"))
