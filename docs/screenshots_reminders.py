"""Reminders for their pictures: two runs sent in the past, one to look through.

Run by docs/screenshots.sh in Odoo's shell; prints the ids as NAME=ID.
"""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields

shell = env  # noqa: F821 - of Odoo's shell
company = shell.ref("avoir.demo_company_nl")
accountant = shell["res.users"].search([("login", "=", "accountant")])
env = shell(user=accountant.id, context={"allowed_company_ids": company.ids})
today = fields.Date.today()


def make_run(day):
    run = env["account.reminder.run"].create({"date": day})
    run.action_prepare()
    return run


env["account.reminder.run"].search([("state", "=", "draft")]).action_cancel()
for days in (30, 15):
    then = today - timedelta(days=days)
    with patch.object(fields.Date, "context_today", lambda *_args, then=then: then):
        run = make_run(then)
        if run.letter_ids:
            run.action_send()
            env["account.reminder.letter"]._cron_send()
run = make_run(today)
env.cr.commit()
sent = env["account.reminder.letter"].search(
    [("attachment_id", "!=", False), ("line_ids.interest", ">", 0)], limit=1
)
print(f"reminder_run={run.id}")
print(f"reminder_letter={sent.id}")
print(f"reminder_token={sent.sudo()._portal_ensure_token()}")
env.cr.commit()
