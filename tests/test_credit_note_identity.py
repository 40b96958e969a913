import re
from uuid import UUID

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..tools.credit import CreditLine, CreditRequest
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteIdentity(AvoirCommon):
    """UUID, number, the invoices that are corrected, and the French net of tax."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._invoice([(2, 100.0, cls.vat20), (1, 50.0, cls.vat5)])
        cls.biller = cls._new_user("biller", "account.group_account_invoice")
        cls.manager = cls._new_user("boss", "account.group_account_manager")

    def _fiscal_country(self, code):
        country = self.env.ref(f"base.{code}")
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_tax SET country_id = %s", [country.id])
        self.env.invalidate_all()
        self.company.account_fiscal_country_id = country

    def _loose(self, tax=True, **values):
        """A draft credit note that names no invoice."""
        return self._invoice(
            [(1, 30.0, self.vat20 if tax else self.env["account.tax"])],
            post=False,
            move_type="out_refund",
            **values,
        )

    def _net(self, *lines, invoice=None, **request):
        invoice = invoice or self.invoice
        return self.env["account.move"]._create_credit_notes(
            [
                CreditRequest(
                    invoice,
                    [
                        CreditLine(invoice.invoice_line_ids[number], amount=amount)
                        for number, amount in lines
                    ],
                    values={"net_of_tax": True},
                    **request,
                )
            ]
        )

    # -- UUID --------------------------------------------------------------------------

    def test_uuid(self):
        one = self._credit(self.invoice, (0, 1.0))
        two = self._credit(self.invoice, (0, 1.0))
        self.assertNotEqual(UUID(one.document_uuid), UUID(two.document_uuid))
        self.assertFalse(self.invoice.document_uuid)
        draft = self._loose()
        self.assertNotEqual(draft.copy().document_uuid, draft.document_uuid)

    def test_uuid_is_never_changed(self):
        credit_note = self._credit(self.invoice, (0, 1.0))
        for value in (False, "other"):
            with self.assertRaisesRegex(UserError, "UUID"):
                credit_note.sudo().document_uuid = value

    def test_uuid_of_switched_type(self):
        draft = self._invoice([(1, 10.0, self.vat20)], post=False)
        draft.action_switch_move_type()
        self.assertEqual(draft.move_type, "out_refund")
        self.assertTrue(UUID(draft.document_uuid))

    def test_references(self):
        credit_note = self._credit(self.invoice, (0, 1.0))
        self.assertEqual(
            credit_note._get_corrected_references(),
            [(self.invoice.name, self.invoice.invoice_date)],
        )

    # -- without an original -----------------------------------------------------------

    def test_refused_without_original(self):
        for code in ("fr", "nl"):
            self._fiscal_country(code)
            with self.assertRaisesRegex(UserError, "has to name the invoice"):
                self._loose().with_user(self.biller).action_post()

    def test_blank_reason_is_none(self):
        self._fiscal_country("nl")
        draft = self._loose(without_invoice_reason="  ")
        with self.assertRaisesRegex(UserError, "has to name the invoice"):
            draft.action_post()

    def test_not_asked_elsewhere_or_without_vat(self):
        self._fiscal_country("be")
        belgian = self._loose()
        belgian.action_post()
        self._fiscal_country("nl")
        untaxed = self._loose(tax=False)
        untaxed.action_post()
        joined = self._credit(self.invoice, (0, 1.0))
        self.assertEqual({belgian.state, untaxed.state, joined.state}, {"posted"})

    def test_manager_gives_the_reason(self):
        self._fiscal_country("nl")
        draft = self._loose()
        with self.assertRaisesRegex(UserError, "Only a manager"):
            draft.with_user(self.biller).without_invoice_reason = "Because"
        with self.assertRaisesRegex(UserError, "Only a manager"):
            self.env["account.move"].with_user(self.biller).create(
                {"move_type": "out_refund", "without_invoice_reason": "Because"}
            )
        draft.with_user(self.manager).without_invoice_reason = "Yearly bonus"
        draft.with_user(self.biller).action_post()
        self.assertEqual(draft.state, "posted")

    # -- net of tax --------------------------------------------------------------------

    def test_net_of_tax(self):
        """A rebate of 20 leaves the VAT; what is left can be credited to the cent."""
        self._fiscal_country("fr")
        credit_note = self._net((0, 15.0), (1, 5.0))
        self.assertEqual(credit_note.amount_total, 20.0)
        self.assertEqual(credit_note.amount_tax, 0.0)
        self.assertFalse(credit_note.invoice_line_ids.tax_ids)
        self.assertFalse(credit_note.line_ids.filtered("tax_line_id"))
        self.assertEqual(self.invoice.amount_residual, 292.75 - 20.0)
        html = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", credit_note.ids
        )[0]
        self.assertIn("CGI art. 272-1", str(html))
        rest = self._credit(self.invoice)
        self.assertEqual(rest.amount_total, 272.75)
        self.assertEqual(rest.amount_tax, 42.75)
        self.assertEqual(self.invoice.amount_residual, 0.0)

    def test_net_of_tax_of_included_prices(self):
        self._fiscal_country("fr")
        invoice = self._invoice([(1, 120.0, self.vat20_included)])
        self.assertEqual(self._net((0, 10.0), invoice=invoice).amount_total, 10.0)

    def test_net_of_tax_is_french(self):
        self._fiscal_country("nl")
        with self.assertRaisesRegex(UserError, "French"):
            self._net((0, 15.0))

    def test_net_of_tax_is_no_return(self):
        self._fiscal_country("fr")
        line = self.invoice.invoice_line_ids[0]
        request = CreditRequest(
            self.invoice, [CreditLine(line, 1.0)], values={"net_of_tax": True}
        )
        with self.assertRaisesRegex(UserError, "commercial rebate"):
            self.env["account.move"]._create_credit_notes([request])

    def test_net_of_tax_in_the_wizard(self):
        self._fiscal_country("fr")
        self.reason.refund_method = "partial"
        for credit_by, field, value, total in (
            ("amount", "credit_amount", 25.0, 25.0),
            ("percent", "credit_percent", 12.0, 30.0),
        ):
            form = Form(
                self.env["account.move.reversal"].with_context(
                    active_model="account.move",
                    active_ids=self.invoice.ids,
                    refund_wizard=True,
                )
            )
            form.refund_reason_id = self.reason
            form.credit_by = credit_by
            form[field] = value
            form.net_of_tax = True
            wizard = form.save()
            self.assertEqual(wizard.credit_total, total)
            wizard.action_credit()
            self.assertEqual(wizard.new_move_ids.amount_total, total)
            self.assertFalse(wizard.new_move_ids.amount_tax)
            wizard.new_move_ids.button_draft()
            wizard.new_move_ids.button_cancel()

    def test_net_of_tax_is_labelled(self):
        """The wizard says which amount it asks for."""
        arch = self.env["account.move.reversal"].get_view(
            self.env.ref("avoir.account_move_reversal_view_form").id, "form"
        )["arch"]
        labels = re.findall('<label for="credit_amount" string="([^"]+)"', arch)
        self.assertEqual(labels, ["Amount with Taxes", "Amount before Taxes"])

    def test_net_of_tax_stays_off_elsewhere(self):
        wizard = self.env["account.move.reversal"].create(
            {
                "move_ids": [Command.set(self.invoice.ids)],
                "journal_id": self.invoice.journal_id.id,
                "refund_method": "partial",
                "net_of_tax": True,
            }
        )
        self.assertFalse(wizard._is_net_of_tax())
