"""Amazon's finances: refunds, fees, pages, windows, tokens."""

import copy
import json
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from ..cache import Memory
from ..errors import Refused, TryAgainLater, Unreadable, Untrusted
from ..marketplaces import registry
from ..notices import Money
from .amazon_server import AmazonServer
from .common import SETTINGS, eur
from .deliveries import payload

SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 3, 20, tzinfo=timezone.utc)


class AmazonCase(unittest.TestCase):
    reports = "-"

    def setUp(self):
        super().setUp()
        self.shop = AmazonServer().start()
        self.addCleanup(self.shop.stop)
        self.waits = []
        self.cache = Memory()
        self.account = self.make_account()

    def make_account(self, **settings):
        settings = {
            **SETTINGS,
            "base_url": self.shop.url,
            "reports": self.reports,
            "marketplace_ids": "A1805IZSGTT6HS,AMEN7PMS3EDWL",
            **settings,
        }
        account = registry["amazon"](
            settings, sleep=self.waits.append, cache=self.cache
        )
        self.addCleanup(account.close)
        return account

    def poll(self, account=None, since=SINCE, until=UNTIL):
        account = account or self.account
        pages = account.poll_pages("", since, until)
        return [fetched for page in pages for fetched in page.messages]

    def read_all(self, account=None):
        account = account or self.account
        return {
            notice.external_id: notice
            for fetched in self.poll(account)
            for notice in account.read(fetched.body, fetched.event.topic)
        }

    def refund(self, name, **kwargs):
        self.shop.add_event(payload(f"amazon_{name}"), **kwargs)
        return list(self.read_all().values())


class TestRefunds(AmazonCase):
    def test_amounts_fees_and_what_is_settled(self):
        [notice] = self.refund("refund_full")
        self.assertEqual(notice.external_id, "refund:90000001")
        self.assertEqual(notice.order_refs, ("404-1000001-1000001",))
        self.assertEqual(notice.total, eur("49.98"))
        [line] = notice.lines
        self.assertEqual((line.untaxed, line.tax), (eur("41.31"), eur("8.67")))
        self.assertEqual((line.sku, line.quantity), ("E-COM07", 1))
        self.assertFalse(notice.goods_expected)
        fees = [(fee.kind, fee.name, fee.amount) for fee in notice.fees]
        self.assertEqual(
            fees,
            [
                ("commission", "Commission", eur("6.2")),
                ("commission_kept", "RefundCommission", eur("-1.24")),
                ("other", "DigitalServicesFee", eur("0.12")),
            ],
        )
        self.assertEqual(notice.settled, eur("-44.90"))
        self.assertIsNone(notice.difference)

    def test_each_adjusted_item_is_a_refund(self):
        first, second = self.refund("refund_partial_quantity")
        self.assertEqual(first.lines[0].quantity, 2)
        self.assertEqual(first.total, eur("100.0"))
        # No tax is told: the principal may hold it.
        self.assertIsNone(first.lines[0].untaxed)
        self.assertEqual(second.external_id, "refund:90000003")
        self.assertEqual(second.fees, ())
        self.assertEqual(second.settled, eur("-19.99"))

    def test_shipping_only(self):
        [notice] = self.refund("refund_shipping_only")
        [line] = notice.lines
        self.assertEqual((line.kind, line.quantity), ("shipping", 0))
        self.assertEqual(notice.total, eur("5.99"))

    def test_fees_kept_from_the_customer_are_lines_of_their_own(self):
        [notice] = self.refund("refund_restocking_fee")
        self.assertEqual(
            [(line.kind, line.title, line.total) for line in notice.lines],
            [
                ("product", "", eur("50.0")),
                ("fee", "Restocking fee", eur("-10.0")),
                ("fee", "Return shipping", eur("-3.5")),
            ],
        )
        self.assertEqual(notice.total, eur("36.5"))
        self.assertEqual(notice.settled, eur("-30.5"))

    def test_a_promotion_is_taken_off(self):
        [notice] = self.refund("refund_promotion")
        self.assertEqual(notice.lines[0].total, eur("28.49"))
        self.assertEqual(notice.total, eur("28.50"))
        self.assertEqual(notice.settled, eur("-24.07"))

    def test_tax_collected_by_the_marketplace_is_not_the_sellers(self):
        [notice] = self.refund("refund_tax_withheld")
        self.assertEqual(notice.currency, "GBP")
        self.assertEqual(notice.total, Money(Decimal("46.31"), "GBP"))
        self.assertEqual([line.tax.amount for line in notice.lines], [0, 0])

    def test_an_unknown_charge_is_kept_by_its_name(self):
        [notice] = self.refund("refund_unknown_charge")
        kinds = {line.title: line.kind for line in notice.lines}
        self.assertEqual(kinds["MoonTransport"], "adjustment")
        self.assertEqual(kinds["Goodwill"], "adjustment")
        self.assertEqual(notice.lines[0].quantity, 0)
        self.assertEqual(notice.total, eur("13.25"))

    def test_claims_are_refunds(self):
        [notice] = self.refund("claim", list_name="GuaranteeClaimEventList")
        self.assertEqual(notice.reason, "Guarantee claim")
        self.assertEqual(notice.total, eur("25.0"))

    def test_a_currency_without_cents_and_points(self):
        [notice] = self.refund("refund_yen")
        self.assertEqual(notice.total, Money(Decimal("477"), "JPY"))
        self.assertEqual(notice.settled, Money(Decimal("-443"), "JPY"))

    def test_the_same_item_in_two_parts_is_one_refund(self):
        event = payload("amazon_refund_full")
        part = copy.deepcopy(event["ShipmentItemAdjustmentList"][0])
        part["ItemChargeAdjustmentList"] = part["ItemChargeAdjustmentList"][:1]
        part["QuantityShipped"] = 0
        event["ShipmentItemAdjustmentList"].append(part)
        self.shop.add_event(event)
        [notice] = self.read_all().values()
        self.assertEqual(notice.total, eur("91.29"))
        self.assertEqual(notice.fees[0].amount, eur("12.4"))

    def test_fees_of_the_whole_order_go_with_the_first_item(self):
        event = payload("amazon_refund_partial_quantity")
        fee = {"CurrencyCode": "EUR", "CurrencyAmount": 0.5}
        event["ShipmentFeeAdjustmentList"] = [
            {"FeeType": "FBAPerOrderFulfillmentFee", "FeeAmount": fee}
        ]
        self.shop.add_event(event)
        first, second = self.read_all().values()
        self.assertEqual(first.settled, eur("-87.5"))
        self.assertEqual(second.settled, eur("-19.99"))

    def test_a_reversal_is_no_refund(self):
        event = payload("amazon_refund_full")
        for row in event["ShipmentItemAdjustmentList"][0]["ItemChargeAdjustmentList"]:
            row["ChargeAmount"]["CurrencyAmount"] *= -1
        self.shop.add_event(event, list_name="ChargebackEventList")
        with self.assertRaisesRegex(Unreadable, "no refund"):
            self.read_all()

    def test_an_item_without_its_id(self):
        event = payload("amazon_refund_full")
        del event["ShipmentItemAdjustmentList"][0]["OrderAdjustmentItemId"]
        self.shop.add_event(event)
        first, second = (set(self.read_all()) for _time in range(2))
        self.assertEqual(first, second)
        self.assertEqual(len(first), 1)

    def test_two_currencies_in_one_item_do_not_add_up(self):
        event = payload("amazon_refund_full")
        item = event["ShipmentItemAdjustmentList"][0]
        item["ItemChargeAdjustmentList"][1]["ChargeAmount"]["CurrencyCode"] = "USD"
        self.shop.add_event(event)
        with self.assertRaises(Unreadable):
            self.read_all()

    def test_refresh(self):
        self.shop.add_event(payload("amazon_refund_full"))
        found = self.account.refresh("refund:90000001", "404-1000001-1000001")
        self.assertEqual(found.total, eur("49.98"))
        self.assertIsNone(self.account.refresh("refund:1", "404-1000001-1000001"))
        self.assertIsNone(self.account.refresh("return:1", "404-1000001-1000001"))

    def test_no_webhooks(self):
        with self.assertRaises(Untrusted):
            self.account.verify({"Signature": "x"}, b"{}")


class TestPolling(AmazonCase):
    def fill(self, count):
        event = payload("amazon_refund_full")
        for number in range(count):
            one = copy.deepcopy(event)
            one["ShipmentItemAdjustmentList"][0]["OrderAdjustmentItemId"] = str(
                number + 1
            )
            self.shop.add_event(one)

    def test_empty_pages_with_a_next_one(self):
        self.shop.page_size = 10
        self.fill(25)
        pages = list(self.account.poll_pages("", SINCE, UNTIL))
        sizes = [len(page.messages) for page in pages]
        self.assertEqual(sizes, [10, 0, 10, 0, 5])
        self.assertTrue(all(page.cursor for page in pages[:-1]))
        self.assertEqual(pages[-1].cursor, "")
        dates = {call.query.get("PostedAfter") for call in self.shop.asked("/finances")}
        self.assertEqual(dates, {"2026-02-27T00:00:00Z"})

    def test_goes_on_with_the_next_token(self):
        self.shop.page_size = 10
        self.fill(25)
        cursor, found = "", set()
        for _round in range(9):
            page = next(self.make_account().poll_pages(cursor, SINCE, UNTIL))
            found |= {fetched.event.event_key for fetched in page.messages}
            cursor = page.cursor
            if not cursor:
                break
        self.assertEqual(len(found), 25)

    def test_windows_are_never_too_long(self):
        self.fill(3)
        since = SINCE - timedelta(days=400)
        self.assertEqual(len(self.poll(since=since)), 3)
        windows = [
            (call.query["PostedAfter"], call.query["PostedBefore"])
            for call in self.shop.asked("/finances")
        ]
        self.assertEqual(len(windows), 3)
        self.assertEqual(windows[0][1], windows[1][0])
        self.assertEqual(windows[1][1], windows[2][0])

    def test_never_asks_for_what_is_too_young(self):
        list(self.account.poll(datetime.now(timezone.utc) - timedelta(hours=1)))
        [call] = self.shop.asked("/finances")
        before = datetime.fromisoformat(
            call.query["PostedBefore"].replace("Z", "+00:00")
        )
        age = datetime.now(timezone.utc) - before
        self.assertGreater(age, timedelta(minutes=2))

    def test_told_again_has_the_same_key(self):
        self.fill(2)
        keys = [{f.event.event_key for f in self.poll()} for _time in range(2)]
        self.assertEqual(*keys)
        self.shop.events[0][1]["ShipmentItemAdjustmentList"][0][
            "ItemFeeAdjustmentList"
        ].pop()
        self.assertEqual(len(keys[0] & {f.event.event_key for f in self.poll()}), 1)

    def test_one_broken_event_hides_no_other(self):
        self.fill(1)
        broken = payload("amazon_refund_full")
        broken["ShipmentItemAdjustmentList"] = [[]]
        self.shop.add_event(broken)
        found = [fetched.event.readable for fetched in self.poll()]
        self.assertEqual(found, [True, False])
        with self.assertRaises(Unreadable):
            [body] = [f.body for f in self.poll() if not f.event.readable]
            self.account.read(body, "refund")

    def test_busy(self):
        body = {"errors": [{"code": "QuotaExceeded", "message": "…"}]}
        self.shop.fail(
            "/finances", 429, body=body, headers={"x-amzn-RateLimit-Limit": "0.5"}
        )
        self.fill(1)
        self.assertEqual(len(self.poll()), 1)
        self.assertEqual(self.waits, [2.0])
        slow = {"x-amzn-RateLimit-Limit": "0.0167"}
        self.shop.fail("/finances", 429, body=body, headers=slow)
        with self.assertRaises(TryAgainLater) as caught:
            self.poll()
        self.assertAlmostEqual(caught.exception.retry_after, 59.88, places=1)


class TestTokens(AmazonCase):
    def test_kept_and_never_shown(self):
        self.poll()
        self.poll(self.make_account())
        self.assertEqual(len(self.shop.asked("/token")), 1)
        self.assertNotIn("Atza", repr(self.cache))

    def test_secrets_that_do_not_do(self):
        for name in ("api_key", "api_secret", "access_token"):
            account = self.make_account(**{name: "wrong-value"})
            with self.subTest(name=name), self.assertRaises(Refused) as caught:
                self.poll(account)
            self.assertTrue(caught.exception.unauthorized)
            self.assertNotIn("wrong-value", str(caught.exception))

    def test_a_token_that_is_not_good_any_more_is_fetched_again(self):
        self.poll()
        self.shop.tokens = []
        self.poll()
        self.assertEqual(len(self.shop.asked("/token")), 2)

    def test_a_missing_permission_is_not_a_wrong_secret(self):
        body = {"errors": [{"code": "Unauthorized", "message": "…"}]}
        self.shop.fail("/finances", 403, body=body, times=9)
        with self.assertRaises(Refused) as caught:
            self.poll()
        self.assertEqual(len(self.shop.asked("/finances")), 2)
        self.assertFalse(caught.exception.unauthorized)


class TestTransactions(AmazonCase):
    def setUp(self):
        super().setUp()
        self.account = self.make_account(finances="2024-06-19")

    def add(self, name, **changes):
        self.shop.add_transaction({**payload(f"amazon_{name}"), **changes})

    def related(self, name, deferred):
        data = payload(f"amazon_{name}")["relatedIdentifiers"]
        link = {
            "relatedIdentifierName": "DEFERRED_TRANSACTION_ID",
            "relatedIdentifierValue": deferred,
        }
        return [*data, link]

    def test_breakdowns(self):
        self.add("transaction_released")
        [notice] = self.read_all().values()
        self.assertEqual(notice.state, "refunded")
        self.assertEqual(notice.total, eur("57.99"))
        self.assertIsNone(notice.difference)
        product, shipping = notice.lines
        self.assertEqual((product.untaxed, product.tax), (eur("42.98"), eur("9.02")))
        self.assertEqual((product.sku, product.quantity), ("E-COM07", 1))
        self.assertEqual((shipping.kind, shipping.total), ("shipping", eur("5.99")))
        self.assertEqual(
            [(fee.kind, fee.amount) for fee in notice.fees],
            [("commission", eur("7.26")), ("commission_kept", eur("-1.40"))],
        )
        self.assertEqual(notice.settled, eur("-52.13"))

    def test_deferred_then_released_is_one_refund(self):
        self.add("transaction_deferred")
        [pending] = self.read_all().values()
        self.assertEqual(pending.state, "pending")
        self.shop.transactions = []
        self.add("transaction_deferred", transactionStatus="DEFERRED_RELEASED")
        links = self.related("transaction_released", "tx-deferred-2")
        self.add("transaction_released", relatedIdentifiers=links)
        [refunded] = self.read_all().values()
        self.assertEqual(refunded.external_id, pending.external_id)
        self.assertEqual(refunded.state, "refunded")
        self.assertEqual(len({f.event.event_key for f in self.poll()}), 2)

    def test_released_without_its_link_is_still_booked_once(self):
        self.add("transaction_deferred", transactionStatus="DEFERRED_RELEASED")
        self.add("transaction_released")
        booked = [n for n in self.read_all().values() if n.state == "refunded"]
        self.assertEqual(len(booked), 1)

    def test_as_the_examples_write_it(self):
        self.add("transaction_written_otherwise")
        [notice] = self.read_all().values()
        self.assertEqual(notice.total, eur("10"))
        self.assertEqual(notice.lines[0].kind, "product")
        self.assertEqual(notice.lines[0].sku, "E-COM07")
        self.assertIsNone(notice.difference)

    def test_what_does_not_add_up_is_kept(self):
        amount = {"currencyAmount": -60.13, "currencyCode": "EUR"}
        self.add("transaction_released", totalAmount=amount)
        [notice] = self.read_all().values()
        self.assertEqual(notice.total, eur("65.99"))
        self.assertEqual(notice.difference, eur("8.00"))

    def test_an_unknown_status_is_not_guessed(self):
        data = payload("amazon_transaction_released")
        data["transactionStatus"] = "MAYBE"
        with self.assertRaisesRegex(Unreadable, "MAYBE"):
            self.account.read(json.dumps(data).encode(), "transaction")

    def test_other_transactions_are_not_wanted(self):
        self.add("transaction_released", transactionType="Shipment")
        self.assertEqual(self.poll(), [])
