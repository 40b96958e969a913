from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..tools.credit import CreditLine, CreditRequest
from .cost_of_goods_common import CostOfGoodsCommon


@tagged("post_install", "-at_install")
class TestDownPaymentGoods(CostOfGoodsCommon):
    """Down payments of goods with perpetual valuation, and who sees them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.worker = cls._new_user("dp_worker", "stock.group_stock_user")

    def _take(self, order, percent):
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [Command.set(order.ids)],
                "advance_payment_method": "percentage",
                "amount": percent,
            }
        )
        invoice = wizard._create_invoices(order)
        invoice.action_post()
        return invoice

    def assertNoCost(self, move):
        self.assertFalse(move.line_ids.filtered(lambda li: li.display_type == "cogs"))

    def test_cost_is_booked_with_the_goods_alone(self):
        """Neither a down payment nor its credit note has a cost; goods have theirs."""
        for method, product in self.products.items():
            with self.subTest(method=method):
                self.receive(product, 5, 10)
                order = self._order((product, 5))
                down_payment = self._take(order, 30)
                self.assertNoCost(down_payment)
                part = CreditLine(down_payment.invoice_line_ids, 0.0, 50.0)
                credit_note = self.env["account.move"]._create_credit_notes(
                    [CreditRequest(down_payment, [part])]
                )
                self.assertNoCost(credit_note)
                self._deliver(order)
                final = order._create_invoices(final=True)
                final.action_post()
                self.assertEqual(final.amount_untaxed, 400)
                lines = final.line_ids.filtered(lambda li: li.display_type == "cogs")
                cost = lines.filtered(lambda li: li.account_id == self.cost_account)
                self.assertAlmostEqual(sum(cost.mapped("balance")), 50)

    def test_warehouse_sees_no_down_payment(self):
        order = self._order((self.products["standard"], 5))
        down_payment = self._take(order, 30)
        with self.assertRaises(AccessError):
            down_payment.with_user(self.worker).read(["amount_total"])
        wizard = self.env["sale.advance.payment.inv"].with_user(self.worker)
        with self.assertRaises(AccessError):
            wizard.create({"sale_order_ids": [Command.set(order.ids)]})
        delivery = order.picking_ids.with_user(self.worker)
        delivery.move_ids.quantity = 5
        delivery.button_validate()
        self.assertEqual(delivery.state, "done")
