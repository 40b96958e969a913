from odoo import fields
from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDiscountCredit(DownPaymentCommon):
    """A discount forgotten on an invoice, or granted outside any (case 20)."""

    def _wizard_on(self, moves, **values):
        return (
            self.env["account.discount.credit"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create(values)
        )

    def _outside(self, **values):
        values = {
            "partner_id": self.partner.id,
            "amount": 100,
            "tax_ids": self.vat20.ids,
            "note": "Bonus of the year",
            **values,
        }
        wizard = (
            self.env["account.discount.credit"]
            .with_user(self.accountant)
            .create(values)
        )
        return self.env["account.move"].browse(wizard.action_credit()["res_id"])

    def test_forgotten_on_an_invoice(self):
        order = self._order((self.ordered, 5, 100.0), (self.delivered, 2, 10.0))
        order.order_line[1].tax_ids = self.vat5
        self._deliver(order)
        invoice = self._bill(order)
        wizard = self._wizard_on(invoice, percent=10)
        self.assertAlmostEqual(wizard.total, 62.11)
        action = wizard.action_credit()
        credit_note = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(credit_note.state, "posted")
        self.assertAlmostEqual(credit_note.amount_total, 62.11)
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        lines = credit_note.invoice_line_ids
        self.assertEqual(lines.product_id, self.env.ref("avoir.product_discount"))
        self.assertTrue(all(lines.mapped("is_price_correction")))
        self.assertEqual(lines.reversed_line_id, invoice.invoice_line_ids)
        self.assertEqual(lines.tax_ids, self.vat20 | self.vat5)
        self.assertEqual(order.order_line.mapped("qty_invoiced"), [5, 2])
        self.assertEqual(order.order_line.mapped("qty_to_invoice"), [0, 0])

    def test_own_account_of_the_product(self):
        rebates = self.advances.copy({"code": "709", "account_type": "income"})
        product = self.env.ref("avoir.product_discount").with_company(self.company)
        product.property_account_income_id = rebates
        invoice = self._invoice([(1, 100.0, self.vat20)])
        wizard = self._wizard_on(invoice, kind="amount", amount=12)
        credit_note = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        self.assertEqual(credit_note.invoice_line_ids.account_id, rebates)
        self.assertEqual(credit_note.amount_untaxed, 10)

    def test_several_invoices(self):
        invoices = self._invoice([(1, 100.0, self.vat20)])
        invoices |= self._invoice([(1, 50.0, self.vat20)])
        self._wizard_on(invoices, percent=10).action_credit()
        self.assertEqual(invoices.reversal_move_ids.mapped("amount_total"), [12, 6])
        with self.assertRefused("one invoice at a time"):
            self._wizard_on(invoices, kind="amount", amount=5).action_credit()

    def test_never_more_than_the_invoice(self):
        invoice = self._invoice([(1, 100.0, self.vat20)])
        for values, text in (
            ({"percent": 0}, "above 0"),
            ({"percent": 101}, "at most 100"),
            ({"kind": "amount", "amount": -1}, "amount"),
            ({"kind": "amount", "amount": 121}, "120.00"),
        ):
            with self.subTest(values), self.assertRefused(text):
                self._wizard_on(invoice, **values).action_credit()
        self.assertFalse(invoice.reversal_move_ids)

    def test_percentage_of_what_is_left(self):
        """No discount on what was credited before; the VAT of each rate is shown."""
        invoice = self._invoice([(2, 50.0, self.vat20), (1, 100.0, self.vat5)])
        self._give_back(invoice, quantity=1)
        wizard = self._wizard_on(invoice, percent=10)
        left = 60 + invoice.invoice_line_ids[1].price_total
        self.assertAlmostEqual(wizard.total, left / 10)
        rates = wizard.tax_totals["subtotals"][0]["tax_groups"]
        shown = sum(group["tax_amount_currency"] for group in rates)
        self.assertEqual(len(rates), len((self.vat20 | self.vat5).tax_group_id))
        action = wizard.action_credit()
        credit_note = self.env["account.move"].browse(action["res_id"])
        self.assertAlmostEqual(credit_note.amount_tax, shown)
        self.assertAlmostEqual(credit_note.amount_total, left / 10)

    def test_nothing_left(self):
        invoice = self._invoice([(1, 100.0, self.vat20)])
        self._give_back(invoice, quantity=1)
        with self.assertRefused(invoice.name):
            self._wizard_on(invoice)

    def test_button_says_whether_it_posts(self):
        invoice = self._invoice([(1, 100.0, self.vat20)])
        wizard = self._wizard_on(invoice, percent=10)
        self.assertTrue(wizard.will_post)
        wizard.date = "2099-01-01"
        self.assertFalse(wizard.will_post)
        wizard.date = fields.Date.today()
        wizard.reason_id.sudo().approval_amount = 11
        wizard.invalidate_recordset(["will_post"])
        self.assertFalse(wizard.will_post)
        wizard.percent = 5
        self.assertTrue(wizard.will_post)

    def test_too_much_is_said_before_the_button(self):
        invoice = self._invoice([(1, 100.0, self.vat20)])
        wizard = self._wizard_on(invoice, kind="amount", amount=121)
        self.assertIn("120.00", wizard.preview_message)
        self.assertFalse(wizard.tax_totals)

    def test_outside_any_invoice(self):
        """Case 20: marked, with its reason; to the cent with its taxes."""
        credit_note = self._outside()
        self.assertEqual(credit_note.state, "posted")
        self.assertTrue(credit_note.is_without_invoice)
        self.assertEqual(credit_note.amount_total, 100)
        self.assertEqual(credit_note.amount_untaxed, 83.33)
        self.assertEqual(
            credit_note.refund_reason_id, self.env.ref("avoir.refund_reason_rebate")
        )
        self.assertTrue(credit_note.invoice_line_ids.is_price_correction)
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", credit_note.ids
        )
        self.assertIn(b"corrects no particular invoice", html)

    def test_outside_with_tax_included(self):
        credit_note = self._outside(tax_ids=self.vat20_included.ids, amount=99.99)
        self.assertEqual(credit_note.amount_total, 99.99)

    def test_outside_in_another_currency(self):
        euros = self.setup_other_currency("EUR", rates=[("2026-01-01", 2.0)])
        credit_note = self._outside(currency_id=euros.id, amount=120)
        self.assertEqual(credit_note.amount_total, 120)
        self.assertEqual(credit_note.amount_total_signed, -60)

    def test_outside_needs_an_explanation(self):
        with self.assertRefused("asks for an explanation"):
            self._outside(note=False)

    def test_outside_waits_for_approval(self):
        self.env.ref("avoir.refund_reason_rebate").approval_amount = 50
        credit_note = self._outside()
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.refund_approval, "to_approve")

    def test_on_an_invoice_of_another_company(self):
        """Opened from an invoice, the dialog is of the invoice's company."""
        invoice = self._invoice([(1, 100.0, self.vat20)])
        self.company.account_sale_tax_id = self.vat20
        other = self.setup_other_company(name="Other")["company"]
        self.accountant.company_ids += other
        self.accountant.company_id = other
        wizards = self.env["account.discount.credit"].with_user(self.accountant)
        wizard = wizards.with_context(
            active_model="account.move",
            active_ids=invoice.ids,
            allowed_company_ids=[other.id, self.company.id],
        ).create({"percent": 10})
        self.assertEqual(wizard.company_id, self.company)
        self.assertEqual(wizard.tax_ids, self.vat20)
        wizard.action_credit()
        self.assertEqual(invoice.reversal_move_ids.amount_total, 12)
        self.assertEqual(invoice.reversal_move_ids.company_id, self.company)

    def test_pressed_twice(self):
        invoice = self._invoice([(1, 100.0, self.vat20)])
        wizard = self._wizard_on(invoice, percent=10)
        self.assertEqual(wizard.action_credit(), wizard.action_credit())
        self.assertEqual(len(invoice.reversal_move_ids), 1)

    def test_in_the_future(self):
        """Case 8: postponed whole, to be posted on its day."""
        invoice = self._invoice([(1, 100.0, self.vat20)])
        for wizard in (
            self._wizard_on(invoice, percent=10, date="2099-01-01"),
            self.env["account.discount.credit"]
            .with_user(self.accountant)
            .create(
                {
                    "partner_id": self.partner.id,
                    "amount": 10,
                    "note": "Bonus",
                    "date": "2099-01-01",
                }
            ),
        ):
            wizard.action_credit()
            credit_note = wizard.credit_note_ids
            self.assertEqual(credit_note.state, "draft")
            self.assertEqual(credit_note.auto_post, "at_date")
        self.assertEqual(invoice.amount_residual, 120)
