from odoo import api, fields, models
from odoo.tools import formatLang


class SaleOrder(models.Model):
    """Money of a cancelled order that no credit note gives back.

    What was paid online, and neither set off against an invoice nor paid back: nobody
    would see it, as there is nothing to credit.
    """

    _inherit = "sale.order"

    paid_online_left = fields.Monetary(
        string="Paid Online and not Given Back",
        compute="_compute_paid_online_left",
        compute_sudo=True,
    )

    @api.depends("state", "transaction_ids.state", "transaction_ids.payment_id")
    def _compute_paid_online_left(self):
        for order in self:
            order.paid_online_left = sum(
                transaction._get_amount_left_open()
                for transaction in order.transaction_ids
                if transaction.currency_id == order.currency_id
            )

    def _action_cancel(self):
        """Tell of the money that is left, however the order is cancelled."""
        result = super()._action_cancel()
        for order in self.filtered("paid_online_left"):
            order._tell_of_money_left()
        return result

    def _tell_of_money_left(self):
        self.ensure_one()
        # sudo: salespeople see no payments of customers
        payments = self.sudo().transaction_ids.payment_id
        self.message_post(
            body=self.env._(
                "The order is cancelled, but of what was paid online %(amount)s is "
                "neither on an invoice nor paid back: see %(payments)s.",
                amount=formatLang(
                    self.env, self.paid_online_left, currency_obj=self.currency_id
                ),
                payments=", ".join(payments.mapped("display_name")),
            )
        )
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Pay back what was paid online"),
            user_id=self.user_id.id or self.env.uid,
        )


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _get_amount_left_open(self):
        """Return how much of this payment is on no invoice and was not paid back.

        :return: an amount in the transaction's currency; 0.0 for all but payments
        """
        self.ensure_one()
        payment = self.payment_id
        if self.state != "done" or self.operation == "refund" or not payment:
            return 0.0
        refunds = self.child_transaction_ids.filtered(
            lambda tx: tx.operation == "refund" and tx.state == "done"
        )
        left = payment.amount + sum(refunds.mapped("amount"))
        if payment.move_id:
            lines = payment.move_id.line_ids.filtered(
                lambda line: line.account_id == payment.destination_account_id
            )
            left = min(left, abs(sum(lines.mapped("amount_residual_currency"))))
        elif payment.invoice_ids:
            return 0.0
        return self.currency_id.round(max(left, 0.0))
