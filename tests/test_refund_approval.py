from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .refund_reason_common import RefundReasonCommon


@tagged("post_install", "-at_install")
class TestRefundApproval(RefundReasonCommon):
    """Above the amount of its reason a credit note waits for a manager."""

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
