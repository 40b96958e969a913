from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .sale_common import AvoirSaleCommon


class ExtraCommon(AvoirSaleCommon):
    """With modules that are no dependency: ./dev/test-extra."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.return_credit_policy = "post"
        cls.stock = cls.warehouse.lot_stock_id
        for product in (cls.ordered, cls.delivered):
            cls.env["stock.quant"]._update_available_quantity(product, cls.stock, 100)

    def credit_notes(self, order):
        return order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")

    def needs(self, model):
        if model not in self.env:
            self.skipTest(f"{model} is not installed")


@tagged("post_install", "-at_install", "-standard", "avoir_extra")
class TestReturnExtra(ExtraCommon):
    # -- several steps -------------------------------------------------------------

    def test_pick_pack_ship(self):
        self.warehouse.delivery_steps = "pick_pack_ship"
        order = self._order((self.delivered, 5))
        for _step in range(3):
            self._validate(order.picking_ids.filtered(lambda p: p.state == "assigned"))
        self.assertEqual(order.order_line.qty_delivered, 5)
        invoice = self._bill(order)
        lines = order._get_returnable_lines()
        self.assertEqual(lines, [(order.order_line, self.delivered)])
        ship = order.order_line._get_deliveries()
        back = self.env["stock.picking"]._create_returns({ship: 3})
        back.move_ids.write({"return_refused_qty": 1, "return_scrap_qty": 1})
        back.button_validate()
        self.assertEqual(order.order_line.qty_delivered, 3)
        self.assertEqual(invoice.amount_residual, 360)
        self.assertEqual(back.return_state, "credited")
        self._validate(back.return_ids)
        self.assertEqual(order.order_line.qty_delivered, 3)

    def test_receipt_in_two_steps(self):
        self.warehouse.reception_steps = "two_steps"
        order = self._order((self.delivered, 5))
        self._deliver(order)
        invoice = self._bill(order)
        ship = order.order_line._get_deliveries()
        back = self.env["stock.picking"]._create_returns({ship: 4})
        back.move_ids.write({"return_refused_qty": 1, "return_repair_qty": 1})
        back.button_validate()
        self.assertEqual(invoice.amount_residual, 240)
        self.assertEqual(order.order_line.qty_delivered, 2)
        stored = back.move_ids.filtered(lambda m: m.return_verdict == "stock")
        self.assertEqual(stored.quantity, 2)
        # core's way into the stock, for what goes there only
        onward = stored.move_dest_ids.filtered(
            lambda m: m.location_id.usage != "customer"
        )
        self.assertEqual(sum(onward.mapped("product_uom_qty")), 2 if onward else 0)
        refused = back.move_ids.filtered(lambda m: m.return_verdict == "refused")
        self.assertFalse(
            refused.move_dest_ids.filtered(lambda m: m.location_dest_id == self.stock)
        )

    def test_receipt_in_three_steps(self):
        """Input, quality control, stock: credited when it arrives, and only what goes
        to stock takes the way there."""
        self.warehouse.reception_steps = "three_steps"
        order = self._order((self.delivered, 5))
        self._deliver(order)
        invoice = self._bill(order)
        before = self.delivered.qty_available
        ship = order.order_line._get_deliveries()
        back = self.env["stock.picking"]._create_returns({ship: 4})
        self.assertEqual(back.location_dest_id, self.warehouse.wh_input_stock_loc_id)
        back.move_ids.write(
            {"return_refused_qty": 1, "return_repair_qty": 1, "return_scrap_qty": 1}
        )
        back.button_validate()
        self.assertEqual(invoice.amount_residual, 240)
        self.assertEqual(order.order_line.qty_delivered, 2)
        moves = back.move_ids.grouped("return_verdict")
        onward = moves["stock"]
        for place in (self.warehouse.wh_qc_stock_loc_id, self.stock):
            onward = onward.move_dest_ids.filtered(lambda move: move.state != "cancel")
            self.assertEqual(onward.location_dest_id, place)
            self.assertEqual(sum(onward.mapped("product_uom_qty")), 1)
            self._validate(onward.picking_id)
        for verdict in ("repair", "scrap"):
            self.assertFalse(moves[verdict].move_dest_ids)
        self._validate(back.return_ids)
        self.assertEqual(self.delivered.qty_available, before + 2)
        quants = self.env["stock.quant"]
        places = (
            self.warehouse.wh_input_stock_loc_id + self.warehouse.wh_qc_stock_loc_id
        )
        for place in places:
            self.assertEqual(quants._get_available_quantity(self.delivered, place), 0)
        self.assertEqual(order.order_line.qty_delivered, 2)
        self.assertEqual(invoice.amount_residual, 240)

    # -- repairs ---------------------------------------------------------------------

    def test_repair_order(self):
        """What is to be repaired is taken from its place by Odoo's repair order, and
        neither the order nor the credit note change."""
        self.needs("repair.order")
        order = self._order((self.delivered, 5))
        self._deliver(order)
        invoice = self._bill(order)
        ship = order.order_line._get_deliveries()
        back = self.env["stock.picking"]._create_returns({ship: 2})
        back.move_ids.return_repair_qty = 1
        back.button_validate()
        place = self.warehouse.return_repair_location_id
        self.warehouse.repair_type_id.default_product_location_src_id = place
        action = back.action_repair_return()
        repair = self.env["repair.order"].with_context(**action["context"])
        repair = repair.create({"product_id": self.delivered.id, "product_qty": 1})
        self.assertEqual(back.repair_ids, repair)
        at = self.env["stock.quant"]._get_available_quantity
        self.assertEqual(at(self.delivered, place), 1)
        before = at(self.delivered, self.stock)
        repair.action_validate()
        repair.action_repair_start()
        repair.action_repair_end()
        self.assertEqual(repair.state, "done")
        self.assertEqual(at(self.delivered, place), 0)
        self.assertEqual(at(self.delivered, self.stock), before + 1)
        self.assertEqual(order.order_line.qty_delivered, 3)
        self.assertEqual(back.return_state, "credited")
        self.assertEqual(invoice.amount_residual, 360)

    # -- kits ------------------------------------------------------------------------

    def test_kit(self):
        self.needs("mrp.bom")
        parts = self._goods("Wheel") | self._goods("Frame")
        for part in parts:
            self.env["stock.quant"]._update_available_quantity(part, self.stock, 100)
        kit = self._goods("Bicycle", is_storable=False)
        self.env["mrp.bom"].create(
            {
                "product_tmpl_id": kit.product_tmpl_id.id,
                "type": "phantom",
                "bom_line_ids": [
                    Command.create({"product_id": part.id, "product_qty": quantity})
                    for part, quantity in zip(parts, (2, 1), strict=True)
                ],
            }
        )
        order = self._order((kit, 3))
        self._deliver(order)
        self.assertEqual(order.order_line.qty_delivered, 3)
        invoice = self._bill(order)
        moves = order.order_line._get_deliveries()
        wheel = moves.filtered(lambda m: m.product_id == parts[0])
        back = self.env["stock.picking"]._create_returns({wheel: 2, moves - wheel: 1})
        back.button_validate()
        self.assertEqual(order.order_line.qty_delivered, 2)
        self.assertEqual(self.credit_notes(order).amount_total, 120)
        self.assertEqual(invoice.amount_residual, 240)
        with self.assertRaises(UserError):
            self.env["stock.picking"]._create_returns({wheel: 5})

    # -- drop-shipping ----------------------------------------------------------------

    def test_dropshipping(self):
        route = self.env.ref(
            "stock_dropshipping.route_drop_shipping", raise_if_not_found=False
        )
        if not route:
            self.skipTest("stock_dropshipping is not installed")
        product = self._goods(
            "Shipped by the vendor",
            route_ids=[Command.set(route.ids)],
            seller_ids=[Command.create({"partner_id": self.partner.id, "price": 10})],
        )
        order = self._order((product, 5))
        purchase = self.env["purchase.order"].search(
            [("order_line.sale_line_id", "in", order.order_line.ids)]
        )
        purchase.button_confirm()
        self._validate(purchase.picking_ids)
        self.assertEqual(order.order_line.qty_delivered, 5)
        invoice = self._bill(order)
        moves = order.order_line._get_deliveries()
        self.assertEqual(len(moves), 1)
        wizard = self.env["stock.return.picking"].create(
            {"picking_id": purchase.picking_ids.id}
        )
        wizard.product_return_moves.quantity = 2
        back = self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        )
        if back.location_dest_id.usage == "supplier":
            back.move_ids.return_refused_qty = 1
            with self.assertRaisesRegex(UserError, "does not come back into a place"):
                back.button_validate()
            back.move_ids.return_refused_qty = 0
        self._validate(back)
        self.assertEqual(order.order_line.qty_delivered, 3)
        self.assertEqual(invoice.amount_residual, 360)
        with self.assertRaisesRegex(UserError, "no more than"):
            wizard = wizard.create({"picking_id": purchase.picking_ids[-1:].id})
            wizard.product_return_moves.quantity = 6
            wizard.action_create_returns()
