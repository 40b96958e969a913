from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .refund_reason_common import RefundReasonCommon


@tagged("post_install", "-at_install")
class TestRefundReason(RefundReasonCommon):
    """Reasons, and what each role sees of them."""

    def test_reason_of_another_company(self):
        other = self.setup_other_company()["company"]
        reason = self.env["account.refund.reason"].create(
            {"name": "Theirs", "code": "TEST", "company_id": other.id}
        )
        credit_note = self._by_hand(self.env.user)
        with self.assertRaisesRegex(UserError, "Theirs"):
            credit_note.refund_reason_id = reason

    def test_code_is_unique(self):
        values = {"name": "Twice", "code": "TEST"}
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.env["account.refund.reason"].create(values)

    def test_roles(self):
        reason = self.reason.with_user(self.biller)
        self.assertEqual(reason.name, "Broken in transit")
        with self.assertRaises(AccessError):
            reason.approval_amount = 10000
        reason.with_user(self.manager).approval_amount = 300
        with Form(reason.with_user(self.manager)) as form:
            form.name = "Broken"
        self.assertEqual(self.reason.name, "Broken")

    def test_the_warehouse_sees_no_amounts(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit(invoice, (0, 1.0))
        for record in (invoice, credit_note, credit_note.invoice_line_ids):
            with self.assertRaises(AccessError):
                record.with_user(self.warehouse).read(["display_name"])
        for model in ("account.move", "account.invoice.report"):
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.warehouse).search([])
        reports = self.env["account.move"].with_user(self.warehouse)
        with self.assertRaises(AccessError):
            reports.browse(invoice.id).action_open_credit_notes()

    # -- what the form shows -----------------------------------------------------------

    def test_smart_buttons_both_ways(self):
        invoice = self._invoice([(5, 50, self.vat20)]).with_user(self.biller)
        with Form(invoice) as form:
            self.assertEqual(form.credit_note_count, 0)
        self.assertEqual(invoice.creditable_total, 300)
        first = self._credit_as(self.biller, invoice, 1)
        second = self._credit_as(self.biller, invoice, 4)
        self.assertEqual(second.refund_approval, "to_approve")
        invoice.invalidate_recordset()
        with Form(invoice) as form:
            self.assertEqual(form.credit_note_count, 2)
            self.assertEqual(set(form.credit_note_ids.ids), {first.id, second.id})
        self.assertEqual((invoice.credited_total, invoice.creditable_total), (300, 0))
        second.button_cancel()
        invoice.invalidate_recordset()
        self.assertEqual((invoice.credited_total, invoice.creditable_total), (60, 240))
        [(_field, _operator, ids)] = invoice.action_open_credit_notes()["domain"]
        self.assertEqual(set(ids), {first.id, second.id})
        with Form(first) as form:
            self.assertEqual(form.corrected_invoice_name, invoice.name)
            self.assertEqual(form.reversed_entry_id, invoice)
        self.assertEqual(first.action_open_corrected_invoices()["res_id"], invoice.id)

    def test_smart_buttons_to_returns_and_replacements(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit(invoice)
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company.id)], limit=1
        ) or self.env["stock.warehouse"].create(
            {"name": "Shelves", "code": "SHV", "company_id": self.company.id}
        )
        picking = self.env["stock.picking"].create(
            {"picking_type_id": warehouse.in_type_id.id}
        )
        credit_note.return_picking_ids = picking
        replacement = self._invoice(
            [(5, 40, self.vat20)], post=False, replaced_invoice_id=invoice.id
        )
        credit_note = credit_note.with_user(self.biller)
        self.assertEqual(credit_note.return_picking_count, 1)
        action = credit_note.action_open_returns()
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("stock.picking", picking.id)
        )
        action = invoice.with_user(self.biller).action_open_replacements()
        self.assertEqual(action["res_id"], replacement.id)
        with Form(replacement.with_user(self.biller)) as form:
            self.assertEqual(form.replaced_invoice_id, invoice)

    def test_what_a_salesperson_may_not_see_is_no_error(self):
        invoice = self._invoice([(5, 50, self.vat20)], invoice_user_id=self.env.uid)
        credit_note = self._credit(invoice, (0, 1.0))
        credit_note.invoice_user_id = self.salesman
        self.env.flush_all()
        self.env.invalidate_all()
        credit_note = credit_note.with_user(self.salesman)
        arch = credit_note.get_view(view_type="form")["arch"]
        for name in ("credit_note_ids", "corrected_invoice_name"):
            self.assertNotIn(name, arch)
        specification = {
            "reversed_entry_id": {"fields": {"display_name": {}}},
            "reversed_invoice_date": {},
            "is_without_invoice": {},
        }
        for name in specification:
            self.assertIn(name, arch)
        [values] = credit_note.web_read(specification)
        self.assertFalse(values["is_without_invoice"])

    def test_without_original_invoice(self):
        """Case 20: allowed, and marked as such."""
        invoice = self._invoice([(5, 50, self.vat20)])
        joined = self._credit(invoice, (0, 1.0))
        by_line = self._by_hand(self.env.user)
        by_line.invoice_line_ids.reversed_line_id = invoice.invoice_line_ids
        alone = self._by_hand(
            self.biller,
            price=50,
            refund_reason_id=self.env.ref("avoir.refund_reason_rebate").id,
        )
        moves = invoice | joined | by_line | alone
        self.assertEqual(moves.filtered("is_without_invoice"), alone)
        Move = self.env["account.move"]
        domain = [("id", "in", moves.ids)]
        self.assertEqual(
            Move.search([*domain, ("is_without_invoice", "=", True)]), alone
        )
        self.assertEqual(
            Move.search([*domain, ("is_without_invoice", "=", False)]), moves - alone
        )
        self.assertIn("avoir_without_invoice", alone.alerts)
        self.assertNotIn("avoir_without_invoice", by_line.alerts or {})
        alone.invoice_line_ids.product_id = self.env.ref("avoir.product_discount")
        alone.action_post()
        self.assertEqual(alone.state, "posted")
        self.assertTrue(alone.is_without_invoice)

    # -- statistics --------------------------------------------------------------------

    def test_grouped_by_reason(self):
        """A price correction counts in the amounts, not in the quantities: case 1."""
        self.product_a.standard_price = 40
        invoice = self._invoice([(5, 100, self.vat20)])
        moves = invoice | self._credit(
            invoice, (0, 1.0), values={"refund_reason_id": self.reason.id}
        )
        price = self.env.ref("avoir.refund_reason_price")
        moves |= self._credit(
            invoice, (0, 0.0, 50.0), values={"refund_reason_id": price.id}
        )
        self.assertEqual(
            dict(
                self.env["account.move"]._read_group(
                    [("id", "in", moves.ids)], ["refund_reason_id"], ["__count"]
                )
            ),
            {self.reason: 1, price: 1, self.env["account.refund.reason"]: 1},
        )
        measures = ("price_subtotal", "quantity", "inventory_value", "price_margin")
        figures = {
            reason: tuple(sums)
            for reason, *sums in self.env["account.invoice.report"]._read_group(
                [("move_id", "in", moves.ids)],
                ["refund_reason_id"],
                [f"{measure}:sum" for measure in measures],
            )
        }
        self.assertEqual(
            figures,
            {
                self.env["account.refund.reason"]: (500, 5, -200, 300),
                self.reason: (-100, -1, 40, -60),
                price: (-50, 0, 0, -50),
            },
        )
        corrections = self.env["account.invoice.report"].search(
            [("move_id", "in", moves.ids), ("is_price_correction", "=", True)]
        )
        self.assertEqual(corrections.refund_reason_id, price)
