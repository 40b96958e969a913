"""bol.com: returns in lists, tokens, signatures with public keys, and what is sent."""

import base64
import copy
import time
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from ..cache import Memory
from ..errors import Refused, TryAgainLater, Unreadable, Untrusted
from ..marketplaces import registry
from ..notices import IncomingEvent
from .bol_server import BolServer
from .common import SETTINGS
from .deliveries import payload

SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
EVENT = (
    b'{"retailerId":"1659925","timestamp":"2026-03-02T16:37:13+01:00","event":'
    b'{"resource":"PROCESS_STATUS","type":"SUCCESS","resourceId":"33371690441"}}'
)


class BolCase(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.shop = BolServer().start()
        self.addCleanup(self.shop.stop)
        self.waits = []
        self.cache = Memory()
        self.account = self.make_account()

    def make_account(self, **settings):
        settings = {**SETTINGS, "base_url": self.shop.url, **settings}
        account = registry["bol"](settings, sleep=self.waits.append, cache=self.cache)
        self.addCleanup(account.close)
        return account

    def add(self, name, **changes):
        self.shop.add_return({**payload(f"bol_{name}"), **changes})

    def read_all(self, account=None):
        account = account or self.account
        return {
            notice.external_id: notice
            for fetched in account.poll(SINCE)
            for notice in account.read(fetched.body, fetched.event.topic)
        }


class TestReturns(BolCase):
    def test_open_return_is_approved_and_no_money(self):
        self.add("return_open")
        [notice] = self.read_all().values()
        self.assertEqual(notice.external_id, "return:31000001-61000001")
        self.assertEqual((notice.kind, notice.state), ("return", "approved"))
        self.assertEqual(notice.order_refs, ("4000000001",))
        self.assertTrue(notice.goods_expected)
        self.assertIsNone(notice.total)
        self.assertEqual(notice.currency, "EUR")
        self.assertEqual(notice.reason, "Verkeerde maat")
        self.assertEqual(notice.note, "Te klein, graag geld terug")
        self.assertEqual(notice.fulfilled_by, "seller")
        [line] = notice.lines
        self.assertEqual(line.barcode, "8700000000017")
        self.assertEqual(line.quantity, 1)

    def test_received_return_gives_a_refund_without_an_amount(self):
        self.add("return_received")
        notices = self.read_all()
        returned = notices["return:31000001-61000001"]
        refund = notices["refund:31000001-61000001-20260305080000"]
        self.assertEqual(returned.state, "approved")
        self.assertEqual((refund.kind, refund.state), ("refund", "refunded"))
        self.assertEqual(refund.return_external_id, returned.external_id)
        self.assertIsNone(refund.total)
        self.assertIsNone(refund.lines_total)
        self.assertEqual(refund.lines[0].quantity, 1)
        self.assertEqual(refund.customer_language, "nl")

    def test_several_refunds_of_one_line(self):
        self.add("return_partial_quantity")
        notices = self.read_all()
        refunds = [n for n in notices.values() if n.kind == "refund"]
        self.assertEqual([n.lines[0].quantity for n in refunds], [1, 1])
        self.assertEqual(len({n.external_id for n in refunds}), 2)
        self.assertEqual(notices["return:31000002-61000002"].state, "approved")
        self.assertEqual(notices["return:31000002-61000002"].lines[0].quantity, 3)

    def test_one_return_of_two_orders(self):
        self.add("return_two_orders")
        notices = self.read_all()
        self.assertEqual(
            {n.order_external_id: n.state for n in notices.values()},
            {"4000000003": "refunded", "4000000004": "approved"},
        )
        self.assertEqual(
            notices["return:31000003-61000004"].lines[0].barcode, "0700000000048"
        )

    def test_the_same_result_told_twice_is_paid_once(self):
        self.add("return_told_twice")
        refunds = [n for n in self.read_all().values() if n.kind == "refund"]
        self.assertEqual([n.lines[0].quantity for n in refunds], [Decimal(1)])
        self.assertEqual(refunds[0].fulfilled_by, "marketplace")

    def test_twice_within_the_expected_quantity_is_two(self):
        data = payload("bol_return_told_twice")
        data["returnItems"][0]["expectedQuantity"] = 2
        self.shop.add_return(data)
        refunds = [n for n in self.read_all().values() if n.kind == "refund"]
        self.assertEqual(
            {n.external_id for n in refunds},
            {
                "refund:31000005-61000005-20260305080000",
                "refund:31000005-61000005-20260305080000-2",
            },
        )

    def test_approved_after_a_rejection(self):
        self.add("return_rejected_then_approved")
        notices = self.read_all()
        [refund] = [n for n in notices.values() if n.kind == "refund"]
        self.assertEqual(refund.lines[0].quantity, 1)
        self.assertEqual(notices["return:31000006-61000006"].state, "approved")

    def test_approved_again_is_not_paid_again(self):
        data = payload("bol_return_rejected_then_approved")
        data["returnItems"][0]["processingResults"][0] |= {
            "processingResult": "ACCEPTED",
            "handlingResult": "RETURN_RECEIVED",
        }
        self.shop.add_return(data)
        refunds = [n for n in self.read_all().values() if n.kind == "refund"]
        self.assertEqual(len(refunds), 1)

    def test_returns_without_refund(self):
        self.add("return_without_refund")
        notices = self.read_all()
        self.assertEqual(
            [notice.state for notice in notices.values()],
            [
                "approved",
                "closed",
                "closed",
                "cancelled",
                "declined",
                "cancelled",
                "closed",
            ],
        )
        self.assertEqual({n.kind for n in notices.values()}, {"return"})

    def test_which_results_pay_back_is_a_setting(self):
        self.add("return_without_refund")
        account = self.make_account(refund_results="CUSTOMER_KEEPS_PRODUCT_PAID")
        refunds = [n for n in self.read_all(account).values() if n.kind == "refund"]
        self.assertEqual(len(refunds), 1)

    def test_an_unknown_result_is_not_guessed(self):
        data = payload("bol_return_received")
        result = data["returnItems"][0]["processingResults"][0]
        result["handlingResult"] = "SENT_TO_THE_MOON"
        self.shop.add_return(data)
        with self.assertRaisesRegex(Unreadable, "SENT_TO_THE_MOON"):
            self.read_all()

    def test_refresh(self):
        self.add("return_received")
        refund = "refund:31000001-61000001-20260305080000"
        self.assertEqual(self.account.refresh(refund).external_id, refund)
        found = self.account.refresh("return:31000001-61000001")
        self.assertEqual(found.state, "approved")
        self.assertIsNone(self.account.refresh("return:31000001-99"))


class TestPolling(BolCase):
    def fill(self, count, handled, method="FBR"):
        data = payload(f"bol_return_{'received' if handled else 'open'}")
        for number in range(count):
            day = SINCE + timedelta(hours=number)
            one = copy.deepcopy(data)
            one |= {
                "returnId": f"{method}{int(handled)}{number}",
                "fulfilmentMethod": method,
                "registrationDateTime": day.isoformat(),
            }
            self.shop.add_return(one)

    def test_all_four_lists_and_their_pages(self):
        for method in ("FBR", "FBB"):
            self.fill(120, False, method)
            self.fill(51, True, method)
        pages = list(self.account.poll_pages("", SINCE))
        self.assertEqual(
            [len(page.messages) for page in pages], [50, 50, 20, 50, 1] * 2
        )
        self.assertEqual([bool(page.cursor) for page in pages], [True] * 9 + [False])
        keys = {f.event.event_key for page in pages for f in page.messages}
        self.assertEqual(len(keys), 342)

    def test_goes_on_after_each_page(self):
        self.fill(120, False)
        self.fill(60, True)
        whole = [len(page.messages) for page in self.account.poll_pages("", SINCE)]
        cursor, found = "", []
        while True:
            account = self.make_account()
            page = next(account.poll_pages(cursor, SINCE))
            found.append(len(page.messages))
            cursor = page.cursor
            if not cursor:
                break
        self.assertEqual(found, whole)
        self.assertEqual(sum(found), 180)

    def test_one_kind_of_fulfilment(self):
        self.fill(1, False, "FBB")
        account = self.make_account(fulfilment="FBR")
        self.assertEqual(list(account.poll(SINCE)), [])
        methods = {call.query.get("fulfilment-method") for call in self.shop.calls}
        self.assertEqual(methods, {None, "FBR"})

    def test_old_handled_returns_are_not_read_again(self):
        self.fill(200, True)
        later = SINCE + timedelta(days=60, hours=130)
        found = list(self.account.poll(later))
        # The third page is as old as that, so there is no fourth.
        self.assertEqual(len(found), 70)
        asked = [c for c in self.shop.asked("/returns") if c.query["handled"] == "true"]
        self.assertEqual(len(asked), 4)

    def test_what_was_handled_before_the_account_was_in_use(self):
        self.add("return_received")
        self.add("return_partial_quantity")
        after = SINCE + timedelta(days=20)
        self.assertEqual(len(list(self.account.poll(after))), 2)
        account = self.make_account(start="2026-03-06 08:00:00")
        found = list(account.poll(after))
        self.assertEqual(
            [f.event.external_ids for f in found], [("return:31000002-61000002",)]
        )
        # Asked for by name, they are fetched all the same.
        self.assertEqual(len(list(account.poll(SINCE))), 2)

    def test_told_again_has_the_same_key_until_it_changes(self):
        self.add("return_open")
        [first] = self.account.poll(SINCE)
        [again] = self.account.poll(SINCE)
        self.assertEqual(first.event.event_key, again.event.event_key)
        self.add("return_received")
        [changed] = self.account.poll(SINCE)
        self.assertNotEqual(first.event.event_key, changed.event.event_key)

    def test_the_limit_of_calls_is_obeyed(self):
        self.fill(60, False)
        spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3"}
        body = {"returns": self.shop.returns[:50]}
        self.shop.fail("/returns", 200, body=body, headers=spent)
        list(self.account.poll(SINCE))
        self.assertAlmostEqual(self.waits[0], 3, delta=0.5)

    def test_busy_without_saying_how_long(self):
        self.shop.fail("/returns", 429, times=9, body={})
        with self.assertRaises(TryAgainLater) as caught:
            list(self.account.poll(SINCE))
        self.assertEqual(caught.exception.retry_after, 60)
        self.assertEqual(self.waits, [])

    def test_one_broken_return_hides_no_other(self):
        self.add("return_open")
        self.shop.add_return({**payload("bol_return_received"), "returnId": "x y"})
        self.shop.returns[-1]["registrationDateTime"] = "yesterday"
        found = list(self.account.poll(SINCE))
        self.assertEqual(sorted(f.event.readable for f in found), [False, True])


class TestTokens(BolCase):
    def test_one_token_for_many_calls_and_accounts(self):
        list(self.account.poll(SINCE))
        list(self.make_account().poll(SINCE))
        self.assertEqual(len(self.shop.asked("/token")), 1)

    def test_another_secret_has_a_token_of_its_own(self):
        list(self.account.poll(SINCE))
        with self.assertRaises(Refused) as caught:
            list(self.make_account(api_secret="another").poll(SINCE))
        self.assertTrue(caught.exception.unauthorized)
        self.assertNotIn("another", str(caught.exception))

    def test_a_token_that_is_not_good_any_more_is_fetched_again(self):
        list(self.account.poll(SINCE))
        self.shop.forget_tokens()
        list(self.account.poll(SINCE))
        self.assertEqual(len(self.shop.asked("/token")), 2)

    def test_a_refused_token_is_tried_again_only_once(self):
        self.shop.fail("/retailer/", 401, times=99, body={})
        with self.assertRaises(Refused) as caught:
            self.account.check_connection()
        self.assertTrue(caught.exception.unauthorized)
        self.assertEqual(len(self.shop.asked("/retailer/")), 2)


class TestDoing(BolCase):
    def test_a_return_is_reported(self):
        ids = "return:31000001-61000001"
        process = self.account.report_return(ids, "rejected", 2)
        self.assertEqual(process.state, "pending")
        self.assertEqual(
            self.shop.handled,
            [
                (
                    "61000001",
                    {
                        "handlingResult": "RETURN_DOES_NOT_MEET_CONDITIONS",
                        "quantityReturned": 2,
                    },
                )
            ],
        )
        self.assertEqual(
            self.account.process_status(process.external_id).state, "pending"
        )
        self.shop.finish(process.external_id, "FAILURE", "Not yours")
        ended = self.account.process_status(process.external_id)
        self.assertEqual((ended.state, ended.message), ("failure", "Not yours"))

    def test_what_cannot_be_reported(self):
        for handling, quantity in (("burnt", 1), ("received", 0)):
            with self.assertRaises(Refused):
                self.account.report_return("return:1-2", handling, quantity)
        for ids in ("return:1", "return:1-../2", "return:"):
            with self.assertRaises(Unreadable):
                self.account.report_return(ids, "received", 1)
        self.assertEqual(self.shop.handled, [])

    def test_a_document_goes_to_the_shipment_of_its_articles(self):
        for shipment, ean in ((1001, "8700000000017"), (1002, "0700000000048")):
            self.shop.shipments.append(
                {
                    "shipmentId": shipment,
                    "order": {"orderId": "4000000001"},
                    "shipmentItems": [{"orderItemId": "1", "ean": ean}],
                }
            )
        process = self.account.upload_document(
            "credit_note", "4000000001", "RINV.pdf", b"%PDF-1.7", ["700000000048"]
        )
        self.assertEqual(process.state, "pending")
        [(shipment, body)] = self.shop.uploads
        self.assertEqual(shipment, "1002")
        self.assertIn(b'name="invoice"; filename="RINV.pdf"', body)
        self.assertIn(b"%PDF-1.7", body)

    def test_an_order_without_shipment(self):
        with self.assertRaisesRegex(Refused, "no shipment"):
            self.account.upload_document("invoice", "4000000001", "a.pdf", b"%PDF")

    def test_an_upload_whose_answer_is_lost_is_not_sent_again(self):
        self.shop.shipments.append(
            {"shipmentId": 1, "order": {"orderId": "4"}, "shipmentItems": []}
        )
        self.shop.fail("/invoices/", 503, times=9)
        with self.assertRaises(TryAgainLater):
            self.account.upload_document("invoice", "4", "a.pdf", b"%PDF")
        self.assertEqual(len(self.shop.asked("/invoices/")), 1)


class TestSignatures(BolCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def setUp(self):
        super().setUp()
        der = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = {"id": "0", "type": "RSA", "publicKey": base64.b64encode(der).decode()}
        self.shop.keys = [key]

    def signed(self, body=EVENT, key_id="0"):
        raw = self.private.sign(body, padding.PKCS1v15(), SHA256())
        text = base64.b64encode(raw).decode()
        return {
            "Signature": f'keyId={key_id}, algorithm="rsa-sha256", signature={text}'
        }, body

    def test_a_signed_delivery(self):
        event = self.account.verify(*self.signed())
        self.assertIsInstance(event, IncomingEvent)
        self.assertFalse(event.wanted)
        self.assertIn("33371690441", event.event_key)

    def test_either_spelling_of_the_moment(self):
        body = EVENT.replace(b"timestamp", b"timeStamp").replace(
            b'"1659925"', b"1659925"
        )
        event = self.account.verify(*self.signed(body))
        self.assertEqual(event.event_key, self.account.verify(*self.signed()).event_key)

    def test_keys_are_fetched_once(self):
        for _delivery in range(3):
            self.make_account().verify(*self.signed())
        self.assertEqual(len(self.shop.asked("signature-keys")), 1)

    def test_a_new_key_is_fetched_but_not_for_everybody_who_asks(self):
        for _delivery in range(3):
            with self.assertRaisesRegex(Untrusted, "unknown key"):
                self.account.verify(*self.signed(key_id="7"))
        self.assertEqual(len(self.shop.asked("signature-keys")), 1)

    def test_forged(self):
        headers, body = self.signed()
        good = headers["Signature"]
        forged = {
            "no header": {},
            "other algorithm": {"Signature": good.replace("sha256", "sha1")},
            "no base64": {"Signature": good.replace("signature=", "signature=é")},
            "cut": {"Signature": good[:-8]},
            "empty": {"Signature": good.partition("signature=")[0] + "signature="},
        }
        for way, given in forged.items():
            with self.subTest(way=way), self.assertRaises(Untrusted):
                self.account.verify(given, body)
        with self.assertRaises(Untrusted):
            self.account.verify(headers, body + b" ")

    def test_keys_out_of_reach_is_no_verdict(self):
        self.shop.fail("signature-keys", 429, times=99)
        with self.assertRaises(TryAgainLater):
            self.account.verify(*self.signed())

    def test_a_delivery_does_not_wait_for_long(self):
        started = time.monotonic()
        self.shop.fail("signature-keys", 503, times=99, headers={"Retry-After": "3"})
        with self.assertRaises(TryAgainLater):
            self.account.verify(*self.signed())
        self.assertLess(time.monotonic() - started, 3)
        self.assertEqual(self.waits, [])

    def test_a_key_of_another_kind(self):
        self.shop.keys[0]["publicKey"] = "AAAA"
        with self.assertRaises(Untrusted):
            self.account.verify(*self.signed())
