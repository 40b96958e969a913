from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang


class AccountMove(models.Model):
    """Money of a credit note, back by the way that it came."""

    _inherit = "account.move"

    online_refundable = fields.Monetary(
        compute="_compute_online_refundable",
        compute_sudo=True,
        help="How much of this credit note can be paid back through the provider of "
        "the customer's own payment.",
    )

    @api.depends("amount_residual", "state", "payment_state")
    def _compute_online_refundable(self):
        for move in self:
            move.online_refundable = sum(
                amount for _tx, amount in move._get_online_refunds()
            )

    def _get_online_refunds(self):
        """Return which payment transactions can pay this credit note back.

        Never more than the customer paid by them, and never more than is still owed
        back (ACCOUNTING.md case 22); refunds under way count.

        :return: ``[(payment.transaction, amount), …]`` in the credit note's currency
        """
        self.ensure_one()
        if self.move_type != "out_refund" or self.state != "posted":
            return []
        left = self.amount_residual - self._get_refunds_under_way()
        result = []
        for transaction in self._get_paid_transactions():
            payment = transaction.payment_id
            available = payment.amount_available_for_refund
            available -= _sum_under_way(transaction.child_transaction_ids)
            amount = self.currency_id.round(min(left, available))
            if self.currency_id.compare_amounts(amount, 0.0) <= 0:
                continue
            if transaction._refunds_in_full_only() and amount < transaction.amount:
                continue
            result.append((transaction, amount))
            left -= amount
        return result

    def _get_paid_transactions(self):
        """Return the transactions that paid what this credit note corrects."""
        invoices = self.reversed_entry_id | self.line_ids.reversed_line_id.move_id
        orders = invoices.line_ids.sale_line_ids.order_id
        transactions = invoices.transaction_ids | orders.transaction_ids
        return transactions.filtered(
            lambda tx: (
                tx.state == "done"
                and tx.operation != "refund"
                and tx.payment_id
                and tx.currency_id == self.currency_id
            )
        ).sorted("id")

    def _get_refunds_under_way(self):
        return _sum_under_way(self.transaction_ids)

    def action_refund_online(self):
        """Have the provider of the original payment pay this credit note back.

        The payment is registered and reconciled once the provider confirms it.

        :raise UserError: where nothing can be paid back by this way
        """
        for move in self:
            move.check_access("write")
            move._lock_for_credit()
            refunds = move.sudo()._get_online_refunds()
            if not refunds:
                raise UserError(
                    self.env._(
                        "%(credit_note)s cannot be paid back through the provider of "
                        "the original payment: nothing is owed any more, or the "
                        "provider takes no refund. Press Pay to pay it back yourself.",
                        credit_note=move.display_name,
                    )
                )
            for transaction, amount in refunds:
                move._refund_transaction(transaction, amount)

    def _refund_transaction(self, transaction, amount):
        transaction._ensure_provider_is_not_disabled()
        refund = transaction._create_child_transaction(
            amount, is_refund=True, invoice_ids=[Command.set(self.ids)]
        )
        refund._log_sent_message()
        try:
            refund._send_refund_request()
        except ValidationError as error:
            refund._set_error(str(error))


def _sum_under_way(transactions):
    """Add up refunds that the provider has not confirmed yet, or not booked."""
    return sum(
        -tx.amount
        for tx in transactions
        if tx.operation == "refund"
        and tx.state not in ("error", "cancel")
        and not tx.payment_id
    )


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _refunds_in_full_only(self):
        method = self.payment_method_id.primary_payment_method_id
        method = method or self.payment_method_id
        return "full_only" in (self.provider_id.support_refund, method.support_refund)


class AccountPaymentRegister(models.TransientModel):
    _inherit = "account.payment.register"

    def _create_payments(self):
        """Never pay back more than is owed on the credit notes (case 22)."""
        self._check_refund_amount()
        return super()._create_payments()

    def _check_refund_amount(self):
        self.ensure_one()
        moves = self.line_ids.move_id
        if (
            self.payment_type != "outbound"
            or self.partner_type != "customer"
            or not self.can_edit_wizard
            or set(moves.mapped("move_type")) != {"out_refund"}
        ):
            return
        owed = sum(
            line.currency_id._convert(
                abs(line.amount_residual_currency),
                self.currency_id,
                self.company_id,
                self.payment_date,
            )
            for line in self.line_ids
        )
        if self.currency_id.compare_amounts(self.amount, owed) > 0:
            raise UserError(
                self.env._(
                    "%(amount)s is more than is owed back on %(credit_notes)s: at most "
                    "%(owed)s. Lower the amount.",
                    amount=formatLang(
                        self.env, self.amount, currency_obj=self.currency_id
                    ),
                    owed=formatLang(self.env, owed, currency_obj=self.currency_id),
                    credit_notes=", ".join(moves.mapped("name")),
                )
            )
