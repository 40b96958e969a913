"""What strangers, broken programs and bad luck send."""

import copy
import dataclasses
import json
import random
import unittest
from unittest import mock

from ..documents import InvoiceNotice, OrderNotice
from ..errors import ConnectorError, Refused, Unreadable, Untrusted
from ..marketplaces import base as marketplace_base
from ..marketplaces import get, registry
from ..notices import IncomingEvent, ReturnNotice
from ..readers import parse_json
from .common import SECRET, SETTINGS
from .deliveries import PAYLOADS, SIGNED

TOPICS = {
    "amazon": ("refund", "transaction"),
    "bol": ("return",),
    "ccv_shop": ("returns", "invoices", "orders"),
    "shopify": (
        "refunds/create",
        "returns/approve",
        "returns/update",
        "orders/updated",
        "orders/cancelled",
        "orders/delete",
        "order_transactions/create",
    ),
    "woocommerce": ("order.updated", "order.created", "order.deleted"),
}
BODIES = {
    "empty": b"",
    "no json": b"<html>",
    "cut off": b'{"id": 1, "order_',
    "list": b"[]",
    "null": b"null",
    "number": b"1",
    "text": b'"id"',
    "no id": b"{}",
    "wrong id": b'{"id": {"a": 1}, "order_id": []}',
    "wrong lists": b'{"id": 1, "order_id": 2, "refunds": 5, "refund_line_items": "x"}',
    "wrong rows": b'{"id": 1, "refunds": [5], "refund_line_items": [[]]}',
    "not a number": b'{"id": NaN, "order_id": Infinity}',
    "other encoding": '{"id": 1, "note": "é"}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "nul": b'{"id": "1\\u0000", "order_id": 1}',
    "lone surrogate": b'{"id": 1, "order_id": 2, "note": "\\ud800"}',
}


class TestForged(unittest.TestCase):
    def verify(self, code, headers, body):
        return get(code, SETTINGS).verify(headers, body)

    def test_every_way_of_not_being_signed(self):
        for code, sign in SIGNED.items():
            topic = TOPICS[code][0]
            headers, body = sign({"id": 1, "order_id": 2}, topic, SECRET)
            name = next(key for key in headers if "Hmac" in key or "Signature" in key)
            good = headers[name]
            forged = {
                "other secret": sign({"id": 1}, topic, "another secret"),
                "other body": (headers, body + b" "),
                "cut off": (headers, body[:-1]),
                "no signature": ({**headers, name: ""}, body),
                "hex": ({**headers, name: good.encode().hex()}, body),
                "part": ({**headers, name: good[:20]}, body),
                "unicode": ({**headers, name: "é" + good}, body),
                "two": ({**headers, name: f"{good}, {good}"}, body),
                "empty body": (headers, b""),
                "no headers": ({}, body),
            }
            for way, delivery in forged.items():
                with self.subTest(code=code, way=way), self.assertRaises(Untrusted):
                    self.verify(code, *delivery)
            self.assertIsInstance(self.verify(code, headers, body), IncomingEvent)

    def test_an_account_without_a_secret_trusts_nobody(self):
        for code, sign in SIGNED.items():
            for secret in ("", " ", None, False):
                account = get(code, {"webhook_secret": secret})
                with self.subTest(code=code), self.assertRaises(Untrusted):
                    account.verify(*sign({"id": 1}, TOPICS[code][0], ""))

    def test_compared_in_constant_time(self):
        for code, sign in SIGNED.items():
            delivery = sign({"id": 1}, TOPICS[code][0], SECRET)
            with mock.patch.object(
                marketplace_base.hmac,
                "compare_digest",
                wraps=marketplace_base.hmac.compare_digest,
            ) as compare:
                self.verify(code, *delivery)
            # Both secrets are tried, whichever fits.
            self.assertEqual(compare.call_count, 2, code)

    def test_no_such_marketplace(self):
        with self.assertRaises(Refused):
            get("nowhere", {})


class TestBroken(unittest.TestCase):
    def test_signed_nonsense_is_kept_for_a_person(self):
        for code, sign in SIGNED.items():
            account = get(code, SETTINGS)
            for name, body in BODIES.items():
                with self.subTest(code=code, body=name):
                    event = account.verify(*sign(body, TOPICS[code][0], SECRET))
                    again = account.verify(*sign(body, TOPICS[code][0], SECRET))
                    self.assertEqual(event, again)
                    self.assertTrue(event.wanted or event.readable)

    def test_topic_that_cannot_be_stored(self):
        for code, sign in SIGNED.items():
            headers, body = sign(b"{", TOPICS[code][0], SECRET)
            name = next(key for key in headers if key.endswith("Topic"))
            event = get(code, SETTINGS).verify({**headers, name: "a\0b"}, body)
            self.assertEqual(event.topic, "ab")

    def test_reading_nonsense_is_unreadable(self):
        for code, topics in TOPICS.items():
            account = get(code, {**SETTINGS, "access_token": ""})
            for topic in topics:
                for name, body in BODIES.items():
                    with self.subTest(code=code, topic=topic, body=name):
                        try:
                            found = account.read(body, topic)
                        except (Unreadable, Refused):
                            continue
                        self.assertIsInstance(found, list)

    def test_nothing_can_be_known_of_a_broken_body(self):
        for code, sign in SIGNED.items():
            event = get(code, SETTINGS).verify(*sign(b"{", TOPICS[code][0], SECRET))
            self.assertFalse(event.readable)
            self.assertTrue(event.event_key.startswith("body:"))

    def test_large_body(self):
        note = "€" * 1_000_000
        for code, sign in SIGNED.items():
            data = {"id": 1, "order_id": 2, "note": note, "refunds": [{"id": 3}]}
            event = get(code, SETTINGS).verify(*sign(data, TOPICS[code][0], SECRET))
            self.assertTrue(event.readable)


class TestFuzz(unittest.TestCase):
    """Payloads with something changed in them: notices or our errors, nothing else."""

    VALUES = (
        None,
        "",
        "x",
        0,
        -1,
        1.5,
        10**30,
        True,
        [],
        {},
        [{}],
        {"id": 1},
        "é\0\n",
        "\ud800",
    )
    ROUNDS = 150

    def test_changed_payloads(self):
        chance = random.Random(20260302)
        for file in payload_files():
            code = provider_of(file.name)
            source = "invoices" if "invoice" in file.name else "orders"
            account = get(code, {**SETTINGS, "access_token": "", "source": source})
            account._http = mock.Mock(get=mock.Mock(side_effect=Refused("no calls")))
            for number in range(self.ROUNDS):
                data = json.loads(file.read_text(encoding="utf-8"))
                for _change in range(chance.randint(1, 3)):
                    change(data, chance, self.VALUES)
                if "rows" in data:
                    # A thing and its rows, which are asked for by themselves.
                    kind = next((key for key in data if key != "rows"), "rows")
                    rows = parse_json(json.dumps(data["rows"]).encode())
                    found = {"items": rows, "next": None}
                    account._http.get_json = mock.Mock(return_value=found)
                    data = data[kind]
                body = json.dumps(data).encode()
                with self.subTest(file=file.name, number=number):
                    self.check(account, code, body, chance)

    def check(self, account, code, body, chance):
        topic = chance.choice(TOPICS[code])
        if code in SIGNED:
            event = account.verify(*SIGNED[code](body, topic, SECRET))
            self.assertLessEqual(len(event.event_key), 200)
        try:
            notices = account.read(body, topic)
        except ConnectorError as error:
            self.assertLess(len(str(error)), 400)
            return
        for notice in notices:
            self.assertIsInstance(notice, (ReturnNotice, InvoiceNotice, OrderNotice))
            for word in texts(dataclasses.asdict(notice)):
                self.assertNotIn("\0", word)
                word.encode()

    def test_every_provider_is_tried(self):
        self.assertEqual(set(TOPICS), set(registry))
        tried = {provider_of(file.name) for file in payload_files()}
        self.assertEqual(tried, set(registry))


def payload_files():
    """The payloads of the providers there are."""
    files = sorted(PAYLOADS.glob("*.json"))
    return [file for file in files if not file.name.startswith("sixth_")]


def provider_of(name):
    """The provider whose code begins the name of a payload."""
    return next(code for code in registry if name.startswith(f"{code}_"))


def change(data, chance, values):
    """Put something else in a place within the data, or take it away."""
    place = data
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            return
        key = chance.choice(keys)
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or chance.random() < 0.2:
            break
        place = inner
    if isinstance(place, dict) and chance.random() < 0.3:
        del place[key]
    else:
        place[key] = copy.deepcopy(chance.choice(values))


def texts(data):
    """All texts within the data."""
    if isinstance(data, dict):
        data = data.values()
    if isinstance(data, str):
        yield data
    elif isinstance(data, (list, tuple)) or hasattr(data, "__iter__"):
        for one in data:
            yield from texts(one)
