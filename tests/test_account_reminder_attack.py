from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminderAttack(ReminderCommon):
    """What is typed over, done twice, or left halfway."""

    def test_what_became_of_a_letter_is_not_typed_over(self):
        self._late(30)
        run = self._run()
        letter = run.letter_ids
        for forged in ({}, {"reminder_recheck": True}, {"reminder_own": True}):
            mine = letter.with_context(**forged)
            for values in (
                {"state": "sent"},
                {"state": "cancelled"},
                {"date": "2020-01-01"},
                {"amount_due": 1},
                {"attachment_id": 1},
                {"access_token": "guessed"},
                {"printed_date": "2020-01-01"},
                {"printed_user_id": 1},
                {"rate_date": "2020-01-01"},
                {"line_ids": [fields.Command.clear()]},
            ):
                with self.assertRaises(AccessError, msg=values):
                    mine.write(values)
            with self.assertRaises(AccessError):
                run.with_context(**forged).state = "done"
        with self.assertRaises(AccessError):
            run.create({"state": "done"})
        with self.assertRaises(AccessError):
            letter.copy()
        letter.channel = "paper"
        run.action_send()
        with self.assertRaises(AccessError):
            letter.line_ids.charged = True
        with self.assertRaises(AccessError):
            letter.line_ids.unlink()
        self.assertEqual(letter.state, "sent")
        with self.assertRaises(UserError):
            letter.with_context(reminder_recheck=True).channel = "mail"

    def test_a_run_that_was_sent_stays(self):
        self._late(30)
        run = self._sent(0)
        for values in (
            {"kind": "standard"},
            {"date": self.today - timedelta(days=9)},
            {"partner_ids": [fields.Command.set(self.partner.ids)]},
        ):
            with self.assertRaises(UserError):
                run.write(values)
        with self.assertRaises(UserError):
            run.unlink()

    def test_who_only_reads_prepares_nothing(self):
        self._late(30)
        run = self._run()
        reader = self._new_user("reader_r", "account.group_account_readonly")
        letters = run.letter_ids
        with self.assertRaises(AccessError):
            run.with_user(reader).action_prepare()
        self.assertTrue(letters.exists())

    def test_preview_thrown_away_keeps_nobody_out(self):
        self._late(30)
        self._run().unlink()
        self.assertTrue(self._run().letter_ids)

    def test_interest_booked_by_a_cancelled_letter(self):
        """Given up after a waiver: the same days are not charged again."""
        self.plan.level_ids.charge_mode = "book"
        self.plan.level_ids.interest_mode = "law"
        invoice = self._late(60, 1000)
        run = self._sent(10)
        letter = run.letter_ids
        if not letter.charge_move_id:
            self.skipTest("the first level charges nothing")
        letter.sudo().write({"state": "failed"})
        with self.assertRaises(UserError):
            letter.action_give_up()
        letter._waive(self.env.ref("avoir.refund_reason_goodwill"), "Mail bounced")
        letter.action_give_up()
        again = self._letter(self._run())
        line = again._get_told().filtered(lambda line: line.move_id == invoice)
        self.assertEqual(line.interest_days, 10)

    def test_charges_that_are_booked_stay_as_booked(self):
        self.plan.level_ids.charge_mode = "book"
        self.plan.level_ids.interest_mode = "law"
        self._late(60, 1000)
        letter = self._sent(3).letter_ids
        before = sum(letter.line_ids.mapped("interest"))
        self.assertTrue(before)
        letter.sudo().write({"state": "failed"})
        letter.with_user(self.accountant).action_resend()
        self.assertEqual(letter.state, "sent")
        self.assertEqual(sum(letter.line_ids.mapped("interest")), before)
        self.assertTrue(any(letter.line_ids.mapped("charged")))

    def test_one_mail_of_a_letter(self):
        """A failed mail is not tried again beside the new one."""
        self._late(30)
        letter = self._sent(0).letter_ids
        old = letter.mail_id.sudo()
        old.write({"state": "exception"})
        old._postprocess_sent_message([], [], "mailbox full", "x")
        letter.action_resend()
        self.assertEqual(old.state, "cancel")

    def test_mail_that_got_through_later(self):
        self._late(30)
        letter = self._sent(0).letter_ids
        mail = letter.mail_id.sudo()
        mail.write({"state": "exception"})
        mail._postprocess_sent_message([], [], "connection refused", "x")
        self.assertEqual(letter.state, "failed")
        mail.write({"state": "sent"})
        mail._postprocess_sent_message([], [])
        self.assertEqual(letter.state, "sent")

    def test_click_met_another_transaction(self):
        """The server tries the click again: nothing is shown as failed."""
        self._late(30)
        run = self._run()
        letters = self.env.registry["account.reminder.letter"]
        collision = psycopg2.errors.SerializationFailure()
        with patch.object(letters, "_send", side_effect=collision):
            with self.assertRaises(psycopg2.OperationalError):
                run.action_send()

    def test_answer_by_the_link_reaches_an_employee(self):
        invoice = self._late(30)
        invoice.invoice_user_id = False
        self.company.reminder_user_id = False
        self._sent(0)
        public = self.env.ref("base.public_user")
        move = invoice.with_user(public).sudo()
        move._set_dispute("Never ordered")
        move._set_dispute("Never ordered")
        kind = self.env.ref("avoir.mail_activity_type_reminder")
        asked = invoice.activity_ids.filtered(lambda a: a.activity_type_id == kind)
        self.assertEqual(len(asked), 1, "a second click is no second task")
        self.assertEqual(asked.user_id, self.accountant)

    def test_currency_that_is_used_no_more(self):
        pound = self.setup_other_currency("GBP", rates=[("2016-01-01", 2.0)])
        self._late(30, 300, currency_id=pound.id)
        pound.active = False
        self.assertEqual(self._run().letter_ids.amount_due, 150)
