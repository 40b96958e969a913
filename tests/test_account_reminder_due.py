from datetime import date, timedelta
from random import Random
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .reminder_common import Command, ReminderCommon, leap_day


@tagged("post_install", "-at_install")
class TestAccountReminderDue(ReminderCommon):
    """Who gets a letter, about what (cases 34 and 35)."""

    def test_overdue_less_open_credits(self):
        invoice = self._late(30, 500)
        self._late(-5, 900)
        self._invoice([(1, 200, self.vat20.browse())], move_type="out_refund")
        letter = self._run().letter_ids
        self.assertEqual(letter.partner_id, self.partner)
        self.assertEqual(letter.amount_due, 300)
        self.assertEqual(letter.oldest_date, invoice.invoice_date_due)
        self.assertEqual(len(letter._get_told()), 2, "the credit is listed")

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
        terms = self._terms_twice(10, 60)
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
            for total in letter._get_totals(letter._get_told())
        }
        shown = sum(letter._get_told().mapped("indemnity"))
        self.assertEqual(totals[euro_invoice.currency_id], 100 + shown)
        self.assertEqual(totals[pound], 250)
        self._pay(pound_invoice)
        run.action_cancel()
        self.assertEqual(self._run().letter_ids.amount_due, 100)

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
        self.assertEqual(len(letter._get_told()), 2, "all that is overdue is listed")
        self.assertEqual(letter._get_told().mapped("level_id"), self.level1)
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
        self.assertFalse(due._get_lines(other, self.today, self.partner))
        self.accountant.write({"company_ids": other.ids, "company_id": other.id})
        with self.assertRaises(AccessError):
            run.invalidate_recordset()
            run.with_user(self.accountant).with_context(
                allowed_company_ids=other.ids
            ).read(["name"])

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

    def test_customer_of_two_companies(self):
        other = self.setup_other_company(name="Second")["company"]
        self._late(30, 100)
        journal = self.env["account.journal"].search(
            [("company_id", "=", other.id), ("type", "=", "sale")], limit=1
        )
        theirs = self._late(20, 70, company_id=other.id, journal_id=journal.id)
        self.assertEqual(theirs.company_id, other)
        self.assertEqual(self._run().letter_ids.amount_due, 100)
        run = self.env["account.reminder.run"].create(
            {"company_id": other.id, "date": self.today}
        )
        run._prepare()
        self.assertEqual(run.letter_ids.amount_due, 70)
        self.assertEqual(run.letter_ids.level_id.company_id, other)

    def test_leap_day(self):
        self._late(
            0,
            invoice_date=date(2027, 12, 1),
            invoice_date_due=date(2027, 12, 31),
        )
        letter = self._letter(self._run(leap_day()))
        self.assertEqual(letter.days_late, 60)
        self.assertEqual(letter.pay_before, date(2028, 3, 8))

    def test_preview_follows_what_is_open(self):
        """What a preview shows is worked out when it is looked at."""
        invoice = self._late(30, 500)
        letter = self._run().letter_ids
        self.assertFalse(letter.line_ids, "nothing is stored yet")
        self._credit(invoice, (0, 0.5))
        letter.invalidate_recordset()
        self.assertEqual(letter._get_told().amount_residual, 250)
        self.assertIn("250.00", letter.with_user(self.accountant).amounts)
        self.assertIn(invoice.name, letter.preview)

    def test_letters_are_what_their_lines_say(self):
        """Lines looked at together reach the same level as line by line."""
        self.plan.level_ids.channel = "call"
        partners = self.env["res.partner"].create(
            [{"name": f"Mixed {n}", "is_company": True} for n in range(60)]
        )
        random = Random(7)
        self._owe(partners, random)
        for ago in (40, 25, 10):
            some = Command.set(random.sample(partners.ids, 30))
            self._sent(ago, partner_ids=[some])
            self._owe(partners, random)
        due = self.env["account.reminder.due"]
        for standard in (False, True):
            found = due._get_lines(
                self.company, self.today, partners, standard=standard
            )
            letters = {
                row[0]: row[-4:]
                for row in due._execute(
                    due._get_letters_query(
                        self.company, self.today, partners, standard=standard
                    )
                )
            }
            keys = ("letter_level", "letter_step", "letter_amount", "letter_oldest")
            self.assertEqual(
                letters,
                {
                    partner: tuple(rows[0][key] for key in keys)
                    for partner, rows in found.items()
                },
            )
            self.assertGreater(len(letters), 20)
        self._check_left_out(partners)

    def _check_left_out(self, partners):
        """What is late is in a letter or left out for a reason, never neither."""
        run = self._run(partner_ids=[Command.set(partners.ids)])
        run.action_open_left_out()
        rows = run.env["account.reminder.left.out"].search([("run_id", "=", run.id)])
        self.assertNotIn("new", rows.mapped("reason"))
        late = self.env["account.move.line"].search(
            [
                ("partner_id", "in", partners.ids),
                ("account_type", "=", "asset_receivable"),
                ("amount_residual", ">", 0),
                ("date_maturity", "<", self.today),
            ]
        )
        self.assertEqual(late.partner_id, rows.partner_id | run.letter_ids.partner_id)
        self.assertGreater(len(rows), 20)
        self.assertFalse(rows.partner_id & run.letter_ids.partner_id)

    def _owe(self, partners, random):
        """Book what many customers owe, and credits, in two currencies."""
        account = self.company_data["default_account_receivable"]
        revenue = self.company_data["default_account_revenue"]
        pound = self.setup_other_currency("GBP", rates=[("2016-01-01", 2.0)])
        lines = []
        for partner in partners:
            for _number in range(random.randint(0, 3)):
                currency = random.choice((self.company.currency_id, pound))
                amount = random.choice((-30, 3, 40, 55, 100))
                lines.append(
                    {
                        "partner_id": partner.id,
                        "account_id": account.id,
                        "currency_id": currency.id,
                        "amount_currency": amount,
                        "balance": amount / (2 if currency == pound else 1),
                        "no_followup": False,
                        "date_maturity": self.today
                        - timedelta(days=random.randint(-5, 90)),
                    }
                )
        lines.append(
            {
                "account_id": revenue.id,
                "balance": -sum(line["balance"] for line in lines),
            }
        )
        self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "date": self.today,
                "line_ids": [Command.create(line) for line in lines],
            }
        ).action_post()
