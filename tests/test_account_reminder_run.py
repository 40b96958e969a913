from datetime import date

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminderRun(ReminderCommon):
    """A run: looked through, sent, in each customer's language (case 37)."""

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
        self.assertRegex(letter.name, "^Reminder ")
        self.assertRegex(letter.with_context(lang="fr_FR").name, "^Relance ")
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

    def test_no_language(self):
        """Who has no language is written to in the company's."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.company.partner_id.lang = "fr_FR"
        self.level1.with_context(lang="fr_FR").subject = "Rappel : {amount}"
        self.partner.lang = False
        self._late(30)
        letter = self._sent(0).letter_ids
        self.assertRegex(letter.mail_id.subject, r"^Rappel : .*100,00")

    def test_mail_of_the_parent(self):
        """A contact for invoices without an address gets the customer's mail."""
        self.env["res.partner"].create(
            {"name": "AP", "parent_id": self.partner.id, "type": "invoice"}
        )
        self._late(30)
        letter = self._sent(0).letter_ids
        self.assertEqual(letter.mail_id.email_to, "wassenaar@example.com")

    def test_subsidiary_gets_its_own(self):
        """A company below another one owes for itself."""
        subsidiary = self._customer("Subsidiary", parent_id=self.partner.id)
        self._late(30, 100)
        self._late(30, 70, partner_id=subsidiary.id)
        run = self._run()
        self.assertEqual(self._letter(run).amount_due, 100)
        self.assertEqual(self._letter(run, subsidiary).amount_due, 70)

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

    def test_changed_by_the_accountant(self):
        self._late(60)
        other = self._customer("Out")
        self._late(60, partner_id=other.id)
        run = self._run()
        self._letter(run, other).action_exclude()
        letter = self._letter(run)
        letter.action_level_up()
        self.assertEqual(letter.level_id, self.level2)
        self.assertEqual(letter._get_told().level_id, self.level2)
        self.assertEqual(letter._get_told().indemnity, 40)
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

    def test_no_level_above_the_last(self):
        self._late(90)
        letter = self._run().letter_ids
        for level in self.plan.level_ids[:-1]:
            self.assertEqual(letter.level_id, level)
            self.assertTrue(letter.has_next_level)
            letter.action_level_up()
        self.assertFalse(letter.has_next_level)

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

    def test_changed_before_sending(self):
        invoice, second = self._late(30, 100), self._late(29, 50)
        run = self._run()
        self._credit(invoice, (0, 0, 30))
        self._pay(second, 20)
        run.action_send()
        letter = run.letter_ids
        self.assertEqual((letter.state, letter.amount_due), ("sent", 100))
        self.assertEqual(letter._get_told().mapped("amount_residual"), [70, 30])
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

    def test_standard_letter(self):
        self._late(3)
        action = self.partner.with_user(self.accountant).action_standard_reminder()
        run = self.env["account.reminder.run"].browse(action["res_id"])
        self.assertEqual(run.letter_ids.partner_id, self.partner)
        self.assertFalse(run.letter_ids.level_id)
        run.action_send()
        self.assertEqual(run.letter_ids.state, "sent")
        self.assertIn("Wassenaar", run.letter_ids.mail_id.body_html)

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

    # -- mails that come back --

    def _bounce(self, letter):
        with mute_logger("odoo.addons.mail.models.mail_thread"):
            self.env["mail.thread"].message_process(
                None,
                f"""From: MAILER-DAEMON@mx.example.com
To: bounce@example.com
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce-{letter.id}@mx.example.com>
References: {letter.mail_id.sudo().message_id}
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

User unknown
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; wassenaar@example.com
Action: failed
Status: 5.1.1

--x
Content-Type: message/rfc822

Message-Id: {letter.mail_id.sudo().message_id}
To: wassenaar@example.com

--x--
""",
            )

    def test_mail_that_came_back(self):
        self._late(30)
        run = self._sent(0)
        letter = run.letter_ids
        self._bounce(letter)
        self.assertEqual(letter.state, "failed")
        self.assertIn("wassenaar@example.com", letter.failure)
        self.assertEqual(len(letter.activity_ids), 1)
        self.assertEqual(run.failed_count, 1)
        letter.with_user(self.accountant).action_resend_paper()
        self.assertEqual((letter.state, letter.channel), ("sent", "paper"))
        self._bounce(letter)
        self.assertEqual(letter.state, "sent", "it went on paper")

    # -- names --

    def test_name_in_the_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        run = self._run(date(2026, 3, 5))
        self.assertIn("05/03/2026", run.with_context(lang="fr_FR").name)
        self.assertIn("03/05/2026", run.with_context(lang="en_US").name)

    def test_no_bank_account(self):
        """Who sends letters that cannot say where to pay is told before."""
        self.company.bank_ids.unlink()
        self._late(30)
        run = self._run()
        self.assertTrue(run.lacks_bank_account)
        manager = self._new_user("reminder_manager", "account.group_account_manager")
        action = run.with_user(manager).action_add_bank_account()
        self.assertEqual(action["res_model"], "account.setup.bank.manual.config")
        self.env["res.partner.bank"].create(
            {
                "acc_number": "NL91ABNA0417164300",
                "partner_id": self.company.partner_id.id,
            }
        )
        run.invalidate_recordset()
        self.assertFalse(run.lacks_bank_account)
