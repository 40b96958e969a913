from odoo.exceptions import UserError
from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestOrderCancel(DownPaymentCommon):
    """Orders cancelled after they were invoiced, delivered, paid (case 32)."""

    def _wizard_of(self, order, user=None, **values):
        order.invalidate_recordset()
        action = order.with_user(user or self.env.user).action_open_cancel()
        return (
            self.env["sale.order.cancel"]
            .with_user(user or self.env.user)
            .with_context(**action["context"])
            .create(values)
        )

    def _cancel(self, order, user=None, **values):
        before = order.invoice_ids
        self._wizard_of(order, user, **values).action_cancel_order()
        order.invalidate_recordset()
        self.assertEqual(order.state, "cancel")
        return order.invoice_ids - before

    def _pay(self, moves, **values):
        return (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create(values)
            ._create_payments()
        )

    def test_nothing_invoiced(self):
        order = self._order((self.delivered, 3))
        self.assertFalse(order.action_open_cancel())
        self.assertEqual(order.state, "cancel")
        self.assertEqual(set(order.picking_ids.mapped("state")), {"cancel"})

    def test_after_paid_down_payment(self):
        """Case 32: credit note, money refundable, transfers cancelled."""
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        self._pay(down)
        credit_note = self._cancel(order, self._both)
        self.assertEqual(set(order.picking_ids.mapped("state")), {"cancel"})
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.amount_total, 360)
        self.assertEqual(credit_note.amount_residual, 360)
        self.assertEqual(credit_note.reversed_entry_id, down)
        self.assertFalse(order.uncredited_invoice_ids)
        self.assertEqual(self._balance(), 0)
        with self.assertRefused("more than is owed back"):
            self._pay(credit_note, amount=400)
        self._pay(credit_note)
        self.assertEqual(credit_note.amount_residual, 0)
        self.assertIn(credit_note.payment_state, ("paid", "in_payment"))

    def test_by_sales(self):
        """Salespeople cancel; what they credit waits for approval."""
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        credit_note = self._cancel(order, self.salesman)
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.refund_approval, "to_approve")
        self.assertFalse(order.uncredited_invoice_ids)

    def test_a_draft_credits_nothing_yet(self):
        """The order says so, to who reads it, until the credit note is posted."""
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        self._pay(down, amount=90)
        credit_note = self._cancel(order, self.salesman)
        order = order.with_user(self.salesman)
        self.assertIn("90.00", order.waiting_credit_text)
        self.assertIn(down.name, order.waiting_credit_text)
        self.assertIn("not credited before", order.message_ids[0].body)
        self.assertIn(f'data-oe-id="{credit_note.id}"', order.message_ids[0].body)
        credit_note._open_lock().refund_approval = "none"
        credit_note.action_post()
        self.assertFalse(order.waiting_credit_text)

    def test_unpaid_draft(self):
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        self._cancel(order, self.salesman)
        self.assertIn(down.name, order.waiting_credit_text)
        self.assertNotIn("paid", order.waiting_credit_text)

    def test_refused(self):
        """Who sold is told by whom, and an accountant has something to do."""
        order = self._order((self.ordered, 10), user_id=self.salesman.id)
        self._take(order, 30)
        credit_note = self._cancel(order, self.salesman)
        self.assertEqual(order.credit_note_count, 1)
        manager = self._new_user("dp_manager", "avoir.group_refund_manager")
        self.company.return_credit_user_id = manager
        order.activity_ids.unlink()
        credit_note.with_user(manager)._refuse_refund("Delivered after all")
        message = order.message_ids[0]
        self.assertIn(f"{manager.name} has refused", message.body)
        self.assertIn(self.salesman.partner_id, message.partner_ids)
        self.assertEqual(order.activity_ids.user_id, manager)
        self.assertFalse(order.waiting_credit_text)
        self.assertTrue(order.uncredited_invoice_names)
        self.assertEqual(order.credit_note_count, 0)

    def test_after_final_invoice(self):
        """What was deducted comes back once."""
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        self._final(order)
        credit_notes = self._cancel(order)
        self.assertEqual(sorted(credit_notes.mapped("amount_total")), [360, 840])
        self.assertEqual(self._balance(), 0)
        self.assertEqual(order.down_payment_left, 0)

    def test_part_credited_before(self):
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        self._give_back(down, amount=100)
        self.assertEqual(self._cancel(order).amount_total, 240)
        self.assertEqual(self._balance(), 0)

    def test_delivered_goods_come_back(self):
        order = self._order((self.delivered, 10))
        self._take(order, 50)
        self._deliver(order, 4)
        self._final(order)
        credit_notes = self._cancel(order)
        self.assertEqual(sum(credit_notes.mapped("amount_untaxed")), 500)
        back = order.picking_ids.filtered(
            lambda picking: picking.picking_type_code == "incoming"
        )
        self.assertEqual(sum(back.move_ids.mapped("product_uom_qty")), 4)
        self.assertEqual(self._balance(), 0)

    def test_delivered_goods_stay(self):
        """Ordered quantities were invoiced, 2 of 10 were delivered and stay."""
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        self._deliver(order, 2)
        final = self._final(order)
        credit_notes = self._cancel(order, delivered_goods="keep")
        self.assertEqual(final.amount_total, 840)
        back = sum(credit_notes.mapped("amount_total"))
        self.assertEqual(840 + 360 - back, 240)
        self.assertEqual(self._balance(), 0)

    def test_left_out_stays_in_sight(self):
        """An invoice that is not credited is named on the order, with an activity."""
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        wizard = self._wizard_of(order)
        wizard.line_ids.credit = False
        wizard.action_cancel_order()
        order.invalidate_recordset()
        self.assertEqual(order.uncredited_invoice_names, down.name)
        self.assertTrue(order.activity_ids)
        self._cancel_again(order)

    def _cancel_again(self, order):
        self._wizard_of(order).action_cancel_order()
        order.invalidate_recordset()
        self.assertFalse(order.uncredited_invoice_names)

    def test_cancelled_by_a_program(self):
        order = self._order((self.ordered, 10))
        down = self._take(order, 30)
        order._action_cancel()
        order.invalidate_recordset()
        self.assertEqual(order.uncredited_invoice_ids, down)
        self.assertTrue(order.activity_ids)

    def test_twice(self):
        """A second click finds nothing left."""
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        first, second = self._wizard_of(order), self._wizard_of(order)
        first.action_cancel_order()
        second.action_cancel_order()
        order.invalidate_recordset()
        self.assertEqual(len(order.invoice_ids), 2)

    def test_new_quotation(self):
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        action = self._wizard_of(order, new_quotation=True).action_cancel_order()
        copy = self.env["sale.order"].browse(action["res_id"])
        self.assertEqual(copy.state, "draft")
        self.assertEqual(copy.order_line.product_uom_qty, 10)
        self.assertFalse(copy.order_line.filtered("is_downpayment"))

    @property
    def _both(self):
        """A user who sells and invoices."""
        user = self.accountant
        user.group_ids += self.env.ref("sales_team.group_sale_salesman_all_leads")
        return user

    def test_locked(self):
        order = self._order((self.ordered, 10))
        self._take(order, 30)
        order.action_lock()
        with self.assertRaises(UserError):
            self._cancel(order)
