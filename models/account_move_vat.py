from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

# VATEX codes of the schemes whose VAT is on the margin (directive 2006/112 art. 306 to
# 343: travel agents, second-hand goods, works of art, collectors' items).
MARGIN_CODES = ("VATEX-EU-309", "VATEX-EU-F", "VATEX-EU-I", "VATEX-EU-J")


class AccountTax(models.Model):
    _inherit = "account.tax"

    is_margin_scheme = fields.Boolean(
        string="Margin Scheme",
        compute="_compute_is_margin_scheme",
        store=True,
        readonly=False,
        help="VAT is due on the margin and not shown on the invoice.",
    )

    @api.depends("ubl_cii_tax_exemption_reason_code")
    def _compute_is_margin_scheme(self):
        for tax in self:
            code = tax.ubl_cii_tax_exemption_reason_code
            tax.is_margin_scheme = tax.is_margin_scheme or code in MARGIN_CODES


class AccountMove(models.Model):
    """VAT of credit notes: that of the invoice, at its rates, and never more of any."""

    _inherit = "account.move"

    def _check_can_be_credited(self):
        """Refuse what was sold under the margin scheme: the VAT due on the margin is
        not on the invoice, so none can be taken back from it."""
        result = super()._check_can_be_credited()
        for move in self:
            lines = move.invoice_line_ids.filtered("tax_ids.is_margin_scheme")
            if lines:
                raise UserError(
                    self.env._(
                        "%(invoice)s was sold under the margin scheme (%(lines)s): how "
                        "much VAT comes back depends on your purchase price, which is "
                        "not on the invoice. Make an empty credit note by hand, enter "
                        "what you pay back, and correct the margin in your register.",
                        invoice=move.display_name,
                        lines=", ".join(
                            line.name or line.product_id.display_name or "?"
                            for line in lines
                        ),
                    )
                )
        return result

    def _check_not_overcredited(self):
        result = super()._check_not_overcredited()
        self._check_credited_taxes()
        for invoice in self:
            invoice._check_vat_not_overcredited()
        return result

    def _check_credited_taxes(self):
        """Refuse other taxes on a credit note's line than its invoice line has: the
        rate is that of the sale, whatever it became since (art. 90 and 93)."""
        for line in self.invoice_line_ids.reversal_line_ids:
            original = line.reversed_line_id
            if (
                line.parent_state == "cancel"
                or line.tax_ids == original.tax_ids
                # French rebates that leave the VAT as it was bear none on purpose.
                or line.move_id.net_of_tax
            ):
                continue
            raise UserError(
                self.env._(
                    "%(line)s on %(credit_note)s has the taxes %(taxes)s, but "
                    "%(originals)s on %(invoice)s: a credit note gives back the VAT of "
                    "its invoice. Put the taxes of the invoice back.",
                    line=line.name or original.name or "?",
                    credit_note=line.move_id.display_name,
                    taxes=", ".join(line.tax_ids.mapped("name")) or "–",
                    originals=", ".join(original.tax_ids.mapped("name")) or "–",
                    invoice=original.move_id.name,
                )
            )

    def _check_vat_not_overcredited(self):
        """Raise where the credit notes give back more VAT of one tax than this has."""
        self.ensure_one()
        if self.line_ids.filtered(lambda line: line.display_type == "epd"):
            return  # the tax depends on when the invoice is paid
        invoiced = self._get_vat_by_tax()
        credited = defaultdict(float)
        for move in self._counted_credit_notes():
            for tax, amount in move._get_vat_by_tax().items():
                credited[tax] -= amount
        for tax, amount in credited.items():
            limit = self.currency_id.round(invoiced.get(tax, 0.0))
            amount = self.currency_id.round(amount)
            if tax in invoiced and not self._is_within(
                amount, limit, self.currency_id.compare_amounts
            ):
                self._refuse_vat(tax, amount, limit)

    def _get_vat_by_tax(self):
        """Return the VAT by tax, in currency, positive on a sales invoice."""
        amounts = defaultdict(float)
        for line in self.line_ids:
            if line.tax_line_id:
                amounts[line.tax_line_id] -= line.amount_currency
        return amounts

    def _refuse_vat(self, tax, amount, limit):
        sign = 1 if self.is_sale_document() else -1
        raise UserError(
            self.env._(
                "%(invoice)s has %(limit)s of %(tax)s, its credit notes give back "
                "%(credited)s of it: no more VAT of a rate can be credited than was "
                "invoiced. Lower one of them.",
                invoice=self.name,
                limit=formatLang(self.env, sign * limit, currency_obj=self.currency_id),
                tax=tax.name,
                credited=formatLang(
                    self.env, sign * amount, currency_obj=self.currency_id
                ),
            )
        )
