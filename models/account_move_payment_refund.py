from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang

# As long does core itself try to book what a provider confirms.
GIVE_UP = timedelta(days=4)


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

    def _get_alerts(self):
        """Say how the money goes back, and that it is on its way already."""
        alerts = super()._get_alerts()
        if self.move_type != "out_refund" or self.state != "posted":
            return alerts
        # sudo: salespeople open the credit notes of their orders too
        under_way = self.sudo()._get_refunds_under_way()
        if under_way:
            alerts.pop("avoir_owed_back", None)
            alerts["avoir_refund_under_way"] = {
                "level": "warning",
                "message": self.env._(
                    "%(amount)s is being paid back by the provider of the original "
                    "payment: it is booked once the provider confirms it. Do not pay "
                    "it a second time.",
                    amount=self._format_money(under_way),
                ),
            }
        elif "avoir_owed_back" in alerts and self.online_refundable:
            alerts["avoir_owed_back"]["message"] = self.env._(
                "The invoice was paid online: press Refund the Payment to have the "
                "provider pay %(amount)s back, or Pay to pay it back yourself.",
                amount=self._format_money(self.online_refundable),
            )
        return alerts

    def _format_money(self, amount):
        return formatLang(self.env, amount, currency_obj=self.currency_id)

    def action_refund_online(self):
        """Have the provider of the original payment pay these credit notes back.

        The payment is registered and reconciled once the provider confirms it.

        :return: the action that tells what the provider answered
        :raise UserError: where nothing can be paid back by this way
        """
        if not self:
            raise UserError(self.env._("Choose the credit notes to pay back."))
        transactions = self.env["payment.transaction"]
        for move in self:
            move.check_access("write")
            move._lock_for_credit()
            move.invalidate_recordset()
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
                transactions |= move._refund_transaction(transaction, amount)
        return transactions._get_refund_notification()

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
        return refund


def _sum_under_way(transactions):
    """Add up refunds that the provider has not confirmed yet, or not booked.

    One of which nothing was heard for days is given up: it could never be ended.
    """
    long_ago = fields.Datetime.now() - GIVE_UP
    return -sum(
        tx.amount
        for tx in transactions
        if tx.operation == "refund"
        and tx.state not in ("error", "cancel")
        and not tx.payment_id
        and (tx.state == "done" or tx.last_state_change >= long_ago)
    )


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _refunds_in_full_only(self):
        method = self.payment_method_id.primary_payment_method_id
        method = method or self.payment_method_id
        return "full_only" in (self.provider_id.support_refund, method.support_refund)

    def _get_refund_notification(self):
        """Return the action that tells what the provider answered to these refunds."""
        failed = self.filtered(lambda tx: tx.state in ("error", "cancel"))
        pending = self.filtered(lambda tx: tx.state in ("draft", "pending"))
        if failed:
            message = self.env._(
                "%(provider)s did not pay it back: %(why)s",
                provider=failed[0].provider_id.name,
                why=failed[0].state_message or failed[0].reference,
            )
        elif pending:
            message = self.env._(
                "%(provider)s was asked to pay it back. The payment is booked once the "
                "provider confirms it.",
                provider=pending[0].provider_id.name,
            )
        else:
            message = self.env._(
                "%(provider)s pays it back. The payment is booked in a moment.",
                provider=self[:1].provider_id.name,
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger" if failed else "success",
                "sticky": bool(failed),
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }


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
            or set(moves.mapped("move_type")) != {"out_refund"}
        ):
            return
        moves._lock_for_credit()
        # sudo: providers' transactions are not for those who register payments
        under_way = {move: move.sudo()._get_refunds_under_way() for move in moves}
        if any(under_way.values()) and not self.can_edit_wizard:
            raise UserError(self._get_under_way_message(moves.filtered(under_way.get)))
        if not self.can_edit_wizard:
            return
        owed = sum(
            self._convert_owed(abs(line.amount_residual_currency), line.currency_id)
            for line in self.line_ids
        )
        coming = sum(
            self._convert_owed(amount, move.currency_id)
            for move, amount in under_way.items()
        )
        if self.currency_id.compare_amounts(self.amount, owed - coming) <= 0:
            return
        if coming:
            raise UserError(self._get_under_way_message(moves.filtered(under_way.get)))
        raise UserError(
            self.env._(
                "%(amount)s is more than is owed back on %(credit_notes)s: at most "
                "%(owed)s. Lower the amount.",
                amount=formatLang(self.env, self.amount, currency_obj=self.currency_id),
                owed=formatLang(self.env, owed, currency_obj=self.currency_id),
                credit_notes=", ".join(moves.mapped("name")),
            )
        )

    def _convert_owed(self, amount, currency):
        return currency._convert(
            amount, self.currency_id, self.company_id, self.payment_date
        )

    def _get_under_way_message(self, moves):
        return self.env._(
            "%(credit_notes)s: a refund by the provider of the original payment is "
            "under way and would be paid twice. Wait until the provider confirms or "
            "refuses it; after four days without an answer it counts no more.",
            credit_notes=", ".join(moves.mapped("name")),
        )
