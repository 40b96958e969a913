"""Shopify: deliveries and refunds as documented, and the traps among them."""

import unittest
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import Unreadable, Untrusted
from ..marketplaces import get
from ..notices import IncomingEvent, Money
from .common import OLD_SECRET, SECRET, SETTINGS, ShopCase, eur
from .deliveries import payload, raw, shopify


class TestDelivery(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.account = get("shopify", SETTINGS)

    def test_signature_vector(self):
        account = get("shopify", {"webhook_secret": "test-secret"})
        body = b'{"id":829190242433,"order_id":4182097789057}'
        signature = "TytxTDF8/sRznG4R5IHh5cHKKgpVop7Y4Woe+rA4fKU="
        for prefix in ("X-Shopify", "Shopify"):
            with self.subTest(prefix=prefix):
                headers = {
                    f"{prefix}-Hmac-Sha256": signature,
                    f"{prefix}-Topic": "refunds/create",
                    f"{prefix}-Triggered-At": "2026-03-29T18:00:27.877041743Z",
                }
                event = account.verify(headers, body)
                self.assertEqual(event.event_key, "refund:829190242433")
                self.assertEqual(event.order_external_id, "4182097789057")
                self.assertEqual(event.sent_at.year, 2026)

    def test_old_secret_during_rotation(self):
        delivery = shopify({"id": 1}, "refunds/create", OLD_SECRET)
        self.assertIsInstance(self.account.verify(*delivery), IncomingEvent)

    def test_other_shop_of_the_same_app(self):
        account = get("shopify", {**SETTINGS, "base_url": "mine.myshopify.com"})
        domain = "X-Shopify-Shop-Domain"
        mine = {domain: "Mine.myshopify.com"}
        account.verify(*shopify({"id": 1}, "refunds/create", SECRET, **mine))
        with self.assertRaisesRegex(Untrusted, "another shop"):
            other = {domain: "other.myshopify.com"}
            account.verify(*shopify({"id": 1}, "refunds/create", SECRET, **other))

    def test_late_repetition_is_the_same_event(self):
        data = payload("shopify_refund_partial")
        first = self.account.verify(*shopify(data, "refunds/create", SECRET))
        late = {"X-Shopify-Triggered-At": "2026-03-02T14:15:30Z"}
        again = self.account.verify(*shopify(data, "refunds/create", SECRET, **late))
        self.assertEqual(first.event_key, again.event_key)

    def test_nonsense_in_unsigned_headers(self):
        nonsense = {"X-Shopify-Triggered-At": "x", "X-Shopify-Webhook-Id": "y" * 999}
        delivery = shopify({"id": 1}, "refunds/create", SECRET, **nonsense)
        event = self.account.verify(*delivery)
        self.assertIsNone(event.sent_at)
        self.assertLessEqual(len(event.delivery_id), 64)

    def test_not_wanted(self):
        for topic in ("products/update", "orders/create", "app/uninstalled", ""):
            with self.subTest(topic=topic):
                delivery = shopify({"id": 1}, topic, SECRET)
                self.assertFalse(self.account.verify(*delivery).wanted)
        order = {**payload("shopify_order_updated"), "refunds": []}
        event = self.account.verify(*shopify(order, "orders/updated", SECRET))
        self.assertFalse(event.wanted)

    def test_keys_of_orders_and_payments(self):
        order = payload("shopify_order_updated")
        event = self.account.verify(*shopify(order, "orders/updated", SECRET))
        self.assertEqual(event.event_key, "order:5001:7001-refunded,7002-refunded")
        self.assertTrue(event.wanted)
        order["refunds"][0]["transactions"][0]["status"] = "pending"
        pending = self.account.verify(*shopify(order, "orders/updated", SECRET))
        self.assertNotEqual(event.event_key, pending.event_key)
        paid = payload("shopify_transaction_success")
        event = self.account.verify(*shopify(paid, "order_transactions/create", SECRET))
        self.assertEqual(event.event_key, "transaction:8008:success")
        self.assertTrue(event.wanted)
        sale = {**paid, "kind": "sale"}
        event = self.account.verify(*shopify(sale, "order_transactions/create", SECRET))
        self.assertFalse(event.wanted)

    def test_states_of_a_return_are_events_of_their_own(self):
        data = payload("shopify_return_requested")
        keys = set()
        for topic in ("returns/request", "returns/approve", "returns/close"):
            event = self.account.verify(*shopify(data, topic, SECRET))
            again = self.account.verify(*shopify(data, topic, SECRET))
            self.assertEqual(event.event_key, again.event_key)
            self.assertEqual(event.external_ids, ("return:4001",))
            keys.add(event.event_key)
        self.assertEqual(len(keys), 3)


class RefundCase(ShopCase):
    """Refunds of order 5001 (#1001), in euro, prices with tax unless changed."""

    code = "shopify"

    def read(self, name, **order):
        """The notice of a fixture, its order as changed; `order=None`: unknown."""
        if order.get("order", True):
            node = {**payload("shopify_graphql_order"), **order}
            self.shop.add_node(node)
        data = payload(f"shopify_refund_{name}")
        [notice] = self.account.read(raw(data), "refunds/create")
        return notice


class TestRefunds(RefundCase):
    def test_partial(self):
        notice = self.read("partial")
        self.assertEqual(notice.external_id, "refund:7001")
        self.assertEqual((notice.kind, notice.state), ("refund", "refunded"))
        self.assertEqual(notice.order_external_id, "5001")
        self.assertEqual(notice.order_refs, ("#1001", "1001"))
        self.assertEqual(notice.customer_language, "nl-NL")
        self.assertEqual(notice.note, "Past niet")
        self.assertEqual(
            notice.occurred_at,
            datetime(2026, 3, 2, 10, 15, 30, tzinfo=timezone.utc),
        )
        self.assertEqual(notice.total, eur("84.70"))
        self.assertIsNone(notice.difference)
        helmet, bell = notice.lines
        self.assertEqual(helmet.order_line_ref, "31")
        self.assertEqual(helmet.sku, "HELM-M")
        self.assertEqual(helmet.quantity, 1)
        # Prices with tax: the subtotal includes it.
        self.assertEqual((helmet.untaxed, helmet.tax), (eur("50.00"), eur("10.50")))
        self.assertTrue(helmet.goods_expected)
        self.assertEqual((bell.quantity, bell.untaxed), (2, eur("20.00")))
        self.assertEqual(bell.title, "Fietsbel “Trrring” 🔔")
        self.assertFalse(bell.goods_expected)
        self.assertTrue(notice.goods_expected)

    def test_prices_without_tax(self):
        notice = self.read("partial", taxesIncluded=False)
        helmet, bell = notice.lines
        self.assertEqual((helmet.untaxed, helmet.tax), (eur("60.50"), eur("10.50")))
        self.assertEqual(helmet.total, eur("71.00"))
        # And then what was paid does not fit: told, not mended.
        self.assertEqual(notice.difference, eur("-14.70"))

    def test_tax_unknown_but_only_one_reading_fits(self):
        self.account = self.make_account(access_token="")
        notice = self.read("partial", order=None)
        self.assertEqual(notice.order_refs, ())
        self.assertEqual(notice.order_external_id, "5001")
        self.assertEqual(notice.lines[0].untaxed, eur("50.00"))
        self.assertIsNone(notice.difference)
        self.assertEqual(self.shop.calls, [])

    def test_tax_unknown_and_no_reading_fits(self):
        self.account = self.make_account(access_token="")
        notice = self.read("does_not_add_up", order=None)
        [line] = notice.lines
        self.assertEqual((line.untaxed, line.total), (None, None))
        self.assertEqual(line.tax, eur("10.50"))
        self.assertEqual(notice.total, eur("58.00"))
        self.assertIsNone(notice.difference)

    def test_tax_exempt_needs_no_flag(self):
        self.account = self.make_account(access_token="")
        notice = self.read("tax_exempt", order=None)
        self.assertEqual(notice.lines[0].untaxed, eur("100.00"))
        self.assertEqual(notice.lines[0].tax, eur("0.00"))
        self.assertIsNone(notice.difference)

    def test_order_gone(self):
        notice = self.read("partial", order=None)
        self.assertEqual((notice.order_refs, notice.order_external_id), ((), "5001"))
        self.assertEqual(len(self.shop.calls), 1)

    def test_amount_only(self):
        notice = self.read("amount_only")
        [line] = notice.lines
        self.assertEqual((line.kind, line.quantity), ("adjustment", 0))
        self.assertEqual((line.untaxed, line.total), (None, eur("15.00")))
        self.assertTrue(notice.amount_only)
        self.assertFalse(notice.goods_expected)
        self.assertIsNone(notice.difference)

    def test_shipping_is_told_twice_and_taken_once(self):
        notice = self.read("shipping")
        [line] = notice.lines
        self.assertEqual(line.kind, "shipping")
        self.assertEqual((line.untaxed, line.tax), (eur("5.00"), eur("1.05")))
        self.assertIsNone(notice.difference)

    def test_shipping_before_2024_10(self):
        notice = self.read("shipping_before_2024_10")
        [line] = notice.lines
        self.assertEqual((line.kind, line.total), ("shipping", eur("6.05")))
        self.assertIsNone(notice.difference)

    def test_shipping_without_tax(self):
        notice = self.read("shipping_untaxed")
        [line] = notice.lines
        self.assertEqual((line.untaxed, line.tax), (eur("5.00"), eur("0")))
        self.assertIsNone(notice.difference)

    def test_restocking_fee_is_a_line_of_opposite_sign(self):
        notice = self.read("restocking_fee")
        helmet, fee = notice.lines
        self.assertEqual((helmet.quantity, helmet.total), (1, eur("60.50")))
        self.assertEqual((fee.kind, fee.total), ("fee", eur("-6.05")))
        self.assertEqual(fee.reason, "Restock")
        self.assertIsNone(notice.difference)

    def test_two_currencies(self):
        notice = self.read("two_currencies", presentmentCurrencyCode="USD")
        self.assertEqual(notice.currency, "USD")
        self.assertEqual(notice.total, Money(Decimal("66.55"), "USD"))
        self.assertEqual(notice.lines[0].untaxed, Money(Decimal("55.00"), "USD"))
        self.assertIsNone(notice.difference)
        shop = notice.in_currency("EUR")
        self.assertEqual(shop.external_id, notice.external_id)
        self.assertEqual(shop.lines[0].untaxed, eur("50.00"))
        # What was paid is told in dollars only: nothing is converted.
        self.assertIsNone(shop.total)
        self.assertIsNone(shop.difference)

    def test_two_currencies_are_seen_without_the_order(self):
        notice = self.read("two_currencies", order=None)
        self.assertEqual(notice.currency, "USD")
        self.assertEqual(notice.in_currency("EUR").currency, "EUR")

    def test_pending_is_not_refunded(self):
        notice = self.read("pending")
        self.assertEqual(notice.state, "pending")
        # The adjustment that stands for the money under way is no line.
        [line] = notice.lines
        self.assertEqual(line.kind, "product")
        self.assertEqual(notice.total, eur("60.50"))
        self.assertIsNone(notice.difference)

    def test_failed_payment(self):
        notice = self.read("failed")
        self.assertEqual(notice.state, "cancelled")

    def test_gift_card_and_store_credit(self):
        notice = self.read("gift_card")
        gift, helmet = notice.lines
        self.assertEqual((gift.kind, gift.total), ("gift_card", eur("50.00")))
        self.assertFalse(gift.goods_expected)
        self.assertEqual(helmet.kind, "product")
        # However it was paid back, it was paid back in full.
        self.assertEqual((notice.total, notice.difference), (eur("110.50"), None))

    def test_quantity_zero(self):
        notice = self.read("quantity_zero")
        [line] = notice.lines
        self.assertEqual((line.quantity, line.total), (0, eur("10.00")))
        self.assertFalse(line.goods_expected)

    def test_only_successful_refunds_are_money(self):
        notice = self.read("does_not_add_up")
        self.assertEqual(notice.total, eur("58.00"))
        self.assertEqual(notice.difference, eur("-2.50"))

    def test_duties(self):
        notice = self.read("duties")
        helmet, duties = notice.lines
        self.assertEqual((duties.kind, duties.title), ("fee", "Duties"))
        self.assertEqual(duties.total, eur("8.00"))
        self.assertIsNone(notice.difference)

    def test_duties_as_documented(self):
        data = payload("shopify_refund_duties")
        amounts = data.pop("total_duties_set")
        data["duties"] = {"duties": [{"duty_id": 1, "amount_set": amounts}]}
        self.shop.add_node(payload("shopify_graphql_order"))
        [notice] = self.account.read(raw(data), "refunds/create")
        self.assertEqual(notice.lines[1].total, eur("8.00"))

    def test_lines_without_money_are_a_difference(self):
        notice = self.read("no_money")
        self.assertEqual(notice.state, "refunded")
        self.assertEqual(notice.total, eur("0"))
        self.assertEqual(notice.difference, eur("-60.50"))
        self.assertFalse(notice.goods_expected)

    def test_refund_of_a_return(self):
        self.assertEqual(self.read("of_return").return_external_id, "return:4001")
        self.assertEqual(self.read("partial").return_external_id, "")

    def test_plain_amounts_are_in_the_shop_currency(self):
        data = payload("shopify_refund_partial")
        for line in data["refund_line_items"]:
            del line["subtotal_set"], line["total_tax_set"]
        node = payload("shopify_graphql_order")
        self.shop.add_node(node)
        [notice] = self.account.read(raw(data), "refunds/create")
        self.assertEqual(notice.lines[0].untaxed, eur("50.0"))
        self.shop.add_node({**node, "presentmentCurrencyCode": "USD"})
        self.account = self.make_account()
        [notice] = self.account.read(raw(data), "refunds/create")
        self.assertEqual(notice.currency, "USD")
        self.assertIsNone(notice.lines[0].untaxed)
        self.assertEqual(notice.in_currency("EUR").lines[0].untaxed, eur("50.0"))

    def test_no_refund_without_an_order(self):
        data = payload("shopify_refund_partial")
        del data["order_id"]
        with self.assertRaises(Unreadable):
            self.account.read(raw(data), "refunds/create")


class TestOrders(RefundCase):
    def test_order_updated_tells_all_without_a_question(self):
        order = payload("shopify_order_updated")
        partial, lump = self.account.read(raw(order), "orders/updated")
        self.assertEqual(partial.order_refs, ("#1001", "1001"))
        self.assertEqual(partial.lines[0].untaxed, eur("50.00"))
        self.assertTrue(lump.amount_only)
        self.assertEqual(self.shop.calls, [])
        self.assertEqual(partial, self.read("partial"))

    def test_order_deleted(self):
        data = payload("shopify_order_deleted")
        [notice] = self.account.read(raw(data), "orders/delete")
        self.assertEqual((notice.kind, notice.state), ("order", "cancelled"))
        self.assertEqual(notice.order_external_id, "5001")

    def test_order_cancelled_after_a_refund(self):
        order = payload("shopify_order_updated")
        event = self.account.verify(*shopify(order, "orders/cancelled", SECRET))
        self.assertTrue(event.event_key.startswith("order:5001:cancelled"))
        kinds = [n.kind for n in self.account.read(raw(order), "orders/cancelled")]
        self.assertEqual(kinds, ["refund", "refund", "order"])

    def test_many_refunds_one_question(self):
        self.shop.add_node(payload("shopify_graphql_order"))
        messages = []
        for number in range(5001, 5251):
            order = payload("shopify_graphql_order")
            self.shop.add_node({**order, "id": f"gid://shopify/Order/{number}"})
            refund = {**payload("shopify_refund_partial"), "order_id": number}
            messages.append((raw(refund), "refunds/create"))
        self.account.prepare([*messages, (b"broken", "refunds/create"), (b"[]", "x")])
        self.assertEqual(len(self.shop.calls), 3)
        for body, topic in messages:
            self.account.read(body, topic)
        self.assertEqual(len(self.shop.calls), 3)
