from odoo.exceptions import UserError
from odoo.tests import tagged

from .reversal_common import ReversalCommon


@tagged("post_install", "-at_install")
class TestReversalRedraft(ReversalCommon):
    """Invoices that are cancelled and drafted anew, and those paid early."""

    def test_cancel_and_redraft_of_a_paid_invoice(self):
        """Case 7."""
        invoice = self._invoice(
            [(5, 100, self.vat20)],
            invoice_origin="S00042",
            narration="Thank you",
            invoice_payment_term_id=self.pay_terms_a.id,
        )
        self._pay(invoice)
        self.assertEqual(invoice.amount_residual, 0)
        wizard = self._wizard(invoice, refund_method="redraft")
        self.assertEqual((wizard.residual_after, wizard.owed_after), (0, 0))
        action = wizard.action_credit()
        draft = self.env["account.move"].browse(action["res_id"])
        credit_note = invoice.reversal_move_ids
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual((invoice | credit_note).mapped("amount_residual"), [0, 0])
        self.assertEqual(draft.state, "draft")
        self.assertEqual(draft.move_type, "out_invoice")
        self.assertEqual(draft.replaced_invoice_id, invoice)
        self.assertEqual(draft.invoice_origin, "S00042")
        self.assertIn("Thank you", draft.narration)
        self.assertEqual(draft.invoice_payment_term_id, self.pay_terms_a)
        self.assertFalse(draft.invoice_line_ids.reversed_line_id)
        draft.invoice_line_ids.quantity = 4
        draft.action_post()
        self.assertEqual(draft.amount_total, 480)
        self.assertEqual(draft.amount_residual, 0)
        self.assertFalse(draft.reversed_entry_id)

    def test_redraft_does_not_wait_for_approval(self):
        """Case 8: no replacement beside an invoice that is still open."""
        self.reason.approval_amount = 100
        invoice = self._invoice([(5, 100, self.vat20)])
        with self.assertRaises(UserError) as error:  # undoes what it did
            self._wizard(invoice, refund_method="redraft").action_credit()
        self.assertIn("approval", error.exception.args[0])
        self.assertFalse(invoice.reversal_move_ids | invoice.replacement_invoice_ids)
        manager = self._new_user("manager", "avoir.group_refund_manager")
        self._wizard(invoice, user=manager, refund_method="redraft").action_credit()
        self.assertEqual(invoice.payment_state, "reversed")

    def test_replacements_are_no_duplicates(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        twin = self._invoice([(5, 100, self.vat20)])
        self._wizard(invoice, refund_method="redraft").action_credit()
        draft = invoice.replacement_invoice_ids
        self.assertFalse(draft.duplicated_ref_ids & (invoice | draft))
        self.assertFalse(invoice.duplicated_ref_ids & (draft | twin.reversal_move_ids))
        self.assertIn(twin, invoice.duplicated_ref_ids)

    def test_redraft_after_a_partial_credit(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        first = self._credit(invoice, (0, 2.0))
        self._pay(invoice)
        wizard = self._wizard(invoice, refund_method="redraft")
        wizard.action_credit()
        self.assertEqual(
            (invoice | invoice.reversal_move_ids).mapped("amount_residual"), [0, 0, 0]
        )
        self.assertEqual(first.amount_residual, 0)
        draft = invoice.replacement_invoice_ids
        self.assertEqual(draft.invoice_line_ids.quantity, 5)
        draft.action_post()
        self.assertEqual(draft.amount_residual, 240)

    def _early_payment_term(self, computation):
        return self.env["account.payment.term"].create(
            {
                "name": "2 % in 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "early_pay_discount_computation": computation,
                "line_ids": [(0, 0, {"value": "percent", "value_amount": 100})],
            }
        )

    def test_early_payment_discount_after_a_part_credit(self):
        """Case 12: the discount on the rest stays, and is booked on the rest."""
        for computation, paid in (("included", 940.8), ("excluded", 944.0)):
            term = self._early_payment_term(computation)
            invoice = self._invoice(
                [(5, 200, self.vat20)], invoice_payment_term_id=term.id
            )
            self._credit(invoice, (0, 1.0))
            self.assertEqual(invoice.amount_residual, 960)
            payment = self._pay(invoice)
            self.assertEqual(payment.amount, paid)
            self.assertEqual(invoice.amount_residual, 0)
            loss = self.company.account_journal_early_pay_discount_loss_account_id
            discount = payment.move_id.line_ids.filtered_domain(
                [("account_id", "=", loss.id)]
            )
            self.assertAlmostEqual(sum(discount.mapped("balance")), 16)

    def test_early_payment_discount(self):
        """Case 12: 1200 paid 1176: 1176 is owed back, and the discount with its VAT."""
        invoice = self._invoice(
            [(1, 1000, self.vat20)],
            invoice_payment_term_id=self._early_payment_term("included").id,
        )
        payment = self._pay(invoice)
        self.assertEqual((payment.amount, invoice.amount_residual), (1176, 0))
        wizard = self._wizard(invoice, refund_method="cancel")
        self.assertEqual(wizard.owed_after, 1176)
        wizard.action_credit()
        credit_note = wizard.new_move_ids
        self.assertEqual(credit_note.amount_total, 1176)
        self.assertEqual(credit_note.amount_tax, 196)
        back = credit_note.invoice_line_ids[1]
        self.assertEqual(
            back.account_id,
            self.company.account_journal_early_pay_discount_loss_account_id,
        )
        self.assertEqual(back.price_subtotal, -20)
        with self.assertRaisesRegex(UserError, "nothing to credit"):
            self._credit(invoice)

    def test_early_payment_discount_of_one_of_two_paid_together(self):
        """Each gets back what it paid: the discount is not shared with the other."""
        term = self._early_payment_term("included")
        discounted = self._invoice(
            [(1, 1000, self.vat20)], invoice_payment_term_id=term.id
        )
        other = self._invoice([(1, 1000, self.vat20)], invoice_payment_term_id=False)
        payment = self._pay(discounted | other, group_payment=True)
        self.assertEqual(payment.amount, 2376)
        for invoice, paid in ((discounted, 1176), (other, 1200)):
            self._wizard(invoice, refund_method="cancel").action_credit()
            self.assertEqual(invoice.reversal_move_ids.amount_total, paid)
