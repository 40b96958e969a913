from datetime import timedelta

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from ..tools.credit import CreditLine, CreditRequest
from .reversal_common import ReversalCommon


@tagged("post_install", "-at_install")
class TestReversalWizard(ReversalCommon):
    def test_form_credits_two_of_three_lines(self):
        invoice = self._invoice(
            [(5, 100, self.vat20), (2, 50, self.vat5), (1, 10, self.vat20)]
        )
        action = invoice.with_user(self.billing).action_reverse()
        context = {
            "active_model": "account.move",
            "active_ids": invoice.ids,
            "refund_wizard": True,
        }
        self.assertIn("refund_wizard", str(action["context"]))
        wizard_model = self.env["account.move.reversal"].with_user(self.billing)
        form = Form(wizard_model.with_context(**context))
        self.assertEqual(form.refund_method, "partial")
        form.refund_reason_id = self.reason
        with form.line_ids.edit(0) as line:
            line.quantity = 2
            self.assertEqual(line.amount, 200)
        with form.line_ids.edit(1) as line:
            line.kind = "price"
            line.amount = 20
        self.assertEqual(form.credit_total, 240 + 21.1)
        self.assertEqual(form.residual_after, invoice.amount_total - 261.1)
        residual = form.residual_after
        action = form.save().action_credit()
        credit_note = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.amount_total, 261.1)
        self.assertEqual(credit_note.refund_reason_id, self.reason)
        self.assertEqual(credit_note.refund_method, "partial")
        self.assertEqual(invoice.amount_residual, residual)
        self.assertIn(self.reason.name, invoice.message_ids[:1].body)

    def test_preview_is_what_is_created(self):
        """Totals, VAT by rate and residuals, to the cent."""
        for values in (
            {"refund_method": "cancel"},
            {"credit_by": "amount", "credit_amount": 33.33},
            {"credit_by": "percent", "credit_percent": 33.0},
            {
                "refund_method": "cancel",
                "fee_type": "percent",
                "fee_value": 10.0,
                "fee_product_id": self.product_b.id,
            },
        ):
            with self.subTest(**values):
                invoice = self._invoice([(3, 33.33, self.vat20), (1, 19.99, self.vat5)])
                wizard = self._wizard(invoice, **values)
                totals, residual = wizard.tax_totals, wizard.residual_after
                self.assertFalse(wizard.preview_message)
                wizard.action_credit()
                credit_note = wizard.new_move_ids
                self.assertEqual(credit_note.amount_total, wizard.credit_total)
                self.assertAlmostEqual(
                    totals["total_amount_currency"], credit_note.amount_total, 6
                )
                self.assertEqual(self._vat(totals), self._vat(credit_note.tax_totals))
                self.assertAlmostEqual(invoice.amount_residual, residual, 2)

    def _vat(self, totals):
        return [
            (group["group_name"], group["tax_amount_currency"])
            for subtotal in totals["subtotals"]
            for group in subtotal["tax_groups"]
        ]

    def test_price_corrections_before_are_shown(self):
        invoice = self._invoice([(2, 50.0, self.vat20)])
        self.assertFalse(self._wizard(invoice, refund_method="partial").has_credits)
        line = CreditLine(invoice.invoice_line_ids, 0.0, 12.4)
        self.env["account.move"]._create_credit_notes([CreditRequest(invoice, [line])])
        wizard = self._wizard(invoice, refund_method="partial")
        self.assertTrue(wizard.has_credits)
        self.assertEqual(wizard.line_ids.credited_subtotal, 12.4)

    def test_fill_and_clear(self):
        invoice = self._invoice([(5, 100, self.vat20), (2, 50, self.vat5)])
        self._credit(invoice, (0, 2.0))
        form = Form(self._wizard(invoice))
        form.fill = "all"
        self.assertEqual(self._asked(form), [(3, 300), (2, 100)])
        form.fill = "none"
        self.assertEqual(self._asked(form), [(0, 0), (0, 0)])
        form.fill = "all"
        form.save().action_credit()
        self.assertEqual(invoice.amount_residual, 0)

    def _asked(self, form):
        lines = [form.line_ids.edit(i) for i in range(len(form.line_ids))]
        return [(line.quantity, line.amount) for line in lines]

    def test_restocking_fee(self):
        """Case 14: a line of its own, of opposite sign, on its own account."""
        invoice = self._invoice([(2, 100, self.vat20)])
        self.product_b.write(
            {
                "taxes_id": [(6, 0, self.vat5.ids)],
                "property_account_income_id": self.company_data[
                    "default_account_revenue"
                ]
                .copy()
                .id,
            }
        )
        wizard = self._wizard(
            invoice,
            refund_method="cancel",
            fee_type="amount",
            fee_value=15,
            fee_product_id=self.product_b.id,
        )
        wizard.action_credit()
        credit_note = wizard.new_move_ids
        credited, fee = credit_note.invoice_line_ids
        self.assertEqual(credited.quantity, 2)
        self.assertEqual(fee.price_subtotal, -15)
        self.assertEqual(fee.account_id, self.product_b.property_account_income_id)
        self.assertEqual(fee.tax_ids, self.vat5)
        self.assertEqual(credit_note.amount_total, 240 - 15.83)
        self.assertEqual(invoice.amount_residual, 15.83)
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 0)

    def test_what_a_cron_credits_waits_too(self):
        self.reason.approval_amount = 100
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = (
            self.env(su=True, user=SUPERUSER_ID)["account.move"]
            .with_company(self.company)
            ._create_credit_notes(
                [CreditRequest(invoice, values={"refund_reason_id": self.reason.id})]
            )
        )
        self.assertEqual(credit_note.refund_approval, "to_approve")
        self.assertEqual(credit_note.state, "draft")

    def test_owed_back_is_said(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        self._pay(invoice)
        wizard = self._wizard(invoice, refund_method="cancel")
        self.assertEqual((wizard.residual_after, wizard.owed_after), (0, 600))
        wizard.action_credit()
        self.assertEqual(wizard.new_move_ids.amount_residual, 600)
        self.assertIn("avoir_owed_back", wizard.new_move_ids._get_alerts())
        unpaid = self._invoice([(5, 90, self.vat20)])
        self.assertNotIn("avoir_owed_back", self._credit(unpaid)._get_alerts())

    def test_several_invoices_from_the_list(self):
        invoices = self._invoice([(5, 100, self.vat20)])
        invoices |= self._invoice([(2, 50, self.vat5)])
        wizard = self._wizard(invoices)
        self.assertEqual(wizard.refund_method, "cancel")
        self.assertRegex(wizard.summary, "2 .*705.50")
        action = wizard.action_credit()
        self.assertEqual(len(wizard.new_move_ids), 2)
        self.assertEqual(action["domain"], [("id", "in", wizard.new_move_ids.ids)])
        self.assertEqual(invoices.mapped("amount_residual"), [0, 0])

    def test_percentage_of_several_invoices(self):
        invoices = self._invoice([(5, 100, self.vat20)])
        invoices |= self._invoice([(2, 50, self.vat5)])
        wizard = self._wizard(
            invoices, refund_method="partial", credit_by="percent", credit_percent=10
        )
        wizard.action_credit()
        self.assertEqual(wizard.new_move_ids.mapped("amount_total"), [60, 10.55])
        for credit_by in ("line", "amount"):
            with self.assertRaisesRegex(UserError, "one by one"):
                self._wizard(
                    invoices,
                    refund_method="partial",
                    credit_by=credit_by,
                    credit_amount=10,
                ).action_credit()

    def test_reason_gives_the_defaults(self):
        self.reason.write({"refund_method": "cancel", "invoice_again": True})
        form = Form(self._wizard(self._invoice([(5, 100, self.vat20)])))
        form.refund_reason_id = self.env["account.refund.reason"]
        form.refund_method = "partial"
        form.refund_reason_id = self.reason
        self.assertEqual(form.refund_method, "cancel")
        self.assertTrue(form.save().invoice_again)

    def test_draft_and_future_date(self):
        """Case 8: no cancellation is postponed, a part credit waits as a draft."""
        invoice = self._invoice([(5, 100, self.vat20)])
        tomorrow = fields.Date.today() + timedelta(days=1)
        for method in ("cancel", "redraft"):
            with self.assertRaisesRegex(UserError, "takes effect at once"):
                self._wizard(
                    invoice, refund_method=method, date=tomorrow
                ).action_credit()
        self.assertFalse(invoice.reversal_move_ids)
        wizard = self._wizard(
            invoice, credit_by="amount", credit_amount=60, date=tomorrow
        )
        wizard.action_credit()
        credit_note = wizard.new_move_ids
        self.assertEqual(
            (credit_note.state, credit_note.auto_post), ("draft", "at_date")
        )
        self.assertEqual(invoice.amount_residual, 600)

    def test_bad_input_writes_nothing(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        line = invoice.invoice_line_ids

        def asked(**values):
            return {"line_ids": [(0, 0, {"move_line_id": line.id, **values})]}

        archived = self.reason.copy({"code": "OLD", "active": False})
        noted = self.reason.copy({"code": "NOTED", "note_required": True})
        for values, message in (
            (asked(quantity=-1), "cannot be credited"),
            (asked(quantity=6), "Left to credit: 5"),
            (asked(kind="price", amount=500.01), "only"),
            (asked(), "No line"),
            ({"credit_by": "amount"}, "above zero"),
            ({"credit_by": "amount", "credit_amount": -1}, "above zero"),
            ({"credit_by": "amount", "credit_amount": 600.01}, "only"),
            ({"credit_by": "percent", "credit_percent": 101}, "at most 100"),
            ({"refund_reason_id": False}, "reason"),
            (
                {"refund_reason_id": archived.id, "refund_method": "cancel"},
                "archived",
            ),
            (
                {"refund_reason_id": noted.id, "refund_method": "cancel"},
                "explanation",
            ),
            (
                {"refund_method": "cancel", "fee_type": "amount", "fee_value": -1},
                "fee",
            ),
            ({"refund_method": "cancel", "date": "2001-01-01"}, "before"),
        ):
            with self.subTest(message=message, **values):
                with self.assertRaisesRegex(UserError, message):
                    self._wizard(
                        invoice, **{"refund_method": "partial", **values}
                    ).action_credit()
        self.assertFalse(invoice.reversal_move_ids)
        self.assertEqual(invoice.amount_residual, 600)

    def test_drafts_and_mixed_companies_are_refused(self):
        draft = self._invoice([(5, 100, self.vat20)], post=False)
        with self.assertRaisesRegex(UserError, "posted"):
            self._wizard(draft)
        refund = self._credit(self._invoice([(1, 100, self.vat20)]))
        with self.assertRaisesRegex(UserError, "not an invoice"):
            self._wizard(refund | self._invoice([(1, 100, self.vat20)]))

    def test_reason_of_another_company(self):
        other = self.setup_other_company()["company"]
        foreign = self.env["account.refund.reason"].create(
            {"name": "Foreign", "code": "FOREIGN", "company_id": other.id}
        )
        invoice = self._invoice([(5, 100, self.vat20)])
        with self.assertRaises(UserError):
            self._wizard(
                invoice, refund_method="cancel", refund_reason_id=foreign.id
            ).action_credit()
        self.assertFalse(invoice.reversal_move_ids)

    def test_send_by_mail(self):
        self.partner.email = "client@example.com"
        invoice = self._invoice([(5, 100, self.vat20)])
        wizard = self._wizard(invoice, refund_method="cancel", send=True)
        wizard.action_credit()
        credit_note = wizard.new_move_ids
        self.assertTrue(credit_note.is_move_sent)
        mail = credit_note.message_ids.filtered(lambda m: m.partner_ids == self.partner)
        self.assertTrue(mail.attachment_ids)

    def test_journal_entries_keep_core_s_wizard(self):
        entry = self.env["account.move"].create(
            {
                "line_ids": [
                    (0, 0, {"account_id": account.id, "balance": balance})
                    for account, balance in (
                        (self.company_data["default_account_revenue"], 10),
                        (self.company_data["default_account_expense"], -10),
                    )
                ]
            }
        )
        entry.action_post()
        wizard = self._wizard(entry, user=self.env.user, journal_id=entry.journal_id.id)
        self.assertFalse(wizard.refund_method)
        wizard.reverse_moves()
        self.assertEqual(wizard.new_move_ids.reversed_entry_id, entry)

    def test_warehouse_users_cannot_run_it(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        warehouse = self._new_user("warehouse", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            self._wizard(invoice, user=warehouse)

    def test_customer_service_sees_customer_documents_only(self):
        service = self._new_user("service", "avoir.group_refund_user")
        invoice = self._invoice([(5, 100, self.vat20)])
        bill = self._invoice(
            [(3, 100, self.company_data["default_tax_purchase"])],
            move_type="in_invoice",
        )
        self.assertTrue(invoice.with_user(service).amount_total)
        self.assertTrue(invoice.line_ids.with_user(service).mapped("balance"))
        with self.assertRaises(AccessError):
            bill.with_user(service).read(["amount_total"])
        with self.assertRaises(AccessError):
            bill.line_ids.with_user(service).read(["balance"])
        with self.assertRaises(AccessError):
            self._wizard(invoice, user=service)
        self.assertTrue(bill.with_user(self.billing).amount_total)
