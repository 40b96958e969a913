from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .return_common import AvoirReturnCommon


@tagged("post_install", "-at_install")
class TestReturnVerdicts(AvoirReturnCommon):
    """What a warehouse says of the goods that came, and where they go."""

    def test_receives_two_of_three_with_one_refused(self):
        order = self.sold()
        back = self.announce(order, 3, refund_reason_id=self.reason)
        self.receive(back, 2, refused=1)
        self.assertEqual(
            back.move_ids.mapped(lambda m: (m.return_verdict, m.quantity, m.to_refund)),
            [("stock", 1, True), ("refused", 1, False)],
        )
        self.assertEqual(sum(back.move_ids.mapped("return_announced_qty")), 3)
        # one is expected still, of the same return
        rest = back.backorder_ids
        self.assertRecordValues(
            rest,
            [
                {
                    "return_id": back.return_id.id,
                    "refund_reason_id": self.reason.id,
                    "return_state": "expected",
                }
            ],
        )
        self.assertEqual(rest.move_ids.product_uom_qty, 1)
        # one goes to the customer again
        again = back.return_ids
        self.assertEqual(again.return_kind, "again")
        self.assertEqual(again.move_ids.quantity, 1)
        self.assertFalse(again.move_ids.to_refund)
        # one is credited, for the reason that was told
        note = self.credit_notes(order)
        self.assertRecordValues(
            note,
            [
                {
                    "state": "posted",
                    "amount_total": 120.0,
                    "refund_reason_id": self.reason.id,
                    "reversed_entry_id": (order.invoice_ids - note).id,
                    "return_picking_ids": back.ids,
                }
            ],
        )
        self.assertEqual(back.return_state, "credited")
        self.assertEqual(order.order_line.qty_delivered, 4)
        self.assertToInvoice(order.order_line, 0, invoiced=4)
        self._validate(again)
        self.assertEqual(order.order_line.qty_delivered, 4)
        self.assertEqual(back.return_state, "credited")
        self.receive(rest)
        self.assertEqual(len(self.credit_notes(order)), 2)
        self.assertToInvoice(order.order_line, 0, invoiced=3)

    def test_each_verdict_has_its_place(self):
        order = self.sold()
        before = self.on_hand(self.delivered, self.stock)
        back = self.receive(self.announce(order, 5), scrap=1, repair=1, refused=1)
        self.assertEqual(
            sorted(back.move_ids.filtered("return_verdict").mapped("return_verdict")),
            ["refused", "repair", "scrap", "stock"],
        )
        scrap = self.env["stock.scrap"].search([("picking_id", "=", back.id)])
        self.assertRecordValues(
            scrap, [{"scrap_qty": 1, "state": "done", "location_id": self.stock.id}]
        )
        # What leaves the stock again is no line of what came back.
        self.assertNotIn(scrap.move_ids, back.move_ids)
        self.assertTrue(back.has_scrap_move)
        repair = self.warehouse.return_repair_location_id
        self.assertEqual(self.on_hand(self.delivered, repair), 1)
        # two to stock; the refused one waits there, reserved for its way back
        self.assertEqual(self.on_hand(self.delivered, self.stock), before + 2)
        self.assertEqual(self.credit_notes(order).invoice_line_ids.quantity, 4)
        self.receive(self.announce(self.sold(), 1), repair=1)
        self.assertEqual(self.on_hand(self.delivered, repair), 2)

    def test_all_is_refused(self):
        order = self.sold()
        back = self.receive(self.announce(order, 2), refused=2)
        self.assertEqual(back.move_ids.return_verdict, "refused")
        self.assertFalse(self.credit_notes(order))
        self.assertEqual(back.return_state, "received")
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=5)
        again = back.return_ids
        self._validate(again)
        # and the other three can still come back
        first = order.picking_ids.sorted("id")[0]
        self.receive(self._return(first, 3, done=False))
        self.assertEqual(self.credit_notes(order).amount_untaxed, 300)

    def test_refused_comes_back_later(self):
        order = self.sold()
        back = self.receive(self.announce(order, 2), refused=1)
        again = back.return_ids
        self._validate(again)
        late = self._return(again, 1, done=False)
        self.assertEqual(late.return_kind, "customer")
        self.receive(late)
        self.assertEqual(order.order_line.qty_delivered, 3)
        self.assertEqual(self.credit_notes(order).mapped("amount_untaxed"), [100, 100])
        with self.assertRaisesRegex(UserError, "no more than"):
            self._return(again, 1)

    def test_refused_and_credited(self):
        self.company.return_credit_refused = True
        order = self.sold()
        back = self.receive(self.announce(order, 2), refused=1)
        notes = self.credit_notes(order)
        self.assertEqual(notes.mapped("amount_untaxed"), [100, 100])
        self.assertEqual(notes.mapped("return_goods"), [True, False])
        self.assertEqual(back.return_state, "credited")
        self.assertToInvoice(order.order_line, 0, invoiced=3)
        self.assertEqual(order.order_line.qty_delivered, 4)

    def test_verdicts_that_cannot_be(self):
        back = self.announce(self.sold(), 3)
        with self.assertRaisesRegex(UserError, "2 received, and more than that"):
            self.receive(back, 2, scrap=2, refused=1)
        with self.assertRaises(ValidationError):
            back.move_ids.return_scrap_qty = -1
        self.receive(back, 3, scrap=1, refused=0)
        with self.assertRaisesRegex(UserError, "what was said of the goods stands"):
            back.move_ids[0].return_refused_qty = 1

    def test_lots_have_a_verdict_each(self):
        product = self._goods("In lots", tracking="lot")
        lots = self.env["stock.lot"].create(
            [{"name": name, "product_id": product.id} for name in "XY"]
        )
        for lot in lots:
            self.env["stock.quant"]._update_available_quantity(
                product, self.stock, 2, lot_id=lot
            )
        order = self._order((product, 4))
        order.picking_ids.action_assign()
        order.picking_ids.button_validate()
        self._bill(order)
        wizard = self.env["stock.return.picking"].create(
            {"picking_id": order.picking_ids.id}
        )
        self.assertEqual(wizard.product_return_moves.returnable_lots, "X (2), Y (2)")
        back = self.announce(order, 4)
        with self.assertRaisesRegex(UserError, "which of them"):
            self.receive(back, refused=1)
        back.move_ids.return_refused_qty = 0
        line = back.move_line_ids.filtered(lambda one: one.lot_id == lots[1])
        line.return_verdict = "refused"
        self.receive(back)
        self.assertEqual(
            back.move_ids.mapped(lambda m: (m.return_verdict, m.lot_ids.name)),
            [("stock", "X"), ("refused", "Y")],
        )
        self.assertEqual(back.return_ids.move_line_ids.lot_id, lots[1])
        self.assertEqual(self.credit_notes(order).amount_untaxed, 200)

    def test_part_of_a_dozen(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        order = self.sold((self.delivered, 1, 120.0, dozen))
        moves = order.picking_ids.move_ids
        back = self.env["stock.picking"]._create_returns({moves: 5})
        self.receive(back, refused=1)
        note = self.credit_notes(order)
        self.assertEqual(note.amount_untaxed, 40)
        self.assertEqual(back.return_state, "credited")
