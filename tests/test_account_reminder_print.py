from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminderPrint(ReminderCommon):
    """A letter on paper is not away before somebody printed it."""

    def _on_paper(self, *names):
        for name in names:
            partner = self._customer(name)
            partner.with_company(self.company).reminder_channel = "paper"
            self._late(30, partner_id=partner.id)
        self._late(30)
        run = self._run()
        run.action_send()
        return run

    def test_waits_to_be_printed(self):
        run = self._on_paper("A", "B")
        paper = run.letter_ids.filtered(lambda letter: letter.channel == "paper")
        self.assertEqual((run.to_print_count, run.paper_count), (2, 2))
        self.assertEqual(set(paper.mapped("progress")), {"to_print"})
        self.assertEqual((run.letter_ids - paper).progress, "sent")
        found = self.env["account.reminder.letter"].search(
            [("run_id", "=", run.id), ("to_print", "=", True)]
        )
        self.assertEqual(found, paper)
        others = self.env["account.reminder.letter"].search(
            [("run_id", "=", run.id), ("to_print", "=", False)]
        )
        self.assertEqual(others, run.letter_ids - paper)
        self.assertTrue(run.search([("letter_ids.to_print", "=", True)]) & run)
        run.action_print()
        self.assertEqual((run.to_print_count, run.paper_count), (0, 2))
        self.assertEqual(set(paper.mapped("progress")), {"sent"})
        self.assertEqual(paper.printed_user_id, self.accountant)
        self.assertIn("Printed", paper[0].message_ids[:1].body)

    def test_pdf_stays_in_the_history(self):
        """A browser that was closed too early loses nothing."""
        run = self._on_paper("A")
        url = run.action_print()["url"]
        message = run.message_ids[:1]
        self.assertIn("Letters printed: 1", message.body)
        self.assertIn(f"/{message.attachment_ids.id}?", url)
        self.assertTrue(message.attachment_ids.with_user(self.accountant).raw)

    def test_second_click_and_again(self):
        run = self._on_paper("A")
        run.action_print()
        with self.assertRaisesRegex(UserError, "printed, the last ones by"):
            run.action_print()
        self.assertTrue(run.action_print_again()["url"])

    def test_changed_and_sent_again(self):
        """What is sent anew is another letter, to be printed too."""
        run = self._on_paper("A")
        letter = run.letter_ids.filtered(lambda letter: letter.channel == "paper")
        run.action_print()
        letter.sudo().write({"state": "failed"})
        letter.with_user(self.accountant).action_resend()
        self.assertTrue(letter.to_print)

    def test_only_those_that_wait(self):
        run = self._on_paper("A", "B")
        first, second = run.letter_ids.filtered("to_print")
        first.action_print()
        self.assertEqual(run.to_print_count, 1)
        run.action_print()
        self.assertIn("Letters printed: 1", run.message_ids[:1].body)
        self.assertGreaterEqual(second.printed_date, first.printed_date)

    def test_who_only_reads_prints_nothing(self):
        run = self._on_paper("A")
        reader = self._new_user("reader_p", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            run.with_user(reader).action_print()
        self.assertEqual(run.to_print_count, 1)

    def test_rate_is_kept(self):
        """That a letter reckoned with an old rate is said after sending, too."""
        self.plan.level_ids.interest_mode = "law"
        self._late(30, 1000)
        run = self._run()
        run.action_send()
        letter = run.letter_ids
        self.assertEqual(str(letter.rate_date), "2000-01-01")
        self.assertTrue(letter.rate_outdated)
        self.assertTrue(run.rate_outdated)
        half_year = self.today.replace(month=1 if self.today.month < 7 else 7, day=1)
        self.law.rate_ids = [Command.create({"date": half_year, "rate": 9.0})]
        run.invalidate_recordset()
        self.assertTrue(run.rate_outdated, "what was sent was sent with the old one")
        self.assertFalse(self._run().rate_outdated)

    def test_standard_letters_need_no_rate(self):
        self._late(30)
        self.plan.level_ids.interest_mode = "law"
        self.assertTrue(self._run().rate_outdated)
        self.assertFalse(self._run(kind="standard").rate_outdated)

    def test_no_rate_without_interest(self):
        self._late(30)
        run = self._run()
        run.action_send()
        self.assertFalse(run.letter_ids.rate_date)
        self.assertFalse(run.rate_outdated)
