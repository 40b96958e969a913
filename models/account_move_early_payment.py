from odoo import models

from ..tools.credit import ChargeLine


class AccountMove(models.Model):
    """Early payment discounts, on invoices that are credited."""

    _inherit = "account.move"

    def _prepare_early_payment_charges(self):
        """Return what a full credit keeps back of a discount taken at payment.

        The customer who paid 1176 of 1200 gets 1176 back: the discount is taken back
        on its own account and with the taxes that it reduced (ACCOUNTING.md case 12;
        VAT directive 2006/112 art. 90).

        :return: list of ``ChargeLine``, in the currency of the invoice
        """
        self.ensure_one()
        company = self.company_id
        accounts = (
            company.account_journal_early_pay_discount_loss_account_id
            | company.account_journal_early_pay_discount_gain_account_id
        )
        charges = []
        for line, part in self._payment_parts():
            for discount in line.move_id.line_ids - line:
                if discount.account_id not in accounts:
                    continue
                amount = self.currency_id.round(abs(discount.amount_currency) * part)
                charges.append(
                    ChargeLine(
                        None,
                        amount,
                        name=self.env._("Early payment discount taken"),
                        account=discount.account_id,
                        taxes=discount.tax_ids,
                    )
                )
        return charges

    def _payment_parts(self):
        """Return the journal items that paid this invoice, with the part of each."""
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        parts = []
        for partial in terms.matched_debit_ids | terms.matched_credit_ids:
            line = (partial.debit_move_id | partial.credit_move_id) - terms
            if line.move_id in self.reversal_move_ids or not line.balance:
                continue
            parts.append((line, partial.amount / abs(line.balance)))
        return parts
