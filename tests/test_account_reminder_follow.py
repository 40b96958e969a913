from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminderFollow(ReminderCommon):
    """What follows a letter, and what it brings."""

    def test_orders_blocked(self):
        self.level1.next_action = "both"
        invoice = self._late(30)
        self._sent(0)
        mine = self.partner.with_company(self.company)
        self.assertTrue(mine.reminder_block)
        self.assertTrue(mine.reminder_collection)
        seller = self._new_user("seller", "sales_team.group_sale_salesman")
        order = (
            self.env["sale.order"]
            .sudo()
            .create(
                {
                    "partner_id": self.partner.id,
                    "order_line": [
                        fields.Command.create({"product_id": self.product_a.id})
                    ],
                }
            )
        )
        order.user_id = seller
        self.assertIn("credit limit", order.partner_credit_warning)
        with self.assertRaisesRegex(UserError, "overdue invoices"):
            order.with_user(seller).action_confirm()
        self._pay(invoice)
        order.with_user(seller).action_confirm()
        self._run()
        self.assertFalse(mine.reminder_block)

    def test_call(self):
        self.level1.channel = "call"
        self._late(30)
        letter = self._sent(0).letter_ids
        self.assertEqual(letter.call_state, "todo")
        self.assertFalse(letter.mail_id or letter.attachment_id)
        self.assertEqual(len(letter.activity_ids), 1)
        action = letter.action_called()
        wizard = (
            self.env["account.reminder.answer"]
            .with_user(self.accountant)
            .with_context(**action["context"])
            .create({"answer": "promise"})
        )
        with self.assertRaisesRegex(UserError, "day on which"):
            wizard.action_save()
        wizard.promise_date = self.today
        wizard.action_save()
        self.assertEqual(letter.call_state, "done")
        self.assertEqual(letter._get_told().move_id.reminder_promise_date, self.today)

    def test_broken_promise(self):
        invoice = self._late(30)
        letter = self._sent(5).letter_ids
        invoice._set_promise(self.today)
        self._run()
        self.assertFalse(letter.call_state, "it can be paid today still")
        invoice.reminder_promise_date = self.today - timedelta(days=1)
        self._run()
        self.assertEqual(letter.call_state, "todo")
        self._pay(invoice)
        letter.sudo().call_state = False
        self._run()
        self.assertFalse(letter.call_state)

    def test_what_it_brings(self):
        invoice, second = self._late(60, 100), self._late(100, 50)
        self._sent(10)
        self._receive(invoice)
        report = self.env["account.reminder.report"].with_user(self.accountant)
        mine = report.search([("partner_id", "=", self.partner.id)])
        self.assertEqual(mine.move_id, second)
        self.assertEqual((mine.age, mine.amount), ("4", 50))
        self.assertEqual(mine.level_id, self.level1)
        income = self.env["account.reminder.income"].with_user(self.accountant)
        came = income.search([("move_id", "=", invoice.id)])
        self.assertEqual((came.stage, came.amount, came.days_after), ("1", 100, 10))
        dso = self.env["account.reminder.dso"].with_user(self.accountant)
        last = dso.search([("company_id", "=", self.company.id)], limit=1)
        self.assertEqual(last.receivable, 50)
        self.assertEqual(last.invoiced, 100, "the second is older than 90 days")
        self.assertEqual(last.dso, 45)
