"""Two people credit the same invoice at the same moment, on two connections."""

import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from odoo_shell import answer, run, start  # noqa: E402

MAKE_INVOICE = """
from odoo.fields import Command
company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, False)
tax = env["account.tax"].search(
    [("type_tax_use", "=", "sale"), ("company_id", "=", company.id)], limit=1)
invoice = env["account.move"].create({
    "move_type": "out_invoice",
    "partner_id": env["res.partner"].create({"name": "Two Users BV"}).id,
    "invoice_line_ids": [Command.create({
        "name": "Desk", "quantity": 5, "price_unit": 100,
        "tax_ids": [Command.set(tax.ids)]})],
})
invoice.action_post()
if PAID:
    env["account.payment.register"].with_context(
        active_model="account.move", active_ids=invoice.ids
    ).create({})._create_payments()
env.cr.commit()
print("ANSWER", invoice.id)
"""

COUNT = """
invoice = env["account.move"].browse(%d)
print("ANSWER", __import__("json").dumps({
    "credit_notes": len(invoice.reversal_move_ids),
    "credited": sum(invoice.reversal_move_ids.mapped("amount_total")),
    "total": invoice.amount_total,
}))
"""


class TestTwoUsers(unittest.TestCase):
    def _both_credit(self, paid):
        invoice_id = run(MAKE_INVOICE.replace("PAID", str(paid)))
        script = (HERE / "two_users_script.py").read_text()
        with tempfile.TemporaryDirectory() as meeting_place:
            users = [
                start(
                    script,
                    INVOICE_ID=str(invoice_id),
                    USER_NAME=name,
                    MEETING_PLACE=meeting_place,
                )
                for name in ("anna", "bob")
            ]
            answers = [answer(user) for user in users]
        credited = [a for a in answers if "credited" in a]
        refused = [a for a in answers if "refused" in a]
        self.assertEqual((len(credited), len(refused)), (1, 1), answers)
        self.assertIn("nothing to credit", refused[0]["refused"])
        result = run(COUNT % invoice_id)
        self.assertEqual(result["credit_notes"], 1)
        self.assertEqual(result["credited"], result["total"])

    def test_open_invoice(self):
        self._both_credit(paid=False)

    def test_paid_invoice(self):
        """Nothing is reconciled here: only the lock itself tells the second one."""
        self._both_credit(paid=True)


if __name__ == "__main__":
    unittest.main()
