"""The vocabulary, and the careful reading that fills it."""

import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from .. import readers
from ..errors import Unreadable
from ..notices import Money, ReturnLine, ReturnNotice, add_up
from .common import eur


def notice(**values):
    return ReturnNotice(
        **{
            "external_id": "refund:1",
            "kind": "refund",
            "state": "refunded",
            "currency": "EUR",
            **values,
        }
    )


class TestMoney(unittest.TestCase):
    def test_adds_within_a_currency_only(self):
        self.assertEqual(eur("1.10") + eur("2.20"), eur("3.30"))
        self.assertEqual(eur("1.10") - eur("2.20"), eur("-1.10"))
        with self.assertRaises(ValueError):
            eur("1") + Money(Decimal(1), "USD")

    def test_no_float_and_no_nonsense(self):
        for amount in (1.1, "1", None, Decimal("NaN"), Decimal("Infinity")):
            with self.subTest(amount=amount), self.assertRaises(ValueError):
                Money(amount, "EUR")
        with self.assertRaises(ValueError):
            Money(Decimal(1), "")

    def test_a_sum_with_something_unknown_is_unknown(self):
        self.assertIsNone(add_up([eur("1"), None]))
        self.assertIsNone(add_up([]))
        self.assertEqual(add_up([eur("1"), eur("2")]), eur("3"))


class TestReturnNotice(unittest.TestCase):
    def test_difference_is_kept_and_never_spread(self):
        line = ReturnLine("1", untaxed=eur("10"), tax=eur("2"))
        self.assertEqual(line.total, eur("12"))
        self.assertEqual(notice(lines=(line,), total=eur("11")).difference, eur("-1"))
        self.assertIsNone(notice(lines=(line,), total=eur("12")).difference)
        self.assertIsNone(notice(lines=(line,)).difference)
        self.assertIsNone(notice(total=eur("12")).difference)

    def test_unknown_line_makes_the_difference_unknown(self):
        lines = (ReturnLine("1", untaxed=eur("10")), ReturnLine("2", total=eur("1")))
        found = notice(lines=lines, total=eur("11"))
        self.assertIsNone(found.lines_total)
        self.assertIsNone(found.difference)

    def test_amount_only(self):
        lump = ReturnLine("1", "adjustment", total=eur("5"))
        goods = ReturnLine("2", total=eur("5"))
        self.assertTrue(notice(total=eur("5")).amount_only)
        self.assertTrue(notice(total=eur("5"), lines=(lump,)).amount_only)
        self.assertFalse(notice(total=eur("5"), lines=(goods,)).amount_only)
        self.assertFalse(notice().amount_only)

    def test_words_are_checked(self):
        for wrong in ({"kind": "refunds"}, {"state": "done"}):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                notice(**wrong)
        with self.assertRaises(ValueError):
            ReturnLine("1", "goods")
        with self.assertRaises(ValueError):
            ReturnLine("1", quantity=Decimal(-1))
        with self.assertRaises(ValueError):
            notice(occurred_at=datetime(2026, 3, 2))

    def test_a_line_is_told_once(self):
        line = ReturnLine("1", total=eur("1"))
        with self.assertRaisesRegex(ValueError, "same id"):
            notice(lines=(line, line))

    def test_one_currency_in_a_notice(self):
        for wrong in (
            {"total": Money(Decimal(1), "USD")},
            {"lines": (ReturnLine("1", tax=Money(Decimal(1), "USD")),)},
        ):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                notice(**wrong)

    def test_in_currency(self):
        shop = notice(currency="USD")
        both = notice(other_currency=shop)
        self.assertIs(both.in_currency("EUR"), both)
        self.assertEqual(both.in_currency("USD").currency, "USD")
        self.assertEqual(both.in_currency("USD").in_currency("EUR").currency, "EUR")
        self.assertIsNone(both.in_currency("GBP"))


class TestReaders(unittest.TestCase):
    def test_decimals_stay_exact(self):
        data = readers.parse_json(b'{"a": 0.1, "b": "36.04", "c": 3}')
        self.assertEqual(readers.decimal(data["a"], "a"), Decimal("0.1"))
        self.assertEqual(readers.decimal(data["b"], "b"), Decimal("36.04"))
        self.assertEqual(readers.decimal(data["c"], "c"), Decimal(3))
        self.assertIsNone(readers.decimal("", "d"))
        self.assertIsNone(readers.decimal(None, "d"))

    def test_no_number(self):
        for value in ("1,5", "abc", True, [], "NaN", "1e400", "Infinity", "1e-60"):
            with self.subTest(value=value), self.assertRaises(Unreadable):
                readers.decimal(value, "amount")

    def test_no_json(self):
        bodies = (b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"webhook_id=5", b"<html>")
        for body in bodies:
            with self.subTest(body=body), self.assertRaises(Unreadable):
                readers.parse_json(body)

    def test_deep_nesting_is_no_crash(self):
        with self.assertRaises(Unreadable):
            readers.parse_json(b"[" * 200_000)

    def test_huge_numbers_are_no_crash(self):
        with self.assertRaises(Unreadable):
            readers.parse_json(b'{"a": ' + b"9" * 10_000 + b"}")

    def test_ids_are_plain(self):
        self.assertEqual(readers.identifier({"id": 12}), "12")
        self.assertEqual(readers.identifier({"id": "112-123"}), "112-123")
        wrong = (None, "", 0, "0", True, 1.5, [], {}, "../1", "1/2", "1?a", "x" * 65)
        for value in wrong:
            with self.subTest(value=value), self.assertRaises(Unreadable):
                readers.identifier({"id": value})

    def test_text_loses_what_a_database_cannot_hold(self):
        self.assertEqual(readers.text({"a": " b\0c "}, "a"), "bc")
        self.assertEqual(readers.text({"a": "b\ud800"}, "a"), "b?")
        self.assertEqual(readers.text({"a": 5}, "a"), "5")
        self.assertEqual(readers.text({}, "a"), "")
        with self.assertRaises(Unreadable):
            readers.text({"a": {}}, "a")

    def test_moments(self):
        expected = datetime(2026, 3, 2, 10, 15, 30, tzinfo=timezone.utc)
        same = (
            "2026-03-02T10:15:30Z",
            "2026-03-02T11:15:30+01:00",
            "2026-03-02T05:15:30-05:00",
        )
        for value in same:
            self.assertEqual(readers.moment(value, "at"), expected)
        self.assertEqual(readers.moment("2026-03-02T10:15:30", "at", True), expected)
        self.assertEqual(
            readers.moment("2026-03-02T10:15:30.877041743Z", "at"),
            expected + timedelta(microseconds=877041),
        )
        self.assertEqual(
            readers.moment("2026-03-02T10:15:30.5Z", "at"),
            expected + timedelta(microseconds=500000),
        )
        self.assertIsNone(readers.moment(None, "at"))
        for value in (
            "2026-03-02T10:15:30",
            "yesterday",
            5,
            "0001-01-01T00:00:00+23:00",
        ):
            with self.subTest(value=value), self.assertRaises(Unreadable):
                readers.moment(value, "at")
