from datetime import date, timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .reminder_common import ReminderCommon, leap_day


@tagged("post_install", "-at_install")
class TestAccountReminderCharge(ReminderCommon):
    """Interest, indemnity and fees (case 36)."""

    def test_interest_and_indemnity(self):
        self._late(73, 1000)
        self._sent(20)
        letter = self._run().letter_ids
        self.assertEqual(letter.level_id, self.level2)
        self.assertEqual(letter._get_told().interest, 20, "1000 × 10 % × 73 / 365")
        self.assertEqual(letter._get_told().interest_days, 73)
        self.assertEqual(letter._get_told().indemnity, 40)
        self.assertFalse(letter.charge_move_id, "shown only")
        values = letter._get_letter_values()
        self.assertIn("441-10", values["interest_basis"])
        self.assertEqual(values["totals"][0]["amount"], 1060)

    def test_interest_over_a_leap_day(self):
        """29 February counts as a day, and a year has 365 days all the same."""
        self.level1.interest_mode = "law"
        due = date(2027, 12, 31)
        self._late(0, 3650, invoice_date=due, invoice_date_due=due)
        line = self._run(leap_day()).letter_ids._get_told()
        self.assertEqual((line.interest_days, line.interest), (60, 60))

    def test_no_interest_of_private_customers(self):
        self.partner.is_company = False
        plan = self.company.reminder_plan_private_id
        plan.level_ids.write({"interest_mode": "own", "interest_rate": 10, "fee": 3})
        self._late(30)
        letter = self._run().letter_ids
        self.assertEqual(letter.level_id.plan_id, plan)
        line = letter._get_told()
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
        self.assertEqual(letter._get_told().mapped("charged"), [True, True])
        letter2 = self._run().letter_ids
        self.assertEqual(letter2.level_id, self.level2)
        line1, line2 = letter2._get_told().filtered(
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
        line = letter._get_told().filtered(lambda line: line.move_id == charge)
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
        self.assertIn(credit.name, letter.message_ids[:1].body)
        with self.assertRaisesRegex(UserError, "nothing charged"):
            letter.action_waive()

    def test_indemnity_once_an_invoice(self):
        """Two instalments of an invoice have one indemnity."""
        self.level1.write({"interest_mode": "law", "ask_indemnity": True})
        terms = self._terms_twice(10, 20)
        self._invoice(
            [(1, 1000, self.env["account.tax"])],
            invoice_date=self.today - timedelta(days=93),
            invoice_payment_term_id=terms.id,
        )
        lines = self._run().letter_ids._get_told()
        self.assertEqual(lines.mapped("indemnity"), [40, 0])
        self.assertEqual(lines.mapped("interest_days"), [83, 73])

    # -- rates by half-years --

    def test_each_day_at_its_rate(self):
        self.level1.interest_mode = "law"
        self.law.rate_ids = [
            fields.Command.create(
                {"date": self.today - timedelta(days=10), "rate": 20.0}
            )
        ]
        self._late(73, 1000)
        letter = self._run().letter_ids
        line = letter._get_told()
        self.assertEqual(line.interest, 22.74, "1000 × (63 × 10 % + 10 × 20 %) / 365")
        self.assertEqual(line.interest_days, 73)
        self.assertAlmostEqual(line.interest_rate, 830 / 73, 3)
        basis = letter._get_letter_values()["interest_basis"]
        self.assertIn("10.00 % from", basis)
        self.assertIn("20.00 % from", basis)

    def test_rate_of_the_half_year_is_missing(self):
        self._late(30)
        self.assertTrue(self.law.rate_outdated)
        self.assertTrue(self._run().rate_outdated)
        self.law.rate_ids = [fields.Command.create({"date": self.today, "rate": 12.0})]
        self.assertEqual(self.law.interest_rate, 12)
        self.assertFalse(self.law.rate_outdated)
        self.assertFalse(self._run().rate_outdated)

    def test_rates_that_are_installed(self):
        """Half-years follow each other without a gap, at plausible rates."""
        for law in self.env["account.reminder.law"].search([]) - self.law:
            days = sorted(law.rate_ids.mapped("date"))
            self.assertEqual({(day.month, day.day) for day in days}, {(1, 1), (7, 1)})
            for first, second in zip(days, days[1:], strict=False):
                self.assertLess((second - first).days, 185)
            self.assertTrue(all(8 < rate.rate < 15 for rate in law.rate_ids))
            self.assertTrue(all(law.rate_ids.mapped("source")))

    # -- an invoice that is open again --

    def test_charged_once_though_reopened(self):
        self._book(self.level1)
        invoice = self._late(60, 1000)
        letter = self._sent(5).letter_ids
        charge = letter.charge_move_id
        payment = self._receive(invoice)
        self._receive(charge)
        self.assertFalse(self._run().letter_ids)
        invoice.line_ids.remove_move_reconcile()
        payment.button_draft()
        self.assertFalse(self._run().letter_ids, "it had that level")
        again = self._run(self.today + timedelta(days=14)).letter_ids
        line = again._get_told().filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.level_id, line.indemnity), (self.level2, 0))

    def test_charged_once_though_posted_anew(self):
        self._book(self.level1)
        invoice = self._late(60, 1000)
        self._sent(5)
        invoice.button_draft()
        invoice.invoice_payment_term_id = self._terms_twice(5, 10)
        invoice.action_post()
        self.assertEqual(len(invoice.line_ids.filtered("date_maturity")), 2)
        self.assertFalse(self._run().letter_ids, "it had that level")
