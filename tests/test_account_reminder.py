from datetime import date, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..tools.reminder import OpenLine, Step, remind
from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminder(ReminderCommon):
    # -- case 34: what is due --

    def test_overdue_less_open_credits(self):
        invoice = self._late(30, 500)
        self._late(-5, 900)
        self._invoice([(1, 200, self.vat20.browse())], move_type="out_refund")
        letter = self._run().letter_ids
        self.assertEqual(letter.partner_id, self.partner)
        self.assertEqual(letter.amount_due, 300)
        self.assertEqual(letter.oldest_date, invoice.invoice_date_due)
        self.assertEqual(len(letter.line_ids), 2, "the credit is listed")

    def test_credits_beyond_what_is_due(self):
        self._late(30, 100)
        self._invoice([(1, 100, self.vat20.browse())], move_type="out_refund")
        self.assertFalse(self._run().letter_ids)

    def test_left_out(self):
        for stop in (
            lambda move: move.action_toggle_block_payment(),
            lambda move: move._set_dispute("Never ordered"),
            lambda move: move._set_promise(self.today + timedelta(days=3)),
            lambda move: setattr(move, "no_followup", True),
            lambda move: self._credit(move, (0, 1), post=False),
        ):
            invoice = self._late(30)
            run = self._run()
            self.assertTrue(run.letter_ids)
            run.action_cancel()
            stop(invoice)
            self.assertFalse(self._run().letter_ids, stop)
            invoice.line_ids.no_followup = True

    def test_payment_under_way(self):
        invoice = self._late(30)
        provider = self.env["payment.provider"].create({"name": "Test"})
        method = self.env["payment.method"].with_context(active_test=False)
        method = method.search([], limit=1)
        self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "amount": 100,
                "currency_id": invoice.currency_id.id,
                "partner_id": self.partner.id,
                "reference": "tx",
                "state": "pending",
                "invoice_ids": invoice.ids,
            }
        )
        self.assertFalse(self._run().letter_ids)

    def test_promise_that_is_past(self):
        self._late(30)._set_promise(self.today - timedelta(days=1))
        self.assertTrue(self._run().letter_ids)

    def test_threshold(self):
        self._late(30, 4.99)
        self.assertFalse(self._run().letter_ids)
        self._late(30, 0.01)
        self.assertEqual(self._run().letter_ids.amount_due, 5)

    def test_instalments(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "Twice",
                "line_ids": [
                    fields.Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (10, 60)
                ],
            }
        )
        self._invoice(
            [(1, 1000, self.vat20.browse())],
            invoice_date=self.today - timedelta(days=40),
            invoice_payment_term_id=terms.id,
        )
        letter = self._run().letter_ids
        self.assertEqual(letter.amount_due, 500)

    def test_currencies_apart(self):
        pound = self.setup_other_currency("GBP", rates=[("2016-01-01", 2.0)])
        euro_invoice = self._late(30, 100)
        pound_invoice = self._late(30, 300, currency_id=pound.id)
        self._invoice(
            [(1, 50, self.vat20.browse())],
            move_type="out_refund",
            currency_id=pound.id,
        )
        run = self._run()
        letter = run.letter_ids
        self.assertEqual(letter.amount_due, 225, "100 + (300 - 50) / 2")
        totals = {
            total["currency"]: total["amount"]
            for total in letter._get_totals(letter.line_ids)
        }
        shown = sum(letter.line_ids.mapped("indemnity"))
        self.assertEqual(totals[euro_invoice.currency_id], 100 + shown)
        self.assertEqual(totals[pound], 250)
        self._pay(pound_invoice)
        run.action_cancel()
        self.assertEqual(self._run().letter_ids.amount_due, 100)

    # -- case 35: one step a run --

    def test_one_step_a_run(self):
        self._late(60)
        run = self._sent(30)
        self.assertEqual(run.letter_ids.level_id, self.level1)
        self.assertEqual(run.letter_ids.state, "sent")
        run = self._sent(14)
        self.assertEqual(run.letter_ids.level_id, self.level2)
        self.assertEqual(self._run().letter_ids.level_id, self.level3)

    def test_interval_and_gap(self):
        self._late(60)
        self._sent(13)
        self.assertFalse(self._run().letter_ids, "14 days have not passed")
        self._late(8, 50)
        run = self._run()
        letter = run.letter_ids
        self.assertEqual(letter.level_id, self.level1, "another invoice is due")
        self.assertEqual(len(letter.line_ids), 2, "all that is overdue is listed")
        self.assertEqual(letter.line_ids.mapped("level_id"), self.level1)
        run.action_cancel()
        other = self._customer("Gap")
        self._late(13, partner_id=other.id)
        self._sent(5)
        self._late(9, 70, partner_id=other.id)
        self.assertFalse(
            self._letter(self._run(), other), "no second letter within a week"
        )

    def test_twice_is_nothing(self):
        self._late(30)
        run = self._run()
        self.assertFalse(self._run().letter_ids, "it is in the first run")
        run.action_send()
        self.assertEqual(run.state, "done")
        self.assertFalse(self._run().letter_ids)
        with self.assertRaisesRegex(UserError, "already sent"):
            run.action_send()
        with self.assertRaises(UserError):
            run.action_prepare()

    def test_last_level_is_the_last(self):
        self._late(100)
        for days in (60, 45, 30):
            self._sent(days)
        self.assertFalse(self._run().letter_ids)

    def test_paid_means_stopped(self):
        invoice = self._late(60)
        self._sent(20)
        self._pay(invoice)
        self.assertFalse(self._run().letter_ids)

    # -- case 36: fees and interest --

    def test_interest_and_indemnity(self):
        self._late(73, 1000)
        self._sent(20)
        letter = self._run().letter_ids
        self.assertEqual(letter.level_id, self.level2)
        self.assertEqual(letter.line_ids.interest, 20, "1000 × 10 % × 73 / 365")
        self.assertEqual(letter.line_ids.interest_days, 73)
        self.assertEqual(letter.line_ids.indemnity, 40)
        self.assertFalse(letter.charge_move_id, "shown only")
        values = letter._get_letter_values()
        self.assertIn("441-10", values["interest_basis"])
        self.assertEqual(values["totals"][0]["amount"], 1060)

    def test_no_interest_of_private_customers(self):
        self.partner.is_company = False
        plan = self.company.reminder_plan_private_id
        plan.level_ids.write({"interest_mode": "own", "interest_rate": 10, "fee": 3})
        self._late(30)
        letter = self._run().letter_ids
        self.assertEqual(letter.level_id.plan_id, plan)
        line = letter.line_ids
        self.assertEqual((line.interest, line.indemnity, line.fee), (0, 0, 3))

    def _book(self, levels):
        levels.write(
            {
                "charge_mode": "book",
                "fee": 12,
                "interest_mode": "law",
                "ask_indemnity": True,
            }
        )

    def test_charged_once(self):
        self._book(self.plan.level_ids)
        first, second = self._late(73, 1000), self._late(40, 365)
        before = first.amount_residual
        letter = self._sent(14).letter_ids
        move = letter.charge_move_id
        self.assertEqual(move.state, "posted")
        self.assertEqual(first.amount_residual, before)
        # 12 + 2 × 40 + 1000 × 10 % × 59 / 365 + 365 × 10 % × 26 / 365
        self.assertAlmostEqual(move.amount_total, 12 + 80 + 16.16 + 2.6)
        self.assertEqual(move.amount_tax, 0)
        self.assertEqual(letter.line_ids.mapped("charged"), [True, True])
        letter2 = self._run().letter_ids
        self.assertEqual(letter2.level_id, self.level2)
        line1, line2 = letter2.line_ids.filtered(
            lambda line: line.move_id in first + second
        )
        self.assertEqual((line1.indemnity, line2.indemnity), (0, 0), "once")
        self.assertEqual(line1.interest_days, 14, "from where it was charged to")
        self.assertEqual(line1.interest, 3.84)

    def test_charges_bear_no_interest(self):
        self._book(self.plan.level_ids)
        self._late(120, 1000)
        charge = self._sent(60).letter_ids.charge_move_id
        letter = self._run().letter_ids
        line = letter.line_ids.filtered(lambda line: line.move_id == charge)
        self.assertTrue(line, "it is overdue itself")
        self.assertEqual((line.interest, line.indemnity, line.fee), (0, 0, 0))

    def test_waived(self):
        self._book(self.level1)
        self._late(30)
        letter = self._sent(1).letter_ids
        charge = letter.charge_move_id
        self.env["account.reminder.waive"].with_user(self.accountant).create(
            {"letter_id": letter.id, "reason_id": self.reason.id, "note": "Mail lost"}
        ).action_waive()
        credit = letter.waived_move_id
        self.assertEqual(credit.reversed_entry_id, charge)
        self.assertEqual(credit.refund_reason_id, self.reason)
        self.assertEqual(charge.payment_state, "reversed")
        with self.assertRaisesRegex(UserError, "nothing charged"):
            letter.action_waive()

    def test_indemnity_once_an_invoice(self):
        """Two instalments of an invoice have one indemnity."""
        line = {"currency_id": 1, "total": 50.0, "residual": 50.0}
        lines = [
            OpenLine(
                id=n, move_id=7, due=date(2028, 1, n), residual_company=50.0, **line
            )
            for n in (1, 2)
        ]
        reminder = remind(
            lines,
            [Step(id=1, indemnity=40.0, rate=10.0)],
            date(2028, 3, 1),
            lambda _currency, amount: round(amount, 2),
        )
        self.assertEqual([told.indemnity for told in reminder.lines], [40, 0])
        self.assertEqual(reminder.lines[0].interest_days, 60, "with 29 February")

    # -- case 37: language, address, channel --

    def test_language_and_contact(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        contact = self.env["res.partner"].create(
            {
                "name": "Accounts Payable",
                "parent_id": self.partner.id,
                "type": "invoice",
                "lang": "fr_FR",
                "email": "ap@example.com",
            }
        )
        self.level1.with_context(lang="fr_FR").subject = "Rappel : {amount}"
        self._late(30)
        run = self._run()
        run.action_send()
        letter = run.letter_ids
        self.assertEqual(letter.contact_id, contact)
        self.assertEqual(letter.mail_id.email_to, "ap@example.com")
        self.assertRegex(letter.mail_id.subject, r"^Rappel : .*100,00")

    def test_no_language_no_mail(self):
        self.partner.write({"lang": False, "email": False})
        self._late(30)
        run = self._run()
        self.assertEqual(run.letter_ids.channel, "paper")
        run.action_send()
        self.assertFalse(run.letter_ids.mail_id)
        self.assertTrue(run.letter_ids.attachment_id)
        self.assertTrue(run.action_print()["url"])
        self.assertTrue(run.letter_ids.printed_date)

    def test_channel_of_the_customer(self):
        mine = self.partner.with_company(self.company)
        self._late(30)
        for method, own, channel in (
            ("email", False, "mail"),
            ("manual", False, "paper"),
            ("manual", "both", "both"),
        ):
            mine.write({"invoice_sending_method": method, "reminder_channel": own})
            run = self._run()
            self.assertEqual(run.letter_ids.channel, channel)
            run.action_cancel()

    def test_children_and_parents(self):
        shop = self.env["res.partner"].create(
            {"name": "Shop", "parent_id": self.partner.id}
        )
        self._late(30, partner_id=shop.id)
        self._late(31)
        letter = self._run().letter_ids
        self.assertEqual(letter.partner_id, self.partner)
        self.assertEqual(letter.amount_due, 200)

    def test_two_companies(self):
        other = self.setup_other_company(name="Other")["company"]
        plan = other.reminder_plan_business_id
        self.assertEqual(len(plan.level_ids), 3)
        self.assertNotEqual(plan, self.plan)
        self._late(30)
        run = self._run()
        self.assertEqual(run.letter_ids.company_id, self.company)
        due = self.env["account.reminder.due"]
        self.assertFalse(due._get_reminders(other, self.today))
        self.accountant.write({"company_ids": other.ids, "company_id": other.id})
        with self.assertRaises(AccessError):
            run.invalidate_recordset()
            run.with_user(self.accountant).with_context(
                allowed_company_ids=other.ids
            ).read(["name"])

    # -- the run --

    def test_changed_by_the_accountant(self):
        self._late(60)
        other = self._customer("Out")
        self._late(60, partner_id=other.id)
        run = self._run()
        self._letter(run, other).action_exclude()
        letter = self._letter(run)
        letter.action_level_up()
        self.assertEqual(letter.level_id, self.level2)
        self.assertEqual(letter.line_ids.level_id, self.level2)
        self.assertEqual(letter.line_ids.indemnity, 40)
        run.action_prepare()
        self.assertTrue(self._letter(run, other).excluded, "stays out")
        self._letter(run).action_level_up()
        run.action_send()
        self.assertEqual(self._letter(run, other).state, "cancelled")
        self.assertEqual(self._letter(run).level_id, self.level2)
        self.assertEqual(self._letter(run).state, "sent")
        with self.assertRaisesRegex(UserError, "not changed any more"):
            self._letter(run).channel = "paper"

    def test_level_of_another_plan(self):
        self._late(30)
        letter = self._run().letter_ids
        other = self.company.reminder_plan_private_id.level_ids[1]
        with self.assertRaisesRegex(UserError, "customer's plan"):
            letter.level_id = other

    def test_no_level_below(self):
        self._late(60)
        self._sent(20)
        run = self._run()
        with self.assertRaisesRegex(UserError, "reminded at this level"):
            run.letter_ids.action_level_down()

    def test_history(self):
        invoice = self._late(30)
        letter = self._sent(0).letter_ids
        self.assertIn(letter.name, self.partner.message_ids[:1].body)
        self.assertIn(letter.name, invoice.message_ids[:1].body)
        self.assertEqual(self.partner.reminder_letter_count, 1)
        self.assertEqual(invoice.reminder_line_ids.level_id, self.level1)
        self.assertIn(letter.attachment_id, letter.mail_id.attachment_ids)
        self.assertIn("access_token=", letter.mail_id.body_html)

    def test_failed_mail(self):
        self._late(30)
        run = self._run()
        run.action_send()
        letter = run.letter_ids
        letter.mail_id.sudo().write(
            {"state": "exception", "failure_reason": "mailbox full"}
        )
        letter.mail_id.sudo()._postprocess_sent_message([], [], "mailbox full", "x")
        self.assertEqual((letter.state, letter.failure), ("failed", "mailbox full"))
        self.assertEqual(run.failed_count, 1)
        self.assertFalse(self._run().letter_ids, "it is not sent as another one")
        old = letter.mail_id
        letter.action_resend()
        self.assertEqual(letter.state, "sent")
        self.assertNotEqual(letter.mail_id, old)

    def test_failure_of_one(self):
        """What one letter has wrong does not keep the others back."""
        other = self._customer("Other")
        self._late(30)
        self._late(30, partner_id=other.id)
        run = self._run()
        other.email = False
        run.action_send()
        self.assertEqual(self._letter(run).state, "sent")
        failed = self._letter(run, other)
        self.assertEqual(failed.state, "failed")
        self.assertIn("no e-mail address", failed.failure)
        failed.channel = "paper"
        failed.action_resend()
        self.assertEqual(failed.state, "sent")

    def test_in_the_background(self):
        for number in range(12):
            partner = self._customer(f"Many {number}")
            self._late(30, partner_id=partner.id)
        run = self._run()
        self.assertEqual(run.letter_count, 12)
        run.action_send()
        self.assertEqual(run.state, "sending")
        self.assertFalse(run.sent_count)
        with self.enter_registry_test_mode():
            self.env.ref("avoir.ir_cron_reminder_send").method_direct_trigger()
        run.invalidate_recordset()
        self.assertEqual((run.state, run.sent_count), ("done", 12))

    def test_cron(self):
        self._late(30)
        for wish, state in (("prepare", "draft"), ("send", "done")):
            self.company.reminder_automation = wish
            for _time in range(2):
                with self.enter_registry_test_mode():
                    self.env.ref(
                        "avoir.ir_cron_reminder_prepare"
                    ).method_direct_trigger()
            runs = self.env["account.reminder.run"].search(
                [("company_id", "=", self.company.id)]
            )
            self.assertEqual((len(runs), runs.state), (1, state))

    # -- correct after a credit note --

    def test_changed_before_sending(self):
        invoice, second = self._late(30, 100), self._late(29, 50)
        run = self._run()
        self._credit(invoice, (0, 0, 30))
        self._pay(second, 20)
        run.action_send()
        letter = run.letter_ids
        self.assertEqual((letter.state, letter.amount_due), ("sent", 100))
        self.assertEqual(letter.line_ids.mapped("amount_residual"), [70, 30])
        self.assertIn("changed from", "".join(letter.message_ids.mapped("body")))

    def test_not_needed_before_sending(self):
        for settle in (
            self._pay,
            lambda move: self._credit(move, (0, 1)),
            lambda move: move._set_dispute("No"),
            lambda move: move._set_promise(self.today),
        ):
            invoice = self._late(30)
            run = self._run()
            settle(invoice)
            run.action_send()
            letter = run.letter_ids
            self.assertEqual((letter.state, run.state), ("cancelled", "done"))
            self.assertFalse(letter.mail_id)

    def test_open_credit_before_sending(self):
        self._late(30, 100)
        run = self._run()
        self._invoice([(1, 100, self.vat20.browse())], move_type="out_refund")
        run.action_send()
        self.assertEqual(run.letter_ids.state, "cancelled")

    # -- standard letter --

    def test_standard_letter(self):
        self._late(3)
        action = self.partner.with_user(self.accountant).action_standard_reminder()
        run = self.env["account.reminder.run"].browse(action["res_id"])
        self.assertEqual(run.letter_ids.partner_id, self.partner)
        self.assertFalse(run.letter_ids.level_id)
        run.action_send()
        self.assertEqual(run.letter_ids.state, "sent")
        self.assertIn("Wassenaar", run.letter_ids.mail_id.body_html)

    # -- next actions --

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
        self.assertEqual(letter.line_ids.move_id.reminder_promise_date, self.today)

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

    def _receive(self, invoice):
        """Book the payment of an invoice at the bank."""
        owed = invoice.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        amount = sum(owed.mapped("amount_residual"))
        accounts = (self.company_data["default_account_revenue"], owed.account_id)
        entry = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "date": self.today,
                "line_ids": [
                    fields.Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": self.partner.id,
                            "balance": sign * amount,
                        }
                    )
                    for account, sign in zip(accounts, (1, -1), strict=True)
                ],
            }
        )
        entry.action_post()
        paid = entry.line_ids.filtered(lambda line: line.account_id == owed.account_id)
        (owed + paid).reconcile()

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

    # -- roles --

    def test_roles(self):
        self._late(30)
        letter = self._sent(0).letter_ids
        service = self._new_user("service_r", "avoir.group_refund_user")
        self.assertTrue(letter.with_user(service).read(["amounts"]))
        with self.assertRaises(AccessError):
            letter.with_user(service).action_print()
        stock = self._new_user("stock_r", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            letter.with_user(stock).read(["amount_due"])
        with self.assertRaises(AccessError):
            self.plan.with_user(self.accountant).name = "Mine"

    # -- set-wise --

    def test_statements(self):
        partners = self.env["res.partner"].create(
            [{"name": f"Set {n}", "is_company": True} for n in range(40)]
        )
        for partner in partners[:5]:
            self._late(30, partner_id=partner.id)

        def statements():
            with patch.object(self.env.registry, "clear_cache", lambda *_a: None):
                self.env.invalidate_all()
                before = self.cr.sql_log_count
                run = self._run()
                count = self.cr.sql_log_count - before
                number = len(run.letter_ids)
                run.action_cancel()
            return count, number

        few, few_letters = statements()
        for partner in partners[5:]:
            self._late(30, partner_id=partner.id)
        many, many_letters = statements()
        self.assertEqual((few_letters, many_letters), (5, 40))
        self.assertLessEqual(many, few + 3)
