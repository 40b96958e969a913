from odoo.tests import HttpCase, tagged

from .marketplace_common import MarketplaceCommon


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
