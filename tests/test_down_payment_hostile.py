from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDownPaymentHostile(DownPaymentCommon):
    """Wrong orders, stale dialogs, and values that no dialog sends."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Sees the orders of his own alone.
        cls.other_salesman = cls._new_user("dp_own", "sales_team.group_sale_salesman")

    def _order_of(self, **values):
        return self._order((self.ordered, 10, 100.0), **values)

    def test_two_down_payments_in_another_currency(self):
        """The VAT of the second is deducted in the company's currency as well."""
        euros = self.setup_other_currency("EUR", rates=[("2026-01-01", 1.25)])
        order = self._order_of()
        order.currency_id = euros
        downs = self._take(order, 30) | self._take(order, 20)
        final = self._final(order)
        self.assertEqual(final.amount_total, 600)
        tax_lines = final.line_ids.filtered("tax_line_id")
        self.assertEqual(sum(tax_lines.mapped("amount_currency")), -100)
        self.assertEqual(sum(tax_lines.mapped("balance")), -80)
        for line in final._get_deduction_lines():
            amounts = line.extra_tax_data["manual_tax_amounts"]
            self.assertIn(amounts[str(self.vat20.id)]["tax_amount"], (-48.0, -32.0))
        self.assertEqual(len(downs), 2)
        self.assertEqual(self._balance(order), 0)

    def test_draft_that_is_deducted_is_not_deleted(self):
        order = self._order_of()
        down = self._take(order, 30, post=False)
        final = self._final(order, post=False)
        with self.assertRefused("delete that one first"):
            down.unlink()
        final.unlink()
        down.unlink()
        self.assertFalse(order.invoice_ids)
        self.assertFalse(order.order_line._filter_down_payments())

    def test_both_drafts_deleted_together(self):
        order = self._order_of()
        down = self._take(order, 30, post=False)
        (down | self._final(order, post=False)).unlink()
        self.assertFalse(order.invoice_ids)

    def test_cancelled_in_between(self):
        """The dialog was open when another cancelled the order."""
        order = self._order_of()
        wizard = self._wizard(
            order, self.salesman, advance_payment_method="percentage", amount=30
        )
        order._action_cancel()
        with self.assertRefused("is cancelled"):
            wizard.create_invoices()
        self.assertFalse(order.invoice_ids)

    def test_of_two_orders(self):
        orders = self._order_of() | self._order_of()
        with self.assertRefused("one order at a time"):
            self._take(orders, 30)

    def test_figures_of_orders_one_may_not_read(self):
        """No dialog tells them, neither stored nor while it is filled in."""
        order = self._order_of(user_id=self.salesman.id)
        down = self._take(order, 30)
        own = self._order_of(user_id=self.other_salesman.id)
        env = self.env(user=self.other_salesman)
        values = env["sale.advance.payment.inv"].onchange(
            {
                "sale_order_ids": [[6, 0, order.ids]],
                "advance_payment_method": "delivered",
            },
            ["sale_order_ids"],
            {
                "sale_order_ids": {},
                "advance_payment_method": {},
                "down_payment_taken": {},
                "down_payment_max": {},
                "preview_tax_totals": {},
            },
        )["value"]
        self.assertFalse(values.get("down_payment_taken"))
        self.assertFalse(values.get("down_payment_max"))
        self.assertFalse(values.get("preview_tax_totals"))
        cancels = env["sale.order.cancel"]
        wizard = cancels.create({"order_id": order.id})
        self.assertFalse(wizard.line_ids)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            wizard.action_cancel_order()
        wizard = cancels.create(
            {"order_id": own.id, "line_ids": [Command.create({"invoice_id": down.id})]}
        )
        self.assertFalse(wizard.line_ids.name)
        self.assertFalse(wizard.line_ids.amount_total)
        wizard.action_cancel_order()
        self.assertFalse(down.reversal_move_ids)

    def test_step_of_a_million_days(self):
        order = self._order_of()
        step = {"name": "Late", "percent": 10, "trigger": "date"}
        for days in (10**9, -1):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                order.payment_step_ids = [Command.create({**step, "days": days})]

    def test_what_is_no_number(self):
        """NaN, infinity and text by RPC: told by name, and nothing is written."""
        order = self._order_of()
        order.payment_step_ids = [Command.create({"name": "Early", "percent": 10})]
        invoice = self._invoice([(1, 100.0, self.vat20)])
        orders = {"sale_order_ids": [Command.set(order.ids)]}
        takes = self.env["sale.advance.payment.inv"].with_user(self.salesman)
        discounts = (
            self.env["account.discount.credit"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=invoice.ids)
        )
        nothing = ("NaN", float("nan"), float("inf"), "abc", [1], 1e300, "9" * 400)
        for value in nothing:
            for method, name in (("percentage", "amount"), ("fixed", "fixed_amount")):
                values = {"advance_payment_method": method, name: value}
                with self.subTest(values), self.assertRefused("has to be a number"):
                    takes.create({**orders, **values})
                with self.subTest(values), self.assertRefused("has to be a number"):
                    takes.onchange({**orders, **values}, [name], {name: {}})
            for name in ("percent", "amount"):
                with self.subTest(value), self.assertRefused("has to be a number"):
                    discounts.create({name: value})
            for name in ("percent", "days"):
                with self.subTest(value), self.assertRefused("has to be a number"):
                    order.payment_step_ids.with_user(self.salesman).write({name: value})
        self.assertFalse(order.invoice_ids)
        self.assertFalse(invoice.reversal_move_ids)
        self.assertEqual(order.payment_step_ids.percent, 10)
        self.assertEqual(takes.create({**orders, "amount": "30"}).amount, 30)

    def test_of_nothing(self):
        order = self._order_of()
        with self.assertRefused("comes to nothing"):
            self._take(order, 0.0000001)
        with self.assertRefused("comes to nothing"):
            self._take(order, amount=0.0000001)
        with self.assertRefused("Choose the order"):
            self._take(order.browse(), 30)
        self.assertFalse(order.order_line._filter_down_payments())

    def test_step_written_by_itself(self):
        order = self._order_of()
        order.payment_step_ids = [Command.create({"name": "Early", "percent": 10})]
        for percent in (-1, 0, 101):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                order.payment_step_ids.percent = percent

    def _dialog(self, order, user):
        """Open the dialog as the button of the order does, and fill it in."""
        wizards = self.env["sale.advance.payment.inv"].with_user(user)
        wizards = wizards.with_context(active_model="sale.order", active_ids=order.ids)
        values = wizards.default_get(["sale_order_ids", "last_seen_id"])
        values |= {"advance_payment_method": "percentage", "amount": 30}
        return lambda: wizards.create(values).create_invoices()

    def test_two_dialogs(self):
        """The second click at 30 % is not a second down payment nobody wanted."""
        order = self._order_of()
        first = self._dialog(order, self.salesman)
        second = self._dialog(order, self._both)
        first()
        with self.assertRefused("was made on"):
            second()
        with self.assertRefused("was made on"):
            first()
        self.assertEqual(len(order.invoice_ids), 1)
        # Wanted, by a dialog that shows the first; and after the first is gone.
        again = self._dialog(order, self.salesman)
        last = self._dialog(order, self.salesman)
        again()
        self.assertEqual(order.invoice_ids.mapped("amount_total"), [360, 360])
        order.invoice_ids.unlink()
        last()
        self.assertEqual(len(order.invoice_ids), 1)

    @property
    def _both(self):
        user = self.accountant
        user.group_ids += self.env.ref("sales_team.group_sale_salesman_all_leads")
        return user
