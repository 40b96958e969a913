"""What the tests share."""

from __future__ import annotations

import unittest
from decimal import Decimal

from ..marketplaces import registry
from ..notices import Money
from .shop_server import ShopServer

SECRET = "whsec_current"
OLD_SECRET = "whsec_of_last_year"
SETTINGS = {
    "api_key": "ck_test",
    "api_secret": "cs_test_secret",
    "access_token": "shpat_test_token",
    "webhook_secret": SECRET,
    "webhook_secret_previous": OLD_SECRET,
}


def eur(amount: str) -> Money:
    """An amount in euro."""
    return Money(Decimal(amount), "EUR")


class ShopCase(unittest.TestCase):
    """A test with a shop of its own; waiting is noted in `self.waits`, not done."""

    code = ""

    def setUp(self):
        super().setUp()
        self.shop = ShopServer().start()
        self.addCleanup(self.shop.stop)
        self.waits = []
        self.account = self.make_account()

    def make_account(self, **settings):
        """The marketplace of an account at the shop."""
        settings = {**SETTINGS, "base_url": self.shop.url, **settings}
        account = registry[self.code](settings, sleep=self.waits.append)
        self.addCleanup(account.close)
        return account
