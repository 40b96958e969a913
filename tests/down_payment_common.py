from contextlib import contextmanager

from odoo import Command
from odoo.exceptions import UserError

from ..tools.credit import CreditLine, CreditRequest
from .sale_common import AvoirSaleCommon


class DownPaymentCommon(AvoirSaleCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.advances = cls.env["account.account"].create(
            {
                "name": "Advances received",
                "code": "4191",
                "account_type": "liability_current",
                "reconcile": True,
            }
        )
        cls.company.downpayment_account_id = cls.advances
        for tax in (cls.vat20, cls.vat5, cls.vat20_included):
            parts = tax.invoice_repartition_line_ids | tax.refund_repartition_line_ids
            parts.filtered(
                lambda part: part.repartition_type == "tax"
            ).account_id = cls.company_data["default_account_tax_sale"]
        cls.salesman = cls._new_user(
            "dp_sales", "sales_team.group_sale_salesman_all_leads"
        )
        cls.accountant = cls._new_user("dp_billing", "account.group_account_invoice")

    @classmethod
    def _wizard(cls, orders, user=None, **values):
        return (
            cls.env["sale.advance.payment.inv"]
            .with_user(user or cls.env.user)
            .create({"sale_order_ids": [Command.set(orders.ids)], **values})
        )

    @classmethod
    def _take(cls, order, percent=None, amount=None, post=True, user=None):
        values = {"advance_payment_method": "percentage", "amount": percent}
        if amount is not None:
            values = {"advance_payment_method": "fixed", "fixed_amount": amount}
        wizard = cls._wizard(order, user, **values)
        invoice = wizard._create_invoices(wizard.sale_order_ids).with_user(cls.env.user)
        if post:
            invoice.sudo().action_post()
        return invoice

    @classmethod
    def _final(cls, order, post=True, **values):
        wizard = cls._wizard(order, advance_payment_method="delivered", **values)
        invoices = wizard._create_invoices(order)
        if post:
            invoices.action_post()
        return invoices

    @classmethod
    def _give_back(cls, invoice, quantity=0.0, amount=None, line=0, **request):
        lines = [CreditLine(invoice.invoice_line_ids[line], quantity, amount)]
        return cls.env["account.move"]._create_credit_notes(
            [CreditRequest(invoice, lines, **request)]
        )

    @classmethod
    def _balance(cls, order=None):
        lines = cls.env["account.move.line"].search(
            [("account_id", "=", cls.advances.id), ("parent_state", "=", "posted")]
        )
        if order:
            lines = lines.filtered(lambda line: line.sale_line_ids.order_id == order)
        return round(sum(lines.mapped("balance")), 2)

    @contextmanager
    def assertRefused(self, text):
        """As ``assertRaises``, which alone takes back what was done."""
        with self.assertRaises(UserError) as caught:
            yield
        self.assertIn(text, str(caught.exception))

    def assertAddsUp(self, order):
        order.invalidate_recordset()
        self.assertAlmostEqual(
            order.amount_total,
            order.goods_invoiced
            + order.down_payment_left
            + order.left_to_invoice
            + order.goods_changed,
            2,
        )
        self.assertAlmostEqual(
            order.down_payment_left,
            order.down_payment_invoiced
            - order.down_payment_credited
            - order.down_payment_deducted,
            2,
        )
