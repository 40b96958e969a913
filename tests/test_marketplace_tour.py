from odoo.tests import HttpCase, tagged

from odoo.addons.avoir.connectors import marketplaces

from .marketplace_common import FakeShop, MarketplaceCommon


@tagged("post_install", "-at_install", "avoir_tour")
class TestMarketplaceTour(MarketplaceCommon, HttpCase):
    def test_customer_service_finishes_an_unmatched_return(self):
        self.partner.name = "Tour customer"
        order = self.sold(ref="#1001")
        refund = self.told(
            self.notice(
                self.line(quantity=1, untaxed=100, goods_expected=False),
                total=120,
                order_refs=("#4404",),
                order_external_id="4404",
                goods_expected=False,
            )
        )
        self.assertEqual(refund.state, "unmatched")
        self.start_tour(
            "/odoo/action-avoir.marketplace_return_action",
            "avoir_finish_unmatched_return",
            login="service",
        )
        self.assertEqual(refund.state, "done", refund.missing)
        self.assertEqual(refund.sale_order_id, order)
        self.assertEqual(refund.credit_note_ids.amount_total, 120)

    def test_customer_service_approves_a_return(self):
        self.account.approval = "manual"
        self.sold()
        refund = self.told(
            self.notice(
                self.line(quantity=1, untaxed=100, goods_expected=False),
                total=120,
                goods_expected=False,
            )
        )
        self.start_tour(
            "/odoo/action-avoir.marketplace_return_action",
            "avoir_approve_return",
            login="service",
        )
        self.assertState(refund, "done")

    def test_manager_maps_an_unknown_reason(self):
        self._new_user("manager", "avoir.group_refund_manager")
        wrong_size = self.reason.copy({"name": "Wrong size", "code": "SIZE"})
        self.account.approval = "manual"
        self.sold()
        refund = self.told(self.notice(self.line(), reason="Te klein", total=120))
        self.start_tour(
            "/odoo/action-avoir.marketplace_account_action",
            "avoir_map_reason",
            login="manager",
        )
        self.assertEqual(refund.marketplace_reason_id.refund_reason_id, wrong_size)
        self.assertEqual(refund.refund_reason_id, wrong_size)

    def test_customer_service_imports_a_file(self):
        self.patch(FakeShop, "read", marketplaces.Marketplace.read)
        self.sold()
        self.start_tour(
            "/odoo/action-avoir.marketplace_import_action",
            "avoir_import_file",
            login="service",
        )
        self.cron()
        refund = self.env["marketplace.return"].search(
            [("account_id", "=", self.account.id)]
        )
        self.assertEqual(refund.external_id, "refund:R1")
        self.assertState(refund, "done")
