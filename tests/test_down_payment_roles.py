from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDownPaymentRoles(DownPaymentCommon):
    """Cases 27 to 33 as those who do them, in two companies and two currencies.

    Sales make drafts, accountants post them; neither sees the other company.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        first = cls.company
        second = cls.setup_other_company(name="Second")["company"]
        cls.other_currency = cls.setup_other_currency(
            "EUR", rates=[("2026-01-01", 1.25)]
        )
        cls.worlds = [cls._world(first), cls._world(second)]

    @classmethod
    def _world(cls, company):
        env = cls.env(context={"allowed_company_ids": company.ids})
        account = env["account.account"].create(
            {
                "name": "Advances",
                "code": "41910",
                "account_type": "liability_current",
                "reconcile": True,
                "company_ids": [Command.set(company.ids)],
            }
        )
        company.downpayment_account_id = account
        tax = env["account.tax"].create(
            {
                "name": "20 %",
                "amount": 20,
                "type_tax_use": "sale",
                "company_id": company.id,
            }
        )

        def user(role, group):
            return new_test_user(
                env,
                login=f"{role}_{company.id}",
                groups=group,
                company_id=company.id,
                company_ids=[Command.set(company.ids)],
            )

        return {
            "company": company,
            "account": account,
            "tax": tax,
            "warehouse": cls._warehouse(company),
            "sales": user("sales", "sales_team.group_sale_salesman"),
            "accountant": user("accountant", "account.group_account_invoice"),
        }

    def _each(self, check):
        """Check both companies, in their own currency and in another."""
        for world in self.worlds:
            for currency in (world["company"].currency_id, self.other_currency):
                with self.subTest(world["company"].name, currency=currency.name):
                    check(world, currency)

    def _order_in(self, world, currency, product=None):
        orders = self.env["sale.order"].with_user(world["sales"])
        pricelist = self.env["product.pricelist"].create(
            {"name": "P", "currency_id": currency.id, "company_id": False}
        )
        line = {
            "product_id": (product or self.ordered).id,
            "product_uom_qty": 10,
            "price_unit": 100,
            "tax_ids": [Command.set(world["tax"].ids)],
        }
        order = orders.create(
            {
                "partner_id": self.partner.id,
                "warehouse_id": world["warehouse"].id,
                "pricelist_id": pricelist.id,
                "order_line": [Command.create(line)],
            }
        )
        order.action_confirm()
        self.assertEqual(order.currency_id, currency)
        return order

    def _post(self, world, order):
        """Have the accountant post what sales made; return it as the accountant."""
        drafts = order.sudo().invoice_ids.filtered(lambda move: move.state == "draft")
        drafts = drafts.with_user(world["accountant"]).sudo(False)
        drafts.action_post()
        return drafts

    def _down(self, world, order, percent=30):
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self._wizard(order, world["accountant"], amount=percent)
        wizard = self._wizard(
            order,
            world["sales"],
            advance_payment_method="percentage",
            amount=percent,
        )
        wizard.create_invoices()
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            order.invoice_ids.action_post()
        return self._post(world, order)

    def _finish(self, world, order, **values):
        self._wizard(
            order, world["sales"], advance_payment_method="delivered", **values
        ).create_invoices()
        return self._post(world, order)

    def assertEmpty(self, world, order):
        """Nothing is left on the account of down payments, in both currencies."""
        lines = order.sudo().invoice_ids.line_ids.filtered(
            lambda line: (
                line.account_id == world["account"] and line.parent_state == "posted"
            )
        )
        self.assertTrue(lines)
        self.assertAlmostEqual(sum(lines.mapped("amount_currency")), 0)
        self.assertAlmostEqual(sum(lines.mapped("amount_residual")), 0)
        self.assertAddsUp(order)

    def test_taken_and_named(self):
        """Cases 27, 31 and 33."""
        self._each(self._check_taken_and_named)

    def _check_taken_and_named(self, world, currency):
        order = self._order_in(world, currency)
        down = self._down(world, order)
        self.assertEqual(down.company_id, world["company"])
        self.assertEqual(down.currency_id, currency)
        self.assertEqual(down.amount_total, 360)
        line = down.invoice_line_ids
        self.assertEqual(line.account_id, world["account"])
        self.assertEqual(line.product_id, down.company_id.down_payment_product_id)
        with self.assertRefused("more than can be taken"):
            self._down(world, order, 71)
        final = self._finish(world, order)
        self.assertEqual(down.journal_id, final.journal_id)
        self.assertEqual(final.sequence_number, down.sequence_number + 1)
        self.assertEqual(final.amount_total, 840)
        [told] = final._get_deducted_down_payments()
        self.assertEqual((told["invoice"], told["total"]), (down, 360))
        self.assertIn(down.name, "".join(final.invoice_line_ids.mapped("name")))
        self.assertEmpty(world, order)

    def test_credited_in_part(self):
        """Cases 28 and 29."""
        self._each(self._check_credited_in_part)

    def _check_credited_in_part(self, world, currency):
        for cancelled, total in ((False, 960), (True, 840)):
            order = self._order_in(world, currency)
            down = self._down(world, order)
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self._credit_as(down, world["sales"])
            credit_note = self._credit_as(down, world["accountant"])
            self.assertEqual(credit_note.amount_total, 120)
            if cancelled:
                credit_note.button_draft()
                credit_note.button_cancel()
            self.assertEqual(self._finish(world, order).amount_total, total)
            self.assertEmpty(world, order)

    def _credit_as(self, down, user):
        """Credit 100 before taxes by the button of the invoice."""
        wizards = self.env["account.move.reversal"].with_user(user)
        values = {"refund_reason_id": self.reason.id, "credit_by": "amount"}
        wizard = wizards.with_context(
            active_model="account.move", active_ids=down.ids, refund_wizard=True
        ).create({**values, "credit_amount": 120})
        return down.browse(wizard.action_credit()["res_id"])

    def test_larger_than_a_part_delivery(self):
        """Case 30, both ways."""
        self._each(self._check_larger_than_a_part_delivery)

    def _check_larger_than_a_part_delivery(self, world, currency):
        for way, totals in (("proportion", [120, 480]), ("total", [0, 600])):
            order = self._order_in(world, currency, self.delivered)
            self._down(world, order, 50)
            for quantity, total in zip((2, 8), totals, strict=True):
                self._deliver(order.sudo(), quantity)
                final = self._finish(world, order, deduction=way)
                self.assertEqual(final.move_type, "out_invoice")
                self.assertEqual(final.amount_total, total)
            self.assertEmpty(world, order)

    def test_cancelled_after_it_was_paid(self):
        """Case 32: sales cancel, the accountant pays back; strangers see nothing."""
        self._each(self._check_cancelled_after_it_was_paid)

    def _check_cancelled_after_it_was_paid(self, world, currency):
        order = self._order_in(world, currency)
        down = self._down(world, order)
        self._pay(down)
        self.assertEqual(order.down_payment_paid, 360)
        action = order.action_open_cancel()
        wizards = self.env["sale.order.cancel"].with_user(world["sales"])
        wizards.with_context(**action["context"]).create({}).action_cancel_order()
        credit_note = down.sudo().reversal_move_ids
        self.assertEqual(credit_note.refund_approval, "to_approve")
        [stranger] = [one for one in self.worlds if one is not world]
        for record, role in ((credit_note, "accountant"), (order, "sales")):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                record.with_user(stranger[role]).sudo(False).read(["name"])
        manager = world["accountant"]
        manager.group_ids += self.env.ref("avoir.group_refund_manager")
        credit_note = credit_note.with_user(manager).sudo(False)
        credit_note.action_approve_refund()
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.amount_residual, 360)
        with self.assertRefused("more than is owed back"):
            self._pay(credit_note, amount=400)
        self._pay(credit_note)
        self.assertEqual(credit_note.amount_residual, 0)
        self.assertEmpty(world, order)
        self.assertFalse(order.uncredited_invoice_names)
        manager.group_ids -= self.env.ref("avoir.group_refund_manager")

    def _pay(self, moves, **values):
        registers = moves.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=moves.ids
        )
        return registers.create(values)._create_payments()
