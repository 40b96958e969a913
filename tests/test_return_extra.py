from odoo import Command, fields
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

    # -- purchases -------------------------------------------------------------------

    def purchase(self, product, quantity, **values):
        order = self.env["purchase.order"].create(
            {
                "partner_id": self.partner.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_qty": quantity,
                            "price_unit": 10.0,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **values,
            }
        )
        order.button_confirm()
        return order

    def test_return_to_the_vendor(self):
        self.needs("purchase.order")
        order = self.purchase(self.delivered, 10)
        self._validate(order.picking_ids)
        order.action_create_invoice()
        bill = order.invoice_ids
        bill.invoice_date = fields.Date.today()
        bill.action_post()
        wizard = self.env["stock.return.picking"].create(
            {"picking_id": order.picking_ids.id}
        )
        self.assertFalse(wizard.is_customer_return)
        self.assertEqual(wizard.product_return_moves.returnable_quantity, 10)
        wizard.product_return_moves.quantity = 4
        back = self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        )
        self._validate(back)
        self.assertEqual(back.return_kind, "vendor")
        back.action_create_vendor_refunds()
        refund = order.invoice_ids - bill
        self.assertRecordValues(
            refund,
            [
                {
                    "move_type": "in_refund",
                    "state": "draft",
                    "amount_untaxed": 40,
                    "reversed_entry_id": bill.id,
                }
            ],
        )
        self.assertEqual(
            refund.invoice_line_ids.reversed_line_id, bill.invoice_line_ids
        )
        self.assertEqual(order.order_line.qty_invoiced, 6)
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        with self.assertRaisesRegex(UserError, "no posted bill"):
            back.action_create_vendor_refunds()

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
