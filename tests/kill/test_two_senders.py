"""Reminders sent twice at once, or by a process that is killed: once each."""

import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from odoo_shell import answer, run, start  # noqa: E402

# NUMBER customers with one late invoice each, and the preview of their reminders.
MAKE_RUN = """
import os
from datetime import timedelta
from odoo import fields
from odoo.fields import Command
company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, False)
due = fields.Date.today() - timedelta(days=30)
customers = env["res.partner"].create([
    {"name": f"Sender {n}", "is_company": True, "email": f"s{n}@example.com"}
    for n in range(int(os.environ["NUMBER"]))])
env["account.move"].create([{
    "move_type": "out_invoice", "partner_id": customer.id,
    "invoice_date": due, "invoice_date_due": due, "invoice_payment_term_id": False,
    "invoice_line_ids": [Command.create(
        {"name": "Desk", "price_unit": 100, "tax_ids": [Command.clear()]})],
} for customer in customers]).action_post()
env["account.reminder.level"].search([]).attach_invoices = False
env.ref("avoir.ir_cron_reminder_send").active = False
run = env["account.reminder.run"].create(
    {"partner_ids": [Command.set(customers.ids)]})
run._prepare()
env.cr.commit()
print("ANSWER", run.id)
"""

# What became of it, after the background was worked off once more.
COUNT = """
import json
letters = env["account.reminder.run"].browse(%d).letter_ids
env["account.reminder.letter"]._cron_send()
env.invalidate_all()
mails = env["mail.mail"].search([
    ("model", "=", "account.reminder.letter"), ("res_id", "in", letters.ids)])
print("ANSWER", json.dumps({
    "letters": len(letters), "sent": len(letters.filtered(lambda l: l.state == "sent")),
    "mails": len(mails), "told": len(set(mails.mapped("res_id"))),
    "pdfs": env["ir.attachment"].search_count([
        ("res_model", "=", "account.reminder.letter"),
        ("res_id", "in", letters.ids)]),
    "run": letters.run_id.state}))
"""


class TestTwoSenders(unittest.TestCase):
    def _check(self, run_id, number):
        result = run(COUNT % run_id)
        self.assertEqual(
            result,
            {
                "letters": number,
                "sent": number,
                "mails": number,
                "told": number,
                "pdfs": number,
                "run": "done",
            },
        )

    def _both(self, run_id, what):
        script = (HERE / "two_senders_script.py").read_text()
        with tempfile.TemporaryDirectory() as meeting_place:
            senders = [
                start(
                    script,
                    RUN_ID=str(run_id),
                    USER_NAME=name,
                    WHAT=what,
                    MEETING_PLACE=meeting_place,
                )
                for name in ("anna", "bob")
            ]
            return [answer(sender) for sender in senders]

    def test_two_clicks(self):
        run_id = run(MAKE_RUN, NUMBER="3")
        answers = self._both(run_id, "click")
        self.assertEqual(sorted(a["result"] for a in answers), ["refused", "sent"])
        self._check(run_id, 3)

    def test_two_workers_and_a_kill(self):
        run_id = run(MAKE_RUN, NUMBER="10")
        script = (HERE / "two_senders_script.py").read_text()
        with tempfile.TemporaryDirectory() as meeting_place:
            killed = start(
                script,
                RUN_ID=str(run_id),
                USER_NAME="killed",
                WHAT="hang",
                MEETING_PLACE=meeting_place,
            )
            mark = Path(meeting_place, "delivered")
            deadline = time.monotonic() + 120
            while not mark.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertTrue(mark.exists(), "it never came to its first batch")
            killed.send_signal(signal.SIGKILL)
            killed.communicate()
        self._both(run_id, "work")
        self._check(run_id, 10)


if __name__ == "__main__":
    unittest.main()
