"""CCV Shop: signed both ways, returns, hints, pages."""

import copy
import json
import unittest
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import Refused, TryAgainLater, Unreadable
from ..marketplaces import registry
from ..marketplaces.ccv_shop import signature
from ..notices import ReturnNotice
from .ccv_shop_server import CcvShopServer, hint, load
from .common import SETTINGS, eur
from .deliveries import payload

SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 3, 20, tzinfo=timezone.utc)


class CcvShopCase(unittest.TestCase):
    source = "returns"

    def setUp(self):
        super().setUp()
        self.shop = CcvShopServer().start()
        self.addCleanup(self.shop.stop)
        self.waits = []
        self.account = self.make_account()

    def make_account(self, **settings):
        settings = {
            **SETTINGS,
            "base_url": self.shop.url,
            "source": self.source,
            **settings,
        }
        account = registry["ccv_shop"](settings, sleep=self.waits.append)
        self.addCleanup(account.close)
        return account

    def add(self, name, **changes):
        data = payload(f"ccv_shop_{name}")
        kind = next(key for key in data if key != "rows")
        data[kind] |= changes
        return load(self.shop, data)

    def poll(self, account=None):
        pages = (account or self.account).poll_pages("", SINCE, UNTIL)
        return [fetched for page in pages for fetched in page.messages]

    def read_all(self, account=None):
        account = account or self.account
        return {
            notice.external_id: notice
            for fetched in self.poll(account)
            for notice in account.read(fetched.body, fetched.event.topic)
        }


class TestSigning(CcvShopCase):
    def test_as_documented(self):
        self.assertEqual(
            signature(
                "test-secret",
                "demo",
                "get",
                "/api/rest/v1/returns/?size=50",
                None,
                "2026-03-01T10:00:00Z",
            )[:16],
            "480179687ce435b6",
        )

    def test_a_wrong_secret(self):
        with self.assertRaises(Refused) as caught:
            self.poll(self.make_account(api_secret="another"))
        self.assertTrue(caught.exception.unauthorized)

    def test_an_answer_that_is_not_the_shops(self):
        self.add("return_new")
        self.shop.fail("/returns/", 200, body={"items": []}, headers={"x-hash": "00"})
        with self.assertRaisesRegex(Refused, "signature of the shop"):
            self.poll()
        self.shop.fail("/returns/", 200, body={"items": []}, headers={"x-hash": "00"})
        self.assertEqual(self.poll(self.make_account(check_answers="no")), [])

    def test_answers_without_signature_are_taken(self):
        self.shop.sign_answers = False
        self.add("return_new")
        self.assertEqual(len(self.poll()), 1)


class TestReturns(CcvShopCase):
    def test_a_new_one_is_goods_only(self):
        self.add("return_new")
        [notice] = self.read_all().values()
        self.assertEqual(notice.external_id, "return:5001")
        self.assertEqual((notice.kind, notice.state), ("return", "requested"))
        self.assertEqual(notice.order_refs, ("WEB-3", "3"))
        self.assertEqual(notice.order_external_id, "339493812")
        self.assertIsNone(notice.total)
        self.assertEqual(notice.reason, "Verkeerde maat")
        [line] = notice.lines
        self.assertEqual((line.sku, line.barcode), ("E-COM07", "8700000000017"))
        self.assertEqual(line.order_line_ref, "509001")
        self.assertTrue(line.goods_expected)

    def test_credited(self):
        self.add("return_credited")
        notices = self.read_all()
        refund = notices["refund:5001"]
        self.assertEqual(notices["return:5001"].state, "approved")
        self.assertEqual(refund.state, "refunded")
        self.assertEqual(refund.return_external_id, "return:5001")
        self.assertEqual(refund.total, eur("585.00"))
        self.assertEqual(refund.lines[0].total, eur("585.00"))
        self.assertIsNone(refund.lines[0].untaxed)
        self.assertIsNone(refund.difference)

    def test_a_total_of_either_sign(self):
        self.add("return_credited", total_price_inc_tax=-585)
        refund = self.read_all()["refund:5001"]
        self.assertEqual((refund.total, refund.difference), (eur("585.00"), None))

    def test_prices_without_tax(self):
        self.add("return_prices_without_tax")
        refund = self.read_all()["refund:5002"]
        self.assertEqual(
            [(line.untaxed, line.tax) for line in refund.lines],
            [(eur("60.00"), eur("12.60")), (eur("40.00"), eur("8.40"))],
        )
        self.assertEqual(refund.lines[0].quantity, 2)
        self.assertIsNone(refund.difference)

    def test_two_rates(self):
        self.add("return_two_rates")
        refund = self.read_all()["refund:5003"]
        self.assertEqual(refund.lines_total, eur("130.00"))

    def test_what_does_not_add_up_is_kept(self):
        self.add("return_does_not_add_up")
        refund = self.read_all()["refund:5004"]
        self.assertEqual(refund.total, eur("50.00"))
        self.assertEqual(refund.difference, eur("-10.00"))

    def test_parts_of_a_piece(self):
        self.add("return_part_of_a_piece")
        refund = self.read_all()["refund:5005"]
        self.assertEqual(refund.lines[0].quantity, Decimal("2.5"))
        self.assertIsNone(refund.difference)

    def test_states(self):
        expected = {"1": "requested", "2": "approved", "5": "approved"}
        expected |= {"6": "cancelled", "7": "closed", "8": "closed"}
        account = self.make_account(refund_statuses="4")
        for status, state in expected.items():
            self.add("return_new", status=status, status_name="8")
            [notice] = self.read_all(account).values()
            self.assertEqual(notice.state, state, status)
        self.add("return_new", status=4)
        self.assertEqual(set(self.read_all(account)), {"return:5001", "refund:5001"})
        self.add("return_new", status="9")
        with self.assertRaises(Unreadable):
            self.read_all()

    def test_a_change_of_status_is_another_message(self):
        self.add("return_new")
        [first], [again] = self.poll(), self.poll()
        self.assertEqual(first.event.event_key, again.event.event_key)
        self.add("return_credited")
        [changed] = self.poll()
        self.assertNotEqual(first.event.event_key, changed.event.event_key)

    def test_refresh(self):
        self.add("return_credited")
        self.assertEqual(self.account.refresh("refund:5001").total, eur("585.00"))
        self.shop.remove("returns", 5001)
        self.assertEqual(self.account.refresh("return:5001").state, "cancelled")


class TestHints(CcvShopCase):
    def test_only_the_kind_and_the_id_are_believed(self):
        self.add("return_credited")
        body = hint("returns", 5001, total_price=999999, status="8")
        event = self.account.verify({}, body)
        self.assertTrue(event.wanted)
        self.assertEqual(event.external_ids, ("return:5001",))
        found = self.account.read(body, event.topic)
        self.assertEqual(found[1].total, eur("585.00"))

    def test_the_address_in_it_is_not_called(self):
        for href in (
            "http://169.254.169.254/api/rest/v1/returns/5001",
            "https://evil.example/api/rest/v1/returns/5001/",
        ):
            self.add("return_credited")
            body = json.dumps({"href": href, "id": 5001}).encode()
            event = self.account.verify({}, body)
            self.assertEqual(len(self.account.read(body, event.topic)), 2)
        self.assertTrue(all("/returns/5001" in c.path for c in self.shop.calls))

    def test_what_is_gone_or_concerns_nobody(self):
        event = self.account.verify({}, hint("returns", 404))
        self.assertEqual(self.account.read(hint("returns", 404), event.topic), [])
        self.assertFalse(self.account.verify({}, hint("orders", 1)).wanted)
        self.assertFalse(self.account.verify({}, hint("products", 1)).wanted)
        orders = self.make_account(source="orders")
        self.assertTrue(orders.verify({}, hint("orders", 1)).wanted)
        wrong = json.dumps({"href": "/api/rest/v1/returns/5001", "id": 5002}).encode()
        self.assertFalse(self.account.verify({}, wrong).readable)


class TestPolling(CcvShopCase):
    def fill(self, count):
        data = payload("ccv_shop_return_new")
        for number in range(count):
            one = copy.deepcopy(data["return"])
            one["id"] = 6000 + number
            self.shop.add("returns", one, data["rows"])

    def test_pages_by_counting_not_by_the_address_of_the_next(self):
        self.shop.page_size = 10
        self.fill(25)
        pages = list(self.account.poll_pages("", SINCE, UNTIL))
        self.assertEqual([len(page.messages) for page in pages], [10, 10, 5])
        starts = [call.query["start"] for call in self.shop.calls]
        self.assertEqual(starts, ["0", "10", "20"])
        cursor = pages[0].cursor
        rest = list(self.make_account().poll_pages(cursor, SINCE, UNTIL))
        self.assertEqual([len(page.messages) for page in rest], [10, 5])

    def test_looks_back_for_returns_that_changed(self):
        self.add("return_credited", create_date="2026-01-10T10:11:12Z")
        self.assertEqual(len(self.poll()), 1)
        self.assertEqual(self.poll(self.make_account(look_back="7")), [])
        young = self.make_account(start="2026-02-01T00:00:00")
        self.assertEqual(self.poll(young), [])
        pages = young.poll_pages("", datetime(2026, 1, 1, tzinfo=timezone.utc), UNTIL)
        self.assertEqual(sum(len(page.messages) for page in pages), 1)

    def test_one_broken_return_hides_no_other(self):
        self.fill(2)
        broken = {"id": {}, "create_date": "2026-03-02T10:11:12Z"}
        self.shop.things["returns"]["broken"] = broken
        found = [fetched.event.readable for fetched in self.poll()]
        self.assertEqual(found, [True, True, False])

    def test_busy(self):
        body = {"status": 429, "code": "429.10", "developermessage": "…"}
        self.shop.fail("/returns/", 429, body=body)
        with self.assertRaises(TryAgainLater) as caught:
            self.poll()
        self.assertEqual(caught.exception.retry_after, 60)


class TestOrders(CcvShopCase):
    source = "orders"

    def test_paid_orders(self):
        self.add("order_paid")
        [order] = self.read_all().values()
        self.assertEqual(order.external_id, "sale:339493812")
        self.assertEqual((order.number, order.total), ("WEB-3", eur("590.00")))
        self.assertEqual(order.tax, eur("102.40"))
        self.assertEqual(order.payment_method, "Ideal")
        self.assertEqual(order.buyer.language, "nl")
        self.assertEqual([line.kind for line in order.lines], ["product", "shipping"])
        self.assertIsNone(order.difference)

    def test_unpaid_orders_are_none(self):
        self.add("order_paid", paid=False)
        self.assertEqual(self.read_all(), {})
        body = hint("orders", 339493812)
        event = self.account.verify({}, body)
        self.assertEqual(self.account.read(body, event.topic), [])

    def test_returns_come_with_their_refunds(self):
        self.add("return_credited")
        self.add("invoice_unpaid")
        kinds = {type(notice) for notice in self.read_all().values()}
        self.assertEqual(kinds, {ReturnNotice})


class TestInvoices(CcvShopCase):
    source = "invoices"

    def setUp(self):
        super().setUp()
        self.add("order_paid")

    def invoice(self, name, **changes):
        number = self.add(name, **changes)
        return self.read_all()[f"invoice:{number}"]

    def test_whatever_its_status(self):
        invoice = self.invoice("invoice_unpaid")
        self.assertEqual((invoice.kind, invoice.status), ("invoice", "unpaid"))
        self.assertFalse(invoice.paid)
        self.assertEqual((invoice.number, invoice.order_number), ("F-101", "WEB-3"))
        self.assertEqual(invoice.total, eur("590.00"))
        self.assertEqual(invoice.untaxed, eur("487.60"))
        self.assertEqual(invoice.payment_label, "iDEAL")
        self.assertEqual(invoice.buyer.email, "anna@example.com")
        self.assertEqual(invoice.buyer.delivery_address.city, "Amsterdam")
        product, shipping = invoice.lines
        self.assertEqual((product.unit_price, product.discount), (595, 10))
        self.assertEqual((product.total, product.tax_rate), (eur("585.00"), 21))
        self.assertEqual(shipping.total, eur("5.00"))
        self.assertIsNone(invoice.difference)

    def test_credit_invoices_of_either_sign(self):
        self.add("invoice_unpaid")
        for name in ("invoice_credit", "invoice_credit_positive"):
            with self.subTest(name=name):
                credit = self.invoice(name)
                self.assertEqual(credit.kind, "credit")
                self.assertEqual(credit.reversed_external_id, "invoice:7001")
                self.assertEqual(credit.total, eur("585.00"))
                self.assertEqual(credit.tax, eur("101.53"))
                self.assertEqual(credit.lines[0].total, eur("585.00"))
                self.assertEqual(credit.lines[0].quantity, 1)
                self.assertIsNone(credit.difference)

    def test_a_credit_invoice_of_several_invoices_names_none(self):
        self.add("invoice_unpaid")
        self.add("invoice_discounts_and_costs")
        self.assertEqual(self.invoice("invoice_credit").reversed_external_id, "")

    def test_returns_then_tell_of_goods_only(self):
        self.add("return_credited")
        self.assertIn("return:5001", self.read_all())
        self.assertNotIn("refund:5001", self.read_all())

    def test_discounts_costs_and_points(self):
        invoice = self.invoice("invoice_discounts_and_costs")
        self.assertEqual(
            [(line.kind, line.title, line.total) for line in invoice.lines],
            [
                ("product", "Grote kast (Kleur: Blauw)", eur("100.00")),
                ("shipping", "Shipping", eur("5.00")),
                ("fee", "Payment costs", eur("1.50")),
                ("fee", "Inpakken", eur("10.00")),
                ("discount", "Credit points", eur("-2.00")),
                ("discount", "LENTE", eur("-10.00")),
            ],
        )
        self.assertIsNone(invoice.difference)

    def test_a_discount_that_the_rows_have_already(self):
        invoice = self.invoice("invoice_unpaid", total_discounts=10)
        self.assertIsNone(invoice.difference)
        self.assertEqual(len(invoice.lines), 2)

    def test_what_does_not_add_up_is_kept(self):
        invoice = self.invoice("invoice_unpaid", total_price_inc_tax=600)
        self.assertEqual(invoice.difference, eur("10.00"))

    def test_without_tax_to_another_country(self):
        invoice = self.invoice("invoice_without_tax")
        self.assertTrue(invoice.intra_community)
        self.assertFalse(invoice.taxes_included)
        self.assertEqual(invoice.buyer.vat, "BE0477472701")
        self.assertEqual(invoice.buyer.invoice_address.company, "Kasten BV")
        self.assertEqual((invoice.tax, invoice.untaxed), (eur("0.00"), eur("200.00")))
        self.assertIsNone(invoice.difference)

    def test_the_order_was_deleted(self):
        for changes in ({}, {"order": "https://x.example/api/rest/v1/orders/1"}):
            with self.subTest(changes=changes):
                invoice = self.invoice("invoice_order_deleted", **changes)
                self.assertTrue(invoice.order_missing)
                self.assertEqual(invoice.number, "F-106")
                self.assertEqual(invoice.lines, ())

    def test_a_changed_order_or_status_changes_nothing(self):
        self.add("invoice_unpaid")
        keys = {fetched.event.event_key for fetched in self.poll()}
        self.add("invoice_unpaid", status="1")
        self.add("order_paid", total_price=1)
        self.assertEqual({fetched.event.event_key for fetched in self.poll()}, keys)

    def test_an_unknown_type_is_not_guessed(self):
        with self.assertRaisesRegex(Unreadable, "proforma"):
            self.invoice("invoice_unpaid", type="proforma")
