"""Polls and deliveries in any order, broken off anywhere: each thing once.

The keeper here is what Odoo does with messages and notices, in a few lines: a message
is stored once for its key, a notice once for its id.
"""

import random
import unittest
from datetime import datetime, timedelta, timezone

from ..cache import Memory
from ..errors import TryAgainLater
from ..marketplaces import registry
from .amazon_server import AmazonServer
from .bol_server import BolServer
from .ccv_shop_server import CcvShopServer, hint, load
from .common import SETTINGS, eur
from .deliveries import payload

SINCE = datetime(2026, 2, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 4, 1, tzinfo=timezone.utc)
SEED = random.SystemRandom().randrange(10**6)
ROUNDS = 12


class Keeper:
    """Stores pages with their cursor, and reads messages in any order."""

    def __init__(self, open_account, chance):
        self.open_account = open_account
        self.chance = chance
        self.cursor = ""
        self.messages = {}
        self.notices = {}

    def poll_a_little(self):
        """Some pages, then killed: perhaps before the last one was stored."""
        with self.open_account() as account:
            try:
                for page in account.poll_pages(self.cursor, SINCE, UNTIL):
                    if self.chance.random() < 0.2:
                        return
                    self.store(page.messages)
                    self.cursor = page.cursor
                    if self.chance.random() < 0.2:
                        return
            except TryAgainLater:
                return

    def poll_all(self):
        with self.open_account() as account:
            for page in account.poll_pages("", SINCE, UNTIL):
                self.store(page.messages)

    def deliver(self, body):
        with self.open_account() as account:
            event = account.verify({}, body)
            if event.wanted:
                self.messages.setdefault(event.event_key, (body, event.topic))

    def store(self, fetched):
        for one in fetched:
            told = (one.body, one.event.topic)
            self.messages.setdefault(one.event.event_key, told)

    def read(self):
        """All messages, late ones before early ones too, some of them twice."""
        order = list(self.messages.values()) * 2
        self.chance.shuffle(order)
        with self.open_account() as account:
            for body, topic in order:
                for notice in account.read(body, topic):
                    if notice.kind == "refund" and notice.state == "refunded":
                        self.notices[notice.external_id] = notice


class TestExactlyOnce(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.cache = Memory()

    def account(self, code, server, **settings):
        settings = {**SETTINGS, "base_url": server.url, **settings}
        return registry[code](settings, sleep=lambda wait: None, cache=self.cache)

    def shake(self, keeper, change):
        """Changes, polls that are broken off, failures; in the end one whole poll."""
        for _round in range(ROUNDS):
            change()
            keeper.poll_a_little()
        keeper.poll_all()
        keeper.read()
        return keeper.notices

    def test_bol(self):
        with BolServer() as server, self.subTest(seed=SEED):
            names = ("open", "received", "partial_quantity", "told_twice")
            left = list(names)

            def change():
                if left:
                    server.add_return(payload(f"bol_return_{left.pop(0)}"))
                if self.chance.random() < 0.3:
                    server.fail("/returns", 500, times=1)
                if self.chance.random() < 0.3:
                    server.forget_tokens()

            keeper = Keeper(lambda: self.account("bol", server), self.chance)
            found = self.shake(keeper, change)
            self.assertEqual(len(found), 4)
            quantities = sorted(n.lines[0].quantity for n in found.values())
            self.assertEqual(quantities, [1, 1, 1, 1])

    def test_amazon(self):
        with AmazonServer(page_size=2) as server, self.subTest(seed=SEED):
            numbers = iter(range(1, 100))

            def change():
                event = payload("amazon_refund_full")
                number = str(next(numbers))
                event["ShipmentItemAdjustmentList"][0]["OrderAdjustmentItemId"] = number
                moment = SINCE + timedelta(days=self.chance.randrange(50))
                event["PostedDate"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
                server.add_event(event)
                if self.chance.random() < 0.3:
                    server.fail("/finances", 429, times=1)

            keeper = Keeper(
                lambda: self.account("amazon", server, reports="-"), self.chance
            )
            found = self.shake(keeper, change)
            self.assertEqual(len(found), ROUNDS)
            self.assertEqual({n.total for n in found.values()}, {eur("49.98")})

    def test_webhook_and_poll_of_the_same(self):
        with CcvShopServer() as server, self.subTest(seed=SEED):
            names = ["new", "credited", "prices_without_tax", "two_rates"]

            def change():
                if names:
                    number = load(server, payload(f"ccv_shop_return_{names.pop(0)}"))
                    for _time in range(self.chance.randrange(3)):
                        keeper.deliver(hint("returns", int(number)))

            keeper = Keeper(lambda: self.account("ccv_shop", server), self.chance)
            found = self.shake(keeper, change)
            self.assertEqual(set(found), {"refund:5001", "refund:5002", "refund:5003"})
