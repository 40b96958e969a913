"""Files of returns and refunds: plain ones, broken ones, and what goes out."""

import json
import unittest
from decimal import Decimal

from .. import files
from ..errors import Unreadable
from ..files import csv_safe, fetched_rows, read_file, read_message, write_csv
from ..marketplaces import get, registry
from ..plain_file import COLUMNS, PLAIN, template
from ..readers import parse_json
from .common import eur

HEADER = "kind,id,order,currency,amount,line kind,sku,quantity,line amount,goods,reason"


def read(text, encoding="utf-8"):
    return read_file(text.encode(encoding), "returns.csv", [PLAIN])


def rows(*lines):
    return read("\n".join([HEADER, *lines])).rows


class TestPlain(unittest.TestCase):
    def test_the_template_is_one_refund_of_two_lines(self):
        reading = read_file(template(), "template.csv", [PLAIN])
        first, second = reading.rows
        [notice] = first.notices
        self.assertEqual(second.part_of, first.number)
        self.assertEqual((first.number, second.number), (2, 3))
        self.assertEqual(notice.external_id, "refund:R-1001")
        self.assertEqual(notice.state, "refunded")
        self.assertEqual(notice.order_refs, ("1001",))
        self.assertEqual(notice.total, eur("48.40"))
        self.assertEqual([line.kind for line in notice.lines], ["product", "shipping"])
        self.assertIsNone(notice.difference)
        self.assertEqual(len(COLUMNS), len(notice_columns()))

    def test_separators_decimals_and_encodings(self):
        text = "ID;Order;Currency;Amount;Reason\nR-1;1001;eur;12,50;Pas à ma taille\n"
        for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
            with self.subTest(encoding=encoding):
                [row] = read(text, encoding).rows
                self.assertEqual(row.notices[0].total, eur("12.50"))
                self.assertEqual(row.notices[0].reason, "Pas à ma taille")
        [row] = read(text.replace(";", "\t").replace("\n", "\r\n")).rows
        self.assertEqual(row.notices[0].total, eur("12.50"))

    def test_json(self):
        data = [{"id": "R-1", "order": 1001, "currency": "EUR", "amount": 12.5}]
        for content in (data, {"returns": data}):
            [row] = read(json.dumps(content)).rows
            self.assertEqual(row.notices[0].total, eur("12.5"))
            self.assertTrue(row.notices[0].amount_only)

    def test_a_return_is_goods_only(self):
        [row] = rows("return,9,1001,,,,E-COM07,2,,,Too large")
        [notice] = row.notices
        self.assertEqual((notice.kind, notice.state), ("return", "approved"))
        self.assertTrue(notice.goods_expected)
        self.assertIsNone(notice.total)

    def test_fees_quantity_zero_and_what_does_not_add_up(self):
        first, _second = rows(
            "refund,1,1001,EUR,30.00,product,E-COM07,1,40.00,yes,",
            "refund,1,1001,EUR,30.00,fee,,0,-8.00,no,",
        )
        [notice] = first.notices
        self.assertEqual(notice.lines[1].total, eur("-8.00"))
        self.assertEqual(notice.difference, eur("-2.00"))

    def test_each_row_has_its_own_error(self):
        wrong = {
            "refund,,1001,EUR,1,,,1,,,": "id:",
            "refund,1,,EUR,1,,,1,,,": "order:",
            "gift,2,1001,EUR,1,,,1,,,": "kind:",
            "refund,3,1001,EUR,1.234.5,,,1,,,": "amount:",
            "refund,4,1001,,5.00,,,1,,,": "currency:",
            "refund,5,1001,EUR,5.00,,,-1,,,": "quantity:",
            "refund,6,1001,EUR,5.00,,,1,,maybe,": "goods:",
            "refund,7,1001,EUR,5.00,rocket,,1,,,": "line kind:",
            "refund,8,1001,EUR,5.00,,,1,,,,too,many": "more cells",
            "refund,9,1001,EUR,NaN,,,1,,,": "amount:",
            "refund,11,1001,EUR,,,E-COM07,,,,": "at least",
            "refund,12,1001,EUR,-5.00,,E-COM07,1,,,": "above zero",
        }
        found = rows(*wrong, "refund,10,1001,EUR,5.00,,,1,,,")
        for row, told in zip(found, wrong.values(), strict=False):
            with self.subTest(told=told):
                self.assertIn(told, str(row.error))
                self.assertEqual(row.notices, ())
        self.assertIsNone(found[-1].error)
        self.assertEqual([row.number for row in found], list(range(2, 15)))

    def test_rows_of_one_refund_that_do_not_agree(self):
        first, second = rows(
            "refund,1,1001,EUR,30.00,,A,1,,,", "refund,1,1001,EUR,31.00,,B,1,,,"
        )
        self.assertIn("amount: the rows", str(first.error))
        self.assertEqual(second.part_of, first.number)

    def test_the_same_file_twice_is_the_same_messages(self):
        line = "refund,1,1001,EUR,30.00,,A,1,,,"
        [first], [again] = rows(line), rows("", line)
        self.assertEqual(first.fetched.event.event_key, again.fetched.event.event_key)
        [changed] = rows(line.replace("30.00", "31.00"))
        self.assertNotEqual(
            first.fetched.event.event_key, changed.fetched.event.event_key
        )

    def test_a_message_is_read_again_like_the_file(self):
        [row] = rows("refund,1,1001,EUR,30.00,,A,1,,,")
        again = read_message(
            [PLAIN], row.fetched.event.topic, parse_json(row.fetched.body)
        )
        self.assertEqual(tuple(again), row.notices)
        for code in registry:
            with get(code, {"base_url": "https://shop.example"}) as shop:
                found = shop.read(row.fetched.body, row.fetched.event.topic)
                self.assertEqual(tuple(found), row.notices)

    def test_rows_with_errors_are_messages_to_look_at(self):
        reading = read(f"{HEADER}\nrefund,,1001,EUR,1,,,1,,,")
        [fetched] = fetched_rows(reading)
        self.assertFalse(fetched.event.readable)
        with self.assertRaises(Unreadable):
            read_message([PLAIN], fetched.event.topic, parse_json(fetched.body))


class TestNoSuchFile(unittest.TestCase):
    def test_what_is_no_file_of_returns(self):
        for content in (
            b"",
            b"\n\n",
            HEADER.encode(),
            b"a,b\n1,2",
            b"[]",
            b"[1, 2]",
            b"{broken",
            b"PK\x03\x04 a spreadsheet",
            b'id,order\n"cut off',
            b"id,ID,order\n1,2,3",
            "é".encode("utf-16") * 3,
            bytes(range(256)),
        ):
            with self.subTest(content=content[:20]), self.assertRaises(Unreadable):
                read_file(content, "x\n.csv", [PLAIN])

    def test_too_many_rows(self):
        limit, files.MAX_ROWS = files.MAX_ROWS, 3
        self.addCleanup(setattr, files, "MAX_ROWS", limit)
        with self.assertRaisesRegex(Unreadable, "more than 3 rows"):
            read("id,order\n" + "1,2\n" * 4)
        with self.assertRaisesRegex(Unreadable, "more than 3 rows"):
            read(json.dumps([{"id": 1, "order": 2}] * 4))


class TestGoingOut(unittest.TestCase):
    def test_no_formula_gets_out(self):
        for text in (
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "=cmd|' /C x'",
        ):
            with self.subTest(text=text):
                self.assertTrue(csv_safe(text).startswith("'"))

    def test_numbers_and_texts_stay(self):
        for value, expected in (
            ("-12.50", "-12.50"),
            (Decimal("-3"), "-3"),
            ("+31", "+31"),
            ("Too large = bad", "Too large = bad"),
            (None, ""),
            (0, "0"),
        ):
            self.assertEqual(csv_safe(value), expected)

    def test_written_and_read_again(self):
        content = write_csv(
            ["id", "order", "reason"], [("R-1", "1001", '=HYPERLINK("x"),\n"y"')]
        )
        [row] = read_file(content, "x.csv", [PLAIN]).rows
        self.assertEqual(row.raw["reason"], '\'=HYPERLINK("x"),\n"y"')


def notice_columns():
    """The columns of the template."""
    return template().decode("utf-8-sig").splitlines()[0].split(",")
