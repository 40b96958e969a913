from datetime import timedelta

from odoo.http import Request
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .reminder_common import ReminderCommon


class ReminderPortalCommon(ReminderCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal_user = new_test_user(
            cls.env, login="late_customer", groups="base.group_portal"
        )
        cls.portal_user.partner_id.write(
            {"parent_id": cls.partner.id, "type": "invoice", "lang": "en_US"}
        )
        cls.first, cls.second = cls._late(40, 100), cls._late(30, 200)
        cls.letter = cls._sent(2).letter_ids


@tagged("post_install", "-at_install")
class TestAccountReminderPortal(ReminderPortalCommon):
    def _answer(self, **values):
        data = {"csrf_token": Request.csrf_token(self), **values}
        return self.url_open("/my/reminders/answer", data=data)

    def _link(self):
        return self.letter._get_portal_link()

    def test_by_the_link_of_the_mail(self):
        page = self.url_open(self._link()).text
        self.assertIn(self.first.name, page)
        self.assertIn(self.second.name, page)
        self.assertIn("I dispute this", page)

    def test_costs_of_the_letter_are_told(self):
        """The page asks no less than the letter and its QR code."""
        self.assertNotIn("Interest and costs", self.url_open(self._link()).text)
        line = self.letter.line_ids[0]
        line.sudo().write({"indemnity": 40.0})
        page = self.url_open(self._link()).text
        self.assertIn("Interest and costs", page)
        self.assertIn("40.00", page)
        charge = self._late(1, 40)
        self.letter.sudo()._write_own({"charge_move_id": charge.id})
        page = self.url_open(self._link()).text
        self.assertNotIn("Interest and costs", page, "it is among the invoices")
        self.assertIn(charge.name, page)

    def test_language_of_the_letter(self):
        """The link of the mail opens in the customer's language, not the browser's."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.letter.sudo().lang = "fr_FR"
        page = self.url_open(self._link(), headers={"Accept-Language": "en"})
        self.assertIn('{"lang": "fr_FR"}', page.text)
        self.assertIn(self.first.name, page.text)
        plain = self._link().partition("&lang")[0]
        chosen = self.url_open(f"/en{plain}", headers={"Accept-Language": "fr"})
        self.assertIn('{"lang": "en_US"}', chosen.text, "another one was chosen there")
        for hostile in ("xx_XX", "//evil.example.com", "fr_FR%0d%0aX: y"):
            page = self.url_open(f"{plain}&lang={hostile}")
            self.assertEqual(page.status_code, 200, hostile)
            self.assertIn(self.first.name, page.text)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_not_without_the_link(self):
        for url in (
            f"/my/reminders/{self.letter.id}",
            f"/my/reminders/{self.letter.id}?access_token=guessed",
            f"/my/reminders/{self.letter.id}?access_token=",
            "/my/reminders/999999999",
            "/my/reminders",
        ):
            self.assertNotIn(self.first.name, self.url_open(url).text, url)
        new_test_user(self.env, login="stranger", groups="base.group_portal")
        self.authenticate("stranger", "stranger")
        for url in (f"/my/reminders/{self.letter.id}", "/my/reminders"):
            self.assertNotIn(self.first.name, self.url_open(url).text, url)

    def test_draft_is_not_shown(self):
        other = self._customer("Draft")
        self._late(30, partner_id=other.id)
        letter = self._run().letter_ids
        token = letter.sudo()._portal_ensure_token()
        url = f"/my/reminders/{letter.id}?access_token={token}"
        self.assertNotIn("I dispute this", self.url_open(url).text)

    def test_dispute_and_promise(self):
        self.authenticate("late_customer", "late_customer")
        page = self.url_open("/my/reminders")
        self.assertIn(self.letter.name, page.text)
        self._answer(answer="dispute", move_id=self.first.id, reason="Broken <b>x</b>")
        self.assertTrue(self.first.reminder_disputed)
        self.assertEqual(len(self.first.activity_ids), 1)
        self.assertIn("&lt;b&gt;", self.first.activity_ids.note)
        day = self.today + timedelta(days=5)
        self._answer(answer="promise", move_id=self.second.id, date=str(day))
        self.assertEqual(self.second.reminder_promise_date, day)
        self.assertEqual(self.second.activity_ids.date_deadline, day)
        self.assertFalse(self._run().letter_ids, "the next step is stopped")

    def test_input_that_no_page_sends(self):
        """Nothing of it is an error of the server."""
        self.authenticate(None, None)
        page = self.url_open(f"/my/reminders/{self.letter.id}?access_token=é€")
        self.assertEqual(page.status_code, 200)
        self.assertNotIn(self.first.name, page.text)
        mine = {
            "letter_id": self.letter.id,
            "access_token": self.letter.access_token,
        }
        for values in ({}, mine, {**mine, "answer": "dispute"}):
            self.assertEqual(self._answer(**values).status_code, 200, values)
        self.assertFalse(self.first.reminder_disputed)
        answer = self._answer(
            **mine, move_id=self.first.id, answer="dispute", reason="Bro\0ken"
        )
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(self.first.reminder_disputed)

    def test_bad_answers(self):
        self.authenticate("late_customer", "late_customer")
        far = self.today + timedelta(days=31)
        past = self.today - timedelta(days=1)
        for values in (
            {"answer": "dispute", "reason": "  "},
            {"answer": "promise", "date": "soon"},
            {"answer": "promise", "date": str(far)},
            {"answer": "promise", "date": str(past)},
            {"answer": "delete"},
        ):
            answer = self._answer(move_id=self.first.id, **values)
            self.assertEqual(answer.status_code, 200, values)
        self.assertFalse(self.first.reminder_disputed)
        self.assertFalse(self.first.reminder_promise_date)

    def test_promises_are_counted(self):
        plan = self.company.reminder_plan_business_id
        plan.write({"promise_days": 10, "promise_count": 2})
        self.authenticate("late_customer", "late_customer")

        def promise(days):
            day = self.today + timedelta(days=days)
            return self._answer(answer="promise", move_id=self.first.id, date=str(day))

        promise(11)
        self.assertFalse(self.first.reminder_promise_date, "too late")
        promise(3)
        promise(3)
        self.assertEqual(self.first.reminder_promise_count, 1, "the same day")
        promise(5)
        answer = promise(9)
        self.assertIn("write or call us", answer.text)
        self.assertEqual(
            self.first.reminder_promise_date, self.today + timedelta(days=5)
        )

    def test_token_of_another(self):
        other = self._customer("Nosy")
        self._late(30, partner_id=other.id)
        theirs = self._letter(self._sent(0), other)
        token = theirs.sudo()._portal_ensure_token()
        self.authenticate(None, None)
        page = self.url_open(f"/my/reminders/{self.letter.id}?access_token={token}")
        self.assertNotIn(self.first.name, page.text)
        self._answer(
            answer="dispute",
            reason="Mine?",
            move_id=self.first.id,
            letter_id=self.letter.id,
            access_token=token,
        )
        self.assertFalse(self.first.reminder_disputed)

    def test_invoice_of_another(self):
        other = self._customer("Other")
        foreign = self._late(30, partner_id=other.id)
        self.authenticate("late_customer", "late_customer")
        for values in (
            {"move_id": foreign.id},
            {"move_id": "x"},
            {
                "move_id": foreign.id,
                "letter_id": self.letter.id,
                "access_token": self.letter.access_token,
            },
        ):
            self._answer(answer="dispute", reason="Mine?", **values)
        self.assertFalse(foreign.reminder_disputed)

    @mute_logger("odoo.http")
    def test_csrf(self):
        self.authenticate("late_customer", "late_customer")
        answer = self.url_open(
            "/my/reminders/answer",
            data={"answer": "dispute", "move_id": self.first.id, "reason": "x"},
        )
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(self.first.reminder_disputed)

    def test_pdf(self):
        answer = self.url_open(f"{self._link()}&report_type=pdf")
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")


@tagged("post_install", "-at_install", "avoir_tour")
class TestAccountReminderTour(ReminderPortalCommon):
    def test_run(self):
        other = self._customer("Tour Out")
        self._late(20, partner_id=other.id)
        keep = self._customer("Tour Keep")
        self._late(25, 321, partner_id=keep.id)
        self.start_tour(
            "/odoo/action-avoir.account_reminder_run_action",
            "avoir_reminder_run",
            login="reminder_accountant",
        )
        letters = self.env["account.reminder.letter"].search(
            [("partner_id", "in", (other + keep).ids)]
        )
        states = {letter.partner_id: letter.state for letter in letters}
        self.assertEqual(states, {other: "cancelled", keep: "sent"})
        self.assertEqual(
            letters.filtered(lambda letter: letter.partner_id == keep).level_id,
            self.level2,
        )

    def test_portal(self):
        self.start_tour("/my", "avoir_reminder_portal", login="late_customer")
        self.assertTrue(self.first.reminder_disputed)
        self.assertTrue(self.second.reminder_promise_date)
