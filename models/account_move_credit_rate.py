from odoo import models


class AccountMove(models.Model):
    """The rate of a credit note stays the rate of its invoice."""

    _inherit = "account.move"

    def _compute_invoice_currency_rate(self):
        """Keep the invoice's rate where a draft gets another date.

        Core takes the rate of the new date: a vendor's refund gets its date when his
        document comes, and a draft is posted on another day than it was made.
        """
        kept = self.filtered(lambda move: move._has_rate_of_its_invoice())
        result = super(AccountMove, self - kept)._compute_invoice_currency_rate()
        for move in kept:
            move.invoice_currency_rate = move.reversed_entry_id.invoice_currency_rate
        return result

    def _has_rate_of_its_invoice(self):
        """Whether a credit note was made at the rate of its invoice and joined to it;
        who chose the day's rate keeps choosing it."""
        invoice = self.reversed_entry_id
        return bool(
            invoice
            and self.currency_id == invoice.currency_id != self.company_currency_id
            and self._origin.invoice_currency_rate == invoice.invoice_currency_rate
            and self.invoice_line_ids.reversed_line_id
        )
