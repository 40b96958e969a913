from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..tools.credit import ChargeLine
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteByHand(AvoirCommon):
    """Credit notes and invoices changed by hand after the addon made them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.yen = cls.setup_other_currency(
            "JPY", rounding=1, rates=[("2020-01-01", 100.0)]
        )

    def test_other_currency(self):
        """1000 yen are not credited by 1000 of the company's currency."""
        invoice = self._invoice([(1, 1000, self.vat20)], currency_id=self.yen.id)
        draft = self._credit(invoice, post=False)
        draft.currency_id = self.company.currency_id
        with self.assertRaisesRegex(UserError, f"{invoice.name}.*the invoice in JPY"):
            draft.action_post()

    def test_free_line_in_other_currency(self):
        invoice = self._invoice([(1, 1000, self.vat20)], currency_id=self.yen.id)
        draft = self._credit(invoice, post=False)
        draft.write(
            {
                "currency_id": self.company.currency_id.id,
                "invoice_line_ids": [
                    Command.clear(),
                    Command.create({"name": "Goodwill", "price_unit": 900}),
                ],
            }
        )
        with self.assertRaisesRegex(UserError, "the invoice in JPY"):
            draft.action_post()

    def test_other_customer(self):
        invoice = self._invoice([(1, 1000, self.vat20)])
        draft = self._credit(invoice, post=False)
        draft.partner_id = self.partner_b
        with self.assertRaisesRegex(UserError, "the invoice for Wassenaar BV"):
            draft.action_post()
        draft.partner_id = self.env["res.partner"].create(
            {"name": "Invoices", "parent_id": self.partner.id}
        )
        draft.action_post()
        self.assertEqual(draft.state, "posted")

    def test_invoice_not_posted(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        draft = self._credit(invoice, (0, 2.0), post=False)
        invoice.button_draft()
        with self.assertRaisesRegex(UserError, "not posted"):
            draft.action_post()
        invoice.button_cancel()
        with self.assertRaisesRegex(UserError, "not posted"):
            draft.action_post()
        invoice.button_draft()
        invoice.action_post()
        draft.action_post()
        self.assertEqual(invoice.amount_residual, 360)

    def test_posted_together(self):
        """An invoice and its credit note, both reset to draft, posted in one call."""
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = self._credit(invoice, (0, 2.0))
        credit_note.button_draft()
        invoice.button_draft()
        (credit_note | invoice).action_post()
        self.assertEqual(invoice.amount_residual, 360)
        self.assertEqual(credit_note.amount_residual, 0)

    def test_invoice_made_smaller(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        self._credit(invoice, (0, 4.0))
        invoice.button_draft()
        invoice.invoice_line_ids.quantity = 1
        with self.assertRaisesRegex(UserError, "4 of 1"):
            invoice.action_post()
        invoice.invoice_line_ids.quantity = 4
        invoice.action_post()
        self.assertEqual(invoice.state, "posted")

    def test_invoice_cancelled_or_deleted(self):
        """No credit note is left without its invoice."""
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = self._credit(invoice)
        with self.assertRaisesRegex(UserError, credit_note.name):
            invoice.button_cancel()
        invoice.button_draft()
        with self.assertRaisesRegex(UserError, credit_note.name):
            invoice.unlink()
        (invoice | credit_note).button_cancel()
        self.assertEqual(invoice.state, "cancel")

    def test_made_an_invoice(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        line = invoice.invoice_line_ids
        draft = self._credit(invoice, (0, 2.0), post=False)
        self.assertEqual(line.creditable_quantity, 3)
        draft.action_switch_move_type()
        self.assertEqual(draft.move_type, "out_invoice")
        self.assertFalse(draft.reversed_entry_id)
        self.assertFalse(draft.invoice_line_ids.reversed_line_id)
        self.assertEqual((line.creditable_quantity, line.creditable_subtotal), (5, 500))

    def test_less_than_nothing(self):
        """A credit note does not charge more of a line, to credit it another time."""
        invoice = self._invoice([(5, 100, self.vat20), (5, 100, self.vat20)])
        draft = self._credit(invoice, (0, 2.0), (1, 5.0), post=False)
        draft.invoice_line_ids[0].quantity = -3
        with self.assertRaisesRegex(UserError, "-3 of 5"):
            draft.action_post()

    def test_fee_above_the_credit(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        with self.assertRaisesRegex(UserError, "More is kept back"):
            self._credit(invoice, (0, 1.0), charges=[ChargeLine(self.product_b, 500.0)])
        self.assertFalse(invoice.reversal_move_ids)

    def test_nothing_asked(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        with self.assertRaisesRegex(UserError, "nothing to credit"):
            self._credit(invoice, (0,))

    # -- the wizard --------------------------------------------------------------------

    def _wizard(self, invoice, **values):
        return (
            self.env["account.move.reversal"]
            .with_context(
                active_model="account.move", active_ids=invoice.ids, refund_wizard=True
            )
            .create({"refund_reason_id": self.reason.id, **values})
        )

    def test_pressed_twice(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        wizard = self._wizard(invoice, refund_method="partial")
        wizard.line_ids.quantity = 1
        first = wizard.action_credit()
        self.assertEqual(wizard.action_credit()["res_id"], first["res_id"])
        self.assertEqual(len(invoice.reversal_move_ids), 1)

    def test_core_s_button_redrafts_the_whole(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        wizard = self._wizard(invoice, refund_method="partial")
        wizard.line_ids.quantity = 1
        wizard.modify_moves()
        self.assertEqual(invoice.reversal_move_ids.refund_method, "redraft")
        self.assertEqual(invoice.amount_residual, 0)

    def test_redraft_keeps_nothing_back(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        wizard = self._wizard(
            invoice,
            refund_method="redraft",
            fee_type="amount",
            fee_value=50,
            fee_product_id=self.product_b.id,
        )
        wizard.action_credit()
        self.assertEqual(invoice.amount_residual, 0)

    def test_replaced_invoice_stays_cancelled(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        self._wizard(invoice, refund_method="redraft").action_credit()
        replacement = invoice.replacement_invoice_ids
        with self.assertRaisesRegex(UserError, "replaces"):
            invoice.reversal_move_ids.button_draft()
        self.assertEqual(invoice.amount_residual, 0)
        replacement.unlink()
        invoice.reversal_move_ids.button_draft()
        self.assertEqual(invoice.amount_residual, 600)
