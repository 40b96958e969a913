"""Amazon's reports of returns, and where they may be fetched from."""

import gzip
import os
from datetime import datetime, timezone
from unittest import mock

from ..errors import Refused, Unreadable
from ..marketplaces import amazon, registry
from .common import SETTINGS
from .deliveries import PAYLOADS
from .test_amazon import SINCE, UNTIL, AmazonCase

FBA = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
MFN = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"


class TestReports(AmazonCase):
    reports = "fba,mfn"

    def setUp(self):
        super().setUp()
        for kind, name in ((FBA, "fba"), (MFN, "mfn")):
            file = PAYLOADS / f"amazon_{name}_returns.tsv"
            self.shop.reports[kind] = file.read_bytes()

    def pages(self, cursor=""):
        return list(self.make_account().poll_pages(cursor, SINCE, UNTIL))

    def readable(self):
        messages = [f for page in self.pages() for f in page.messages]
        notices = {}
        for fetched in messages:
            if fetched.event.readable:
                for notice in self.account.read(fetched.body, fetched.event.topic):
                    notices[notice.external_id] = notice
        return notices, [f for f in messages if not f.event.readable]

    def test_none_of_the_reports(self):
        """Whoever chooses none has none asked for; not what an account begins with."""
        for settings, number in (
            ({"reports": ""}, 1),
            ({"reports": "fba"}, 2),
            ({}, 3),
        ):
            with registry["amazon"](settings) as shop:
                self.assertEqual(len(list(shop._streams())), number, settings)

    def test_both_reports(self):
        notices, broken = self.readable()
        by_order = {}
        for notice in notices.values():
            by_order.setdefault(notice.order_external_id, []).append(notice)
        self.assertEqual(
            {order: len(found) for order, found in by_order.items()},
            {
                "404-1000001-1000001": 2,
                "404-1000004-1000004": 1,
                "404-1000005-1000005": 1,
            },
        )
        # A quantity in words, and a month that there is not.
        self.assertEqual(len(broken), 2)
        for fetched in broken:
            with self.assertRaises(Unreadable):
                self.account.read(fetched.body, fetched.event.topic)

    def test_goods_at_the_marketplace(self):
        notices, _broken = self.readable()
        notice = next(n for n in notices.values() if n.fulfilled_by == "marketplace")
        self.assertEqual((notice.kind, notice.state), ("return", "approved"))
        self.assertTrue(notice.goods_expected)
        self.assertIsNone(notice.total)
        self.assertEqual(notice.reason, "APPAREL_TOO_LARGE")
        self.assertEqual(notice.lines[0].title, 'Large Cabinet 24" wide')
        self.assertIn("SELLABLE", notice.note)

    def test_goods_asked_for_by_the_customer(self):
        notices, _broken = self.readable()
        approved, asked = notices["return:Dk1RMA01"], notices["return:Dk1RMA02"]
        self.assertEqual((approved.state, asked.state), ("approved", "requested"))
        self.assertEqual([line.quantity for line in approved.lines], [1, 2])
        self.assertIsNone(approved.total)
        self.assertEqual(
            approved.occurred_at, datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
        )

    def test_told_again_has_the_same_keys(self):
        first = {f.event.event_key for page in self.pages() for f in page.messages}
        self.cache.set(
            self.account._cached("report fba", *self.account._secrets()), "", 0
        )
        self.cache.set(
            self.account._cached("report mfn", *self.account._secrets()), "", 0
        )
        again = {f.event.event_key for page in self.pages() for f in page.messages}
        self.assertEqual(first, again)

    def test_waits_for_a_report_and_goes_on(self):
        self.shop.report_delay = 2
        cursor, waits, found = "", [], 0
        for _round in range(10):
            pages = self.pages(cursor)
            found += sum(len(page.messages) for page in pages)
            waits.append(pages[-1].retry_after)
            cursor = pages[-1].cursor
            if not cursor:
                break
        self.assertEqual(waits, [60, 60, 60, 60, None])
        self.assertEqual(found, 6)
        self.assertEqual(len(self.shop.made), 2)
        self.assertEqual(
            self.shop.made[0]["marketplaceIds"], ["A1805IZSGTT6HS", "AMEN7PMS3EDWL"]
        )

    def test_a_report_is_not_asked_for_again_at_once(self):
        self.pages()
        self.pages()
        self.assertEqual(len(self.shop.made), 2)

    def test_without_data_and_without_rows(self):
        header = self.shop.reports.pop(FBA).splitlines(True)[0]
        self.shop.reports[MFN] = b""
        self.assertEqual(sum(len(page.messages) for page in self.pages()), 0)
        self.shop.reports[FBA] = header
        self.assertEqual(sum(len(page.messages) for page in self.pages()), 0)

    def test_not_packed(self):
        self.shop.zipped = False
        self.assertEqual(sum(len(page.messages) for page in self.pages()), 6)

    def test_a_large_report_in_pages(self):
        header, row = self.shop.reports[FBA].splitlines(True)[:2]
        rows = [
            row.replace(b"LPNNC000000001", f"LPN{number}".encode())
            for number in range(1200)
        ]
        self.shop.reports = {FBA: b"".join([header, *rows])}
        sizes = [len(p.messages) for p in self.pages() if p.messages]
        self.assertEqual(sizes, [500, 500, 200])

    def test_a_report_that_fails(self):
        status = {"processingStatus": "FATAL", "reportId": "R1"}
        self.shop.fail("/reports/R1", 200, body=status)
        with self.assertRaisesRegex(Refused, "report"):
            self.pages()

    def test_no_marketplace_chosen(self):
        account = self.make_account(marketplace_ids="")
        with self.assertRaisesRegex(Refused, "Marketplaces"):
            list(account.poll_pages("", SINCE, UNTIL))

    def test_the_document_is_fetched_from_nowhere_else(self):
        for url in (
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:1/document/R1",
            "file:///etc/passwd",
            "https://evil.example/x",
            "/document/R1",
        ):
            self.shop.document_url = url
            with self.subTest(url=url), self.assertRaisesRegex(Unreadable, "address"):
                self.pages()

    def test_hosts_of_documents(self):
        account = registry["amazon"]({**SETTINGS, "base_url": ""})
        good = (
            "https://tortuga-prod-eu.s3-eu-west-1.amazonaws.com/x?X-Amz-Signature=1",
            "https://d34o8swod1owfl.cloudfront.net/Report_47700.txt",
        )
        bad = (
            "http://tortuga-prod-eu.s3-eu-west-1.amazonaws.com/x",
            "https://amazonaws.com.evil.example/x",
            "https://evilamazonaws.com/x",
            "https://user@x.amazonaws.com/x",
            "https://x.amazonaws.com:8443/x",
            "https://x.amazonaws.com:nine/x",
        )
        for url in good:
            self.assertTrue(account._is_document(url), url)
        for url in bad:
            self.assertFalse(account._is_document(url), url)

    def test_a_bomb_is_not_unpacked(self):
        with mock.patch.object(amazon, "MAX_REPORT", 1000):
            with self.assertRaisesRegex(Unreadable, "too large"):
                amazon.unzipped(gzip.compress(b"0" * 100_000))
            with self.assertRaisesRegex(Unreadable, "unpacked"):
                amazon.unzipped(b"no gzip")
            with self.assertRaisesRegex(Unreadable, "cut off"):
                amazon.unzipped(gzip.compress(os.urandom(500))[:-20])
