from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .reminder_common import ReminderCommon


@tagged("post_install", "-at_install")
class TestAccountReminderLeftOut(ReminderCommon):
    """Who is late and gets no letter is told why."""

    def _why(self, run, user=None):
        """The reasons that a run tells, by document, with the day they end."""
        action = run.with_user(user or self.accountant).action_open_left_out()
        rows = self.env[action["res_model"]].with_user(user or self.accountant)
        return {
            row.move_id: (row.reason, row.from_date)
            for row in rows.search(action["domain"])
        }

    def _days(self, number):
        return self.today + timedelta(days=number)

    def test_reasons_of_invoices(self):
        stops = {
            "disputed": lambda move: move._set_dispute("Never ordered"),
            "promised": lambda move: move._set_promise(self._days(3)),
            "blocked": lambda move: move.action_toggle_block_payment(),
            "no_followup": lambda move: setattr(move, "no_followup", True),
            "credit_draft": lambda move: self._credit(move, (0, 1), post=False),
        }
        wanted = {}
        for reason, stop in stops.items():
            invoice = self._late(30)
            stop(invoice)
            wanted[invoice] = (reason, self._days(4) if reason == "promised" else None)
        self._late(-3)
        run = self._run()
        self.assertFalse(run.letter_ids)
        self.assertEqual(
            self._why(run), {move: (r, d or False) for move, (r, d) in wanted.items()}
        )
        self.assertEqual(run.left_out_count, 1, "one customer")

    def test_of_a_customer_who_gets_a_letter(self):
        """What is in the letter is not left out, the rest of it is."""
        self._late(30)
        disputed = self._late(30)
        disputed._set_dispute("Broken")
        run = self._run()
        self.assertEqual(run.letter_count, 1)
        self.assertEqual(self._why(run), {disputed: ("disputed", False)})

    def test_payment_under_way(self):
        paid, waiting = self._late(30), self._late(30)
        paid.payment_state = "in_payment"
        self.env["payment.transaction"].create(
            {
                "provider_id": self.env["payment.provider"].create({"name": "Test"}).id,
                "payment_method_id": self.env["payment.method"]
                .with_context(active_test=False)
                .search([], limit=1)
                .id,
                "amount": 100,
                "currency_id": waiting.currency_id.id,
                "partner_id": self.partner.id,
                "reference": "tx",
                "state": "pending",
                "invoice_ids": waiting.ids,
            }
        )
        self.assertEqual(
            self._why(self._run()),
            {paid: ("payment", False), waiting: ("payment", False)},
        )

    def test_reasons_of_customers(self):
        cases = {}
        for name, reason, values, days, amount in (
            ("Nothing", "customer", {"reminder_excluded": True}, 30, 100),
            ("Handed", "collection", {"reminder_collection": True}, 30, 100),
            ("Small", "minimum", {}, 30, 4),
            ("Early", "early", {}, 1, 100),
        ):
            partner = self._customer(name)
            partner.with_company(self.company).write(values)
            invoice = self._late(days, amount, partner_id=partner.id)
            until = self.level1.days - 1 if reason == "early" else None
            cases[invoice] = (reason, until is not None and self._days(until))
        self.assertEqual(self._why(self._run()), cases)

    def test_reminded_lately_and_last_level(self):
        first = self._late(90)
        sent = self._sent(3)
        run = self._run()
        self.assertEqual(self._why(run), {first: ("recent", self._days(4))})
        self.assertEqual(
            self.env["account.reminder.left.out"]
            .with_user(self.accountant)
            .search([("run_id", "=", run.id)])
            .letter_id,
            sent.letter_ids,
        )
        self.plan.gap = 0
        self.assertEqual(
            self._why(run), {first: ("recent", self._days(self.level2.interval - 3))}
        )
        (self.level2 + self.level3).unlink()
        self.assertEqual(self._why(run), {first: ("last_level", False)})

    def test_credits(self):
        invoice = self._late(30, 100)
        self._invoice([(1, 100, self.vat20.browse())], move_type="out_refund")
        self.assertEqual(self._why(self._run()), {invoice: ("credit", False)})

    def test_other_runs_and_taken_out(self):
        invoice = self._late(30)
        run = self._run()
        self.assertFalse(self._why(run))
        again = self._run()
        self.assertEqual(self._why(again), {invoice: ("other_run", False)})
        run.letter_ids.action_exclude()
        self.assertEqual(self._why(run), {invoice: ("excluded", False)})
        self.assertEqual(self._why(again), {invoice: ("new", False)}, "look again")

    def test_no_plan(self):
        self.company.reminder_plan_business_id = False
        invoice = self._late(30)
        self.assertEqual(self._why(self._run()), {invoice: ("no_plan", False)})
        standard = self._run(kind="standard")
        self.assertTrue(standard.letter_ids)
        self.assertFalse(self._why(standard))

    def test_standard_letter_that_is_empty(self):
        disputed = self._late(30)
        disputed._set_dispute("No")
        action = self.partner.with_user(self.accountant).action_standard_reminder()
        run = self.env["account.reminder.run"].browse(action["res_id"])
        self.assertEqual((run.letter_count, run.left_out_count), (0, 1))
        self.assertEqual(self._why(run), {disputed: ("disputed", False)})

    def test_only_these_customers(self):
        other = self._customer("Other")
        mine, theirs = self._late(30), self._late(30, partner_id=other.id)
        (mine + theirs)._set_dispute("No")
        self.assertEqual(list(self._why(self._run(partner_ids=other.ids))), [theirs])

    def test_another_company(self):
        company = self._make_other_company()
        invoice = self._late(1)
        run = self._run()
        self.assertEqual(list(self._why(run)), [invoice])
        foreign = self.env["account.reminder.run"].create({"company_id": company.id})
        with self.assertRaises(AccessError):
            foreign.with_user(self.accountant).action_open_left_out()

    def _make_other_company(self):
        return self.env["res.company"].create({"name": "Elsewhere"})

    def test_roles(self):
        invoice = self._late(1)
        run = self._run()
        reader = self._new_user("reader_lo", "account.group_account_readonly")
        self.assertEqual(list(self._why(run, reader)), [invoice])
        rows = self.env["account.reminder.left.out"]
        self.assertFalse(
            rows.with_user(self.accountant).search([]), "those of another user"
        )
        with self.assertRaises(AccessError):
            rows.with_user(self.accountant).create({"reason": "new"})
        service = self._new_user("service_lo", "avoir.group_refund_user")
        with self.assertRaises(AccessError):
            self._why(run, service)
        run.action_cancel()
        with self.assertRaises(UserError):
            self._why(run)

    def test_statements(self):
        """As many statements for fifty customers as for one."""
        partners = [self._customer(f"Many {number}") for number in range(50)]
        for partner in partners:
            self._late(1, partner_id=partner.id)
        run = self._run()
        self._why(run)
        with self.assertQueryCount(25):
            run.action_open_left_out()
        self.assertEqual(run.left_out_count, 50)
