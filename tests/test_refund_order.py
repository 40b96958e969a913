from odoo.tests import tagged

from ..tools.credit import CreditRequest
from .sale_common import AvoirSaleCommon


@tagged("post_install", "-at_install")
class TestRefundOrder(AvoirSaleCommon):
    """The refund wizard on invoices of orders: what the order and the warehouse see."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.billing = cls._new_user("billing", "account.group_account_invoice")
        cls.desk = cls._goods("Desk")

    def _sold(self, quantity=5, deliver=True):
        order = self._order((self.desk, quantity, 100.0))
        if deliver:
            self._deliver(order)
        self._bill(order)
        return order

    def _refund(self, order, quantity=None, amount=None, **values):
        invoice = order.invoice_ids.filtered(lambda m: m.move_type == "out_invoice")
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.billing)
            .with_context(
                active_model="account.move", active_ids=invoice.ids, refund_wizard=True
            )
            .create({"refund_reason_id": self.reason.id, **values})
        )
        if quantity:
            wizard.line_ids.quantity = quantity
        if amount:
            wizard.line_ids.write({"kind": "price", "amount": amount})
        wizard.action_credit()
        return wizard.new_move_ids

    def _quantities(self, order):
        line = order.order_line
        return line.qty_delivered, line.qty_invoiced, line.qty_to_invoice

    def test_goods_come_back(self):
        order = self._sold()
        credit_note = self._refund(order, quantity=2, return_goods=True)
        picking = credit_note.return_picking_ids
        self.assertEqual(picking.move_ids.product_uom_qty, 2)
        self.assertEqual(picking.return_id, order.picking_ids - picking)
        self.assertNotEqual(picking.state, "done")
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        picking.move_ids.quantity = 2
        picking.move_ids.picked = True
        picking._action_done()
        self.assertEqual(self._quantities(order), (3, 3, 0))
        self.assertEqual(len(order.invoice_ids), 2)

    def test_goods_never_come_back_twice(self):
        order = self._sold()
        first = self._refund(order, quantity=4, return_goods=True)
        second = self._refund(order, quantity=1, return_goods=True)
        moves = (first | second).return_picking_ids.move_ids
        self.assertEqual(sorted(moves.mapped("product_uom_qty")), [1, 4])

    def test_nothing_comes_back_that_was_not_delivered(self):
        self.desk.invoice_policy = "order"
        order = self._sold(deliver=False)
        credit_note = self._refund(order, quantity=2, return_goods=True)
        self.assertFalse(credit_note.return_picking_ids)

    def test_cancelled_credit_note_expects_no_goods(self):
        order = self._sold()
        credit_note = self._refund(order, quantity=2, return_goods=True, post=False)
        picking = credit_note.return_picking_ids
        credit_note.with_user(self.billing).button_cancel()
        self.assertEqual(picking.state, "cancel")
        again = self._refund(order, quantity=5, return_goods=True)
        self.assertEqual(again.return_picking_ids.move_ids.product_uom_qty, 5)

    def test_price_correction(self):
        """Case 1: the order stays fully invoiced."""
        order = self._sold()
        credit_note = self._refund(order, amount=50, return_goods=True)
        self.assertFalse(credit_note.return_picking_ids)
        self.assertEqual(self._quantities(order), (5, 5, 0))
        self.assertEqual(order.invoice_status, "invoiced")

    def test_invoice_again_or_not(self):
        """Case 5."""
        for again, left in ((False, 0), (True, 5)):
            order = self._sold()
            self._refund(order, refund_method="cancel", invoice_again=again)
            self.assertEqual(order.order_line.qty_to_invoice, left)

    def test_redraft_keeps_the_order(self):
        """Case 7: the replacement invoices the same order lines."""
        order = self._sold()
        draft = self._refund(order, refund_method="redraft")
        self.assertEqual(draft.invoice_line_ids.sale_line_ids, order.order_line)
        self.assertEqual(self._quantities(order), (5, 5, 0))
        draft.invoice_line_ids.quantity = 3
        draft.action_post()
        self.assertEqual(self._quantities(order), (5, 3, 2))

    def test_amount_credited_of_an_invoice_that_deducts_a_down_payment(self):
        """The lines of down payments have no unit to round in."""
        order = self._order((self.desk, 10, 100.0))
        self.env["sale.advance.payment.inv"].with_context(
            active_model="sale.order", active_ids=order.ids, active_id=order.id
        ).create(
            {"advance_payment_method": "percentage", "amount": 30}
        ).create_invoices()
        order.invoice_ids.action_post()
        self._deliver(order)
        final = order._create_invoices(final=True)
        final.action_post()
        total = final.amount_total
        credit_notes = self.env["account.move"]
        for part in (0.25, 0.75):
            credit_notes |= self.env["account.move"]._create_credit_notes(
                [CreditRequest(final, total=final.currency_id.round(total * part))]
            )
        self.env.flush_all()
        self.assertEqual(sum(credit_notes.mapped("amount_total")), total)
        self.assertEqual(final.amount_residual, 0)
