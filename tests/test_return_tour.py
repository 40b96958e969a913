from odoo.tests import HttpCase, tagged

from .sale_common import AvoirSaleCommon


@tagged("post_install", "-at_install", "avoir_tour")
class TestReturnTour(AvoirSaleCommon, HttpCase):
    def test_a_worker_receives_two_of_three_with_one_refused(self):
        self.company.return_credit_policy = "post"
        self.partner.name = "Tour customer"
        self._new_user("receiver", "stock.group_stock_user")
        self.env["stock.quant"]._update_available_quantity(
            self.delivered, self.warehouse.lot_stock_id, 100
        )
        order = self._order((self.delivered, 5))
        self._deliver(order)
        invoice = self._bill(order)
        back = self._return(order.picking_ids, 3, done=False)
        self.start_tour(
            "/odoo/action-avoir.stock_picking_return_action",
            "avoir_receive_two_of_three",
            login="receiver",
        )
        self.assertEqual(
            sorted(back.move_ids.mapped("return_verdict")), ["refused", "stock"]
        )
        self.assertEqual(back.backorder_ids.move_ids.product_uom_qty, 1)
        self.assertEqual(back.return_ids.move_ids.product_uom_qty, 1)
        self.assertEqual((order.invoice_ids - invoice).amount_total, 120)
        self.assertEqual(invoice.amount_residual, 480)
