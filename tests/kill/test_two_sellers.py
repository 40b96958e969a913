"""Two people take or deduct down payments of one order at the same moment."""

import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from odoo_shell import answer, run, start  # noqa: E402

MAKE_ORDER = """
from odoo.fields import Command
company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, False)
tax = env["account.tax"].search(
    [("type_tax_use", "=", "sale"), ("company_id", "=", company.id)], limit=1)
order = env["sale.order"].create({
    "partner_id": env["res.partner"].create({"name": "Two Sellers BV"}).id,
    "order_line": [Command.create({
        "product_id": env["product.product"].create(
            {"name": "Advice", "type": "service", "invoice_policy": "order"}).id,
        "product_uom_qty": 10, "price_unit": 100,
        "tax_ids": [Command.set(tax.ids)]})],
})
order.action_confirm()
if TAKEN:
    env["sale.advance.payment.inv"].create({
        "sale_order_ids": [Command.set(order.ids)],
        "advance_payment_method": "percentage", "amount": TAKEN,
    })._create_invoices(order).action_post()
env.cr.commit()
print("ANSWER", order.id)
"""

COUNT = """
order = env["sale.order"].browse(%d)
moves = order.order_line.invoice_lines.move_id
print("ANSWER", __import__("json").dumps({
    "documents": len(moves),
    "untaxed": sum(moves.mapped("amount_untaxed_signed")),
    "ordered": order.amount_untaxed,
}))
"""


class TestTwoSellers(unittest.TestCase):
    def _both(self, what, taken=0):
        """Have two users work on an order; return their answers, and what is there.

        :param taken: the percentage that was taken down before
        """
        order_id = run(MAKE_ORDER.replace("TAKEN", str(taken)))
        script = (HERE / "two_sellers_script.py").read_text()
        with tempfile.TemporaryDirectory() as meeting_place:
            users = [
                start(
                    script,
                    ORDER_ID=str(order_id),
                    USER_NAME=name,
                    WHAT=what,
                    MEETING_PLACE=meeting_place,
                )
                for name in ("anna", "bob")
            ]
            answers = [answer(user) for user in users]
        # The second was run again, and saw what the first had done.
        attempts = sorted(one["attempts"] for one in answers)
        self.assertEqual(attempts[0], 1, answers)
        self.assertGreater(attempts[1], 1, answers)
        return answers, run(COUNT % order_id)

    def _get_refusal(self, answers):
        refused = [one["refused"] for one in answers if "refused" in one]
        self.assertEqual(len(refused), 1, answers)
        return refused[0]

    def test_both_take(self):
        answers, result = self._both("take")
        self.assertIn("is more than can be taken", self._get_refusal(answers))
        self.assertEqual((result["documents"], result["untaxed"]), (1, 600.0))

    def test_both_invoice(self):
        """The goods are invoiced and the down payment is deducted once."""
        answers, result = self._both("invoice", taken=30)
        self.assertTrue(self._get_refusal(answers))
        self.assertEqual((result["documents"], result["untaxed"]), (2, 1000.0))

    def test_one_deducts_what_the_other_credits(self):
        """Either is first: the customer pays the order, to the cent."""
        _answers, result = self._both("deduct or credit", taken=30)
        self.assertEqual(result["untaxed"], 1000.0)


if __name__ == "__main__":
    unittest.main()
