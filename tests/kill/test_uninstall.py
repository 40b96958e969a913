"""Without the addon the database works as before it: documents stay, core's own
credit notes are core's again."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from odoo_shell import run  # noqa: E402

USE_AND_UNINSTALL = """
from odoo.fields import Command
from odoo.addons.avoir.tools.credit import CreditRequest
company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, False)
invoice = env["account.move"].create({
    "move_type": "out_invoice",
    "partner_id": env["res.partner"].create({"name": "Leaving BV"}).id,
    "invoice_line_ids": [
        Command.create({"name": "Desk", "quantity": 5, "price_unit": 100})],
})
invoice.action_post()
reason = env["account.refund.reason"].search([], limit=1)
credit_note = env["account.move"]._create_credit_notes(
    [CreditRequest(invoice, total=50.0, values={"refund_reason_id": reason.id})])
env.cr.commit()
env["ir.module.module"].search([("name", "=", "avoir")]).button_immediate_uninstall()
print("ANSWER", [invoice.id, credit_note.id])
"""

AFTERWARDS = """
import json
invoice, credit_note = env["account.move"].browse(IDS)
wizard = env["account.move.reversal"].with_context(
    active_model="account.move", active_ids=invoice.ids
).create({"journal_id": invoice.journal_id.id})
wizard.refund_moves()
wizard.new_move_ids.action_post()
group = env.ref("account.group_account_invoice")
views = env["account.move.reversal"].get_views([(False, "form")])
env["account.move"].get_views([(False, "form"), (False, "list"), (False, "search")])
print("ANSWER", json.dumps({
    "installed": env["ir.module.module"].search([("name", "=", "avoir")]).state,
    "states": [invoice.state, credit_note.state, wizard.new_move_ids.state],
    "named": credit_note.reversed_entry_id == invoice,
    "left": [name for name in env if name.startswith("marketplace.")],
    "columns": [name for name in env["account.move"]._fields
                if name.startswith("refund_")],
    "groups": [g.full_name for g in group.implied_ids
               if "Customer Service" in g.full_name],
}))
"""


class TestUninstall(unittest.TestCase):
    def test_core_works_afterwards(self):
        ids = run(USE_AND_UNINSTALL)
        self.assertEqual(
            run(AFTERWARDS.replace("IDS", str(ids))),
            {
                "installed": "uninstalled",
                "states": ["posted", "posted", "posted"],
                "named": True,
                "left": [],
                "columns": [],
                "groups": [],
            },
        )


if __name__ == "__main__":
    unittest.main()
