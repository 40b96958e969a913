"""The traps that every import meets, each with payloads of its own.

What comes out of them is looked at by the tests of each provider; here, that every
trap has its payloads, that they are read at all, and what is true of any provider.
"""

import json
import unittest

from ..marketplaces import amazon_events, amazon_transactions, registry
from ..marketplaces.bol_return import REFUNDING, return_notices
from ..marketplaces.ccv_shop_invoice import invoice_notice
from ..marketplaces.ccv_shop_return import return_notices as ccv_return_notices
from ..readers import parse_json
from .common import SETTINGS
from .deliveries import PAYLOADS

TRAPS = {
    "1 partial quantities, several refunds of a line": (
        "amazon_refund_partial_quantity",
        "bol_return_partial_quantity",
        "ccv_shop_return_part_of_a_piece",
        "shopify_refund_partial",
        "woocommerce_refund_partial",
    ),
    "2 refund without return": ("amazon_refund_full", "shopify_refund_amount_only"),
    "3 return without refund": (
        "bol_return_open",
        "bol_return_without_refund",
        "ccv_shop_return_new",
        "shopify_return_requested",
    ),
    "4 shipping only": ("amazon_refund_shipping_only", "shopify_refund_shipping"),
    "5 gift card, store credit, points": (
        "amazon_refund_yen",
        "ccv_shop_invoice_discounts_and_costs",
        "shopify_refund_gift_card",
    ),
    "6 restocking fee, return shipping": (
        "amazon_refund_restocking_fee",
        "shopify_refund_restocking_fee",
        "woocommerce_refund_fee_kept",
    ),
    "7 with and without tax": (
        "ccv_shop_return_credited",
        "ccv_shop_return_prices_without_tax",
        "shopify_refund_shipping_untaxed",
        "woocommerce_refund_shipping_and_fee",
    ),
    "8 currencies": ("amazon_refund_yen", "shopify_refund_two_currencies"),
    "9 quantity 0, amount only, pending": (
        "amazon_refund_unknown_charge",
        "amazon_transaction_deferred",
        "shopify_refund_pending",
        "shopify_refund_quantity_zero",
        "woocommerce_refund_amount_only",
        "woocommerce_refund_quantity_zero",
    ),
    "10 deleted": (
        "ccv_shop_invoice_order_deleted",
        "shopify_order_deleted",
        "woocommerce_order_deleted",
    ),
    "11 exempt, to a firm, marketplace's own tax": (
        "amazon_refund_tax_withheld",
        "ccv_shop_invoice_without_tax",
        "shopify_refund_tax_exempt",
        "woocommerce_refund_tax_exempt",
    ),
    "12 told twice, late, again": (
        "amazon_transaction_released",
        "bol_return_rejected_then_approved",
        "bol_return_told_twice",
        "ccv_shop_invoice_credit",
        "shopify_refund_of_return",
    ),
    "13 what does not add up": (
        "ccv_shop_return_does_not_add_up",
        "shopify_refund_does_not_add_up",
        "woocommerce_refund_does_not_add_up",
    ),
}


def notices_of(name):
    """The notices of a payload that needs no call to the shop."""
    data = parse_json((PAYLOADS / f"{name}.json").read_bytes())
    if name.startswith("bol_"):
        return return_notices(data, frozenset(REFUNDING))
    if name.startswith("ccv_shop_return"):
        return ccv_return_notices(data["return"], data["rows"], frozenset("78"))
    if name.startswith("ccv_shop_invoice"):
        order = {"paymethod": "Ideal"} if data["invoice"]["order"] else None
        return [invoice_notice(data["invoice"], order, data["rows"], "")]
    if name.startswith("amazon_transaction"):
        return amazon_transactions.notices(data)
    if name.startswith("amazon_"):
        found = amazon_events.messages({"RefundEventList": [data]})
        return [n for f in found for n in amazon_events.notices(parse_json(f.body))]
    return []


class TestTraps(unittest.TestCase):
    def test_every_trap_has_payloads(self):
        self.assertGreaterEqual(len(TRAPS), 12)
        for trap, names in TRAPS.items():
            for name in names:
                with self.subTest(trap=trap, name=name):
                    file = PAYLOADS / f"{name}.json"
                    self.assertTrue(json.loads(file.read_text(encoding="utf-8")))

    def test_every_provider_is_in_several_traps(self):
        for code in registry:
            met = [
                trap
                for trap, names in TRAPS.items()
                if any(name.startswith(f"{code}_") for name in names)
            ]
            self.assertGreaterEqual(len(met), 3, code)

    def test_read_twice_is_the_same(self):
        for names in TRAPS.values():
            for name in names:
                with self.subTest(name=name):
                    self.assertEqual(notices_of(name), notices_of(name))

    def test_ids_keep_apart(self):
        seen = {}
        for names in TRAPS.values():
            for name in set(names):
                for notice in notices_of(name):
                    ids = [line.external_id for line in notice.lines]
                    self.assertEqual(len(ids), len(set(ids)), name)
                    self.assertLessEqual(len(notice.external_id), 120)
                    seen.setdefault(notice.external_id, set()).add(type(notice))
        self.assertTrue(all(len(kinds) == 1 for kinds in seen.values()))

    def test_without_secrets_nothing_is_asked(self):
        for code, provider in registry.items():
            with self.subTest(code=code):
                shop = provider({**dict.fromkeys(SETTINGS, ""), "base_url": "x"})
                self.assertIsNone(shop._http)
                shop.close()
