from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.avoir.tools.credit import CreditLine, CreditRequest

from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestRefundReason(AvoirCommon):
    """Reasons, the approval of a manager, and what each role sees of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.biller = cls._new_user("avoir_biller", "account.group_account_invoice")
        cls.manager = cls._new_user("avoir_manager", "account.group_account_manager")
        cls.warehouse = cls._new_user("avoir_warehouse", "stock.group_stock_user")
        cls.salesman = cls._new_user("avoir_sales", "sales_team.group_sale_salesman")
        cls.reason.write({"approval_amount": 200, "approver_id": cls.manager.id})
        cls.env.flush_all()

    def _credit_as(self, user, invoice, quantity, **request):
        line = CreditLine(invoice.invoice_line_ids[0], quantity)
        request.setdefault("values", {"refund_reason_id": self.reason.id})
        return (
            self.env["account.move"]
            .with_user(user)
            ._create_credit_notes([CreditRequest(invoice, [line], **request)])
        )

    def _by_hand(self, user, price=500, **values):
        return (
            self.env["account.move"]
            .with_user(user)
            .create(
                {
                    "move_type": "out_refund",
                    "partner_id": self.partner.id,
                    "refund_reason_id": self.reason.id,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "product_id": self.product_a.id,
                                "price_unit": price,
                                "tax_ids": [Command.set(self.vat20.ids)],
                            }
                        )
                    ],
                    **values,
                }
            )
        )

    # -- approval ----------------------------------------------------------------------

    def test_up_to_the_amount_no_approval(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 3)
        self.assertEqual(credit_note.amount_total, 180)
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.refund_approval, "none")
        self.assertFalse(credit_note.activity_ids)

    def test_the_amount_is_the_company_s(self):
        """240 of a currency at 2 to one are 120."""
        currency = self.setup_other_currency("EUR", rates=[("2020-01-01", 2.0)])
        invoice = self._invoice([(5, 50, self.vat20)], currency_id=currency.id)
        credit_note = self._credit_as(self.biller, invoice, 4)
        self.assertEqual(credit_note.amount_total, 240)
        self.assertEqual(credit_note.state, "posted")

    def test_above_the_amount_a_manager_posts(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 4)
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.refund_approval, "to_approve")
        self.assertEqual(credit_note.activity_ids.user_id, self.manager)
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 1)
        self.assertTrue(credit_note.hide_post_button)
        self.assertIn("avoir_to_approve", credit_note.alerts)
        for post in ("action_post", "_post", "action_approve_refund"):
            with self.assertRaisesRegex(UserError, "manager"):
                getattr(credit_note, post)()
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(invoice.amount_residual, 300)

        credit_note.with_user(self.manager).action_approve_refund()
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.refund_approval, "approved")
        self.assertFalse(credit_note.activity_ids)
        self.assertEqual(invoice.amount_residual, 60)
        with self.assertRaisesRegex(UserError, "left to decide"):
            credit_note.with_user(self.manager).action_approve_refund()

    def test_parts_count_together(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        first, second = (self._credit_as(self.biller, invoice, 2) for _ in range(2))
        self.assertEqual(first.state, "posted")
        self.assertEqual(second.refund_approval, "to_approve")

    def test_nobody_approves_by_writing(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 4)
        for write in (
            lambda: credit_note.write({"refund_approval": "approved"}),
            lambda: credit_note.with_context(avoir_locked=True).write(
                {"refund_approval": "none"}
            ),
            lambda: credit_note.with_user(self.manager).write(
                {"refund_approval": "approved"}
            ),
            lambda: credit_note.create(
                {"move_type": "out_refund", "refund_approval": "approved"}
            ),
        ):
            with self.assertRaises(AccessError):
                write()
        self.assertEqual(credit_note.refund_approval, "to_approve")

    def test_a_manager_needs_nobody(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.manager, invoice, 4)
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.refund_approval, "none")

    def test_refused(self):
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 4)
        with self.assertRaisesRegex(UserError, "Only a manager"):
            credit_note.action_refuse_refund()
        action = credit_note.with_user(self.manager).action_refuse_refund()
        wizard = self.env[action["res_model"]].with_user(self.manager)
        form = Form(wizard.with_context(**action["context"]))
        self.assertEqual(form.asked_by.ids, self.biller.ids)
        form.reason = " "
        with self.assertRaisesRegex(UserError, "Say why"):
            form.save().action_refuse()
        form.reason = "The goods never came"
        refusal = form.save()
        with self.assertRaises(AccessError):
            refusal.with_user(self.biller).action_refuse()
        refusal.action_refuse()
        with self.assertRaisesRegex(UserError, "left to decide"):
            refusal.action_refuse()
        self.assertEqual(credit_note.state, "cancel")
        self.assertFalse(credit_note.activity_ids)
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 5)
        told = credit_note.message_ids.filtered(
            lambda message: self.biller.partner_id in message.partner_ids
        )
        self.assertIn(f"{self.manager.name} has refused", told.body)
        self.assertIn("never came", told.body)
        credit_note.button_draft()
        self.assertEqual(credit_note.refund_approval, "none")
        self.assertTrue(credit_note.action_post())
        self.assertEqual(credit_note.refund_approval, "to_approve")

    def test_made_by_hand(self):
        """The button asks; code, which would take it for posted, gets an error."""
        credit_note = self._by_hand(self.biller)
        small = self._by_hand(self.biller, price=10)
        self.assertEqual(credit_note.refund_approval, "none")
        with self.assertRaises(UserError):
            credit_note._post()
        result = (credit_note | small).action_post()
        self.assertEqual(result["tag"], "display_notification")
        self.assertEqual(small.state, "posted")
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.refund_approval, "to_approve")
        self.assertEqual(credit_note.activity_ids.user_id, self.manager)
        with self.assertRaisesRegex(UserError, "manager"):
            credit_note.action_post()
        self.assertEqual(len(credit_note.activity_ids), 1)
        credit_note.with_user(self.manager).action_approve_refund()
        self.assertEqual(credit_note.state, "posted")

    def test_the_approver_is_asked_in_his_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.manager.lang = "fr_FR"
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 4)
        self.assertEqual(credit_note.activity_ids.summary, "Avoir à approuver")

    def test_the_approver_is_of_the_company(self):
        """First who has it as the main one, last who administers the system."""
        company = self.env["res.company"].create({"name": "Asking"})
        company.sudo().user_ids -= self.env.user
        self.assertFalse(company._get_refund_manager())
        admin = self._new_user("boss", "base.group_system,avoir.group_refund_manager")
        admin.company_ids += company
        self.assertEqual(company._get_refund_manager(), admin)
        visitor = self._new_user("visitor", "avoir.group_refund_manager")
        visitor.company_ids += company
        self.assertEqual(company._get_refund_manager(), visitor)
        owner = self._new_user("owner", "avoir.group_refund_manager")
        owner.write({"company_ids": company.ids, "company_id": company.id})
        self.assertEqual(company._get_refund_manager(), owner)
        owner.active = False
        self.assertEqual(company._get_refund_manager(), visitor)

    def test_an_approver_without_the_company_is_not_asked(self):
        other = self.setup_other_company(name="Other")["company"]
        stranger = self._new_user("stranger", "avoir.group_refund_manager")
        stranger.write({"company_id": other.id, "company_ids": [(6, 0, other.ids)]})
        self.reason.approver_id = stranger
        invoice = self._invoice([(5, 50, self.vat20)])
        credit_note = self._credit_as(self.biller, invoice, 4)
        self.assertTrue(credit_note.activity_ids.user_id)
        self.assertNotEqual(credit_note.activity_ids.user_id, stranger)

    def test_what_waits_in_another_company_is_named(self):
        other = self.setup_other_company(name="Other")["company"]
        self.manager.company_ids += other
        invoice = self._invoice([(5, 50, self.vat20)])
        self._credit_as(self.biller, invoice, 4)
        moves = self.env["account.move"].with_user(self.manager)
        for company, named in ((other, True), (self.company, False)):
            inside = moves.with_context(allowed_company_ids=company.ids)
            action = inside.action_open_to_approve()
            self.assertEqual(self.company.name in action["name"], named)
            self.assertEqual(self.company.name in action["help"], named)

    def test_changed_after_approval(self):
        credit_note = self._by_hand(self.biller)
        credit_note.action_post()
        credit_note.with_user(self.manager).action_approve_refund()
        credit_note.button_draft()
        credit_note.invoice_line_ids.price_unit = 5000
        self.assertTrue(credit_note.action_post())
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.refund_approval, "to_approve")

    # -- reasons -----------------------------------------------------------------------

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
