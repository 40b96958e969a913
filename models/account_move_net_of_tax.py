from odoo import Command, api, fields, models
from odoo.exceptions import UserError

NET_OF_TAX_COUNTRY = "FR"


class AccountMove(models.Model):
    """The French credit note "net de taxe".

    A commercial rebate after the invoice may leave the VAT as it was invoiced: the
    seller claims none back and the customer corrects no deduction. The credit note
    then bears no VAT and has to say so. Source: CGI art. 272-1,
    BOI-TVA-DED-40-10-20.
    """

    _inherit = "account.move"

    net_of_tax = fields.Boolean(
        string="Net of Tax (net de taxe)",
        copy=False,
        readonly=True,
        help="A commercial rebate that leaves the VAT as it was invoiced.",
    )

    @api.model
    def _check_net_of_tax(self, invoice, credits):
        """Raise unless ``credits`` are a commercial rebate of a French company."""
        country = invoice.company_id.account_fiscal_country_id.code
        if country != NET_OF_TAX_COUNTRY or invoice.move_type != "out_invoice":
            raise UserError(
                self.env._(
                    "%(invoice)s: “net de taxe” is for customer invoices of French "
                    "companies.",
                    invoice=invoice.name,
                )
            )
        if not all(credit.is_price_correction for credit in credits):
            raise UserError(
                self.env._(
                    "%(invoice)s: “net de taxe” is for a commercial rebate. Where "
                    "goods come back or nothing was delivered, the VAT is corrected "
                    "too: enter price corrections, or untick it.",
                    invoice=invoice.name,
                )
            )

    def _prepare_credit_base_lines(self, request, credits):
        base_lines = super()._prepare_credit_base_lines(request, credits)
        if not request.values.get("net_of_tax"):
            return base_lines
        self._check_net_of_tax(self, credits)
        for base_line in base_lines:
            self._strip_taxes(base_line)
        self._compute_credit_base_lines(base_lines)
        return base_lines

    @api.model
    def _strip_taxes(self, base_line):
        details = base_line["tax_details"]
        untaxed = (
            details["total_excluded_currency"]
            + details["delta_total_excluded_currency"]
        )
        base_line.update(
            tax_ids=self.env["account.tax"],
            price_unit=untaxed / (base_line["quantity"] or 1.0),
            discount=0.0,
            manual_tax_amounts=None,
            manual_total_excluded=None,
            manual_total_excluded_currency=None,
            extra_tax_data=False,
            _net_of_tax=True,
        )

    @api.model
    def _fill_credit_line(self, vals, credit, base_line):
        result = super()._fill_credit_line(vals, credit, base_line)
        if base_line.get("_net_of_tax"):
            vals["tax_ids"] = [Command.clear()]
        return result

    @api.model
    def _prepare_charge_vals(self, base_line):
        vals = super()._prepare_charge_vals(base_line)
        if base_line.get("_net_of_tax"):
            vals["tax_ids"] = [Command.clear()]
        return vals

    def _get_net_of_tax_wording(self):
        """Return the words that a credit note net of tax has to bear."""
        return self.env._(
            "Net of tax (“net de taxe”): commercial rebate without correction of the "
            "VAT invoiced. The seller recovers no VAT and the customer does not adjust "
            "the deduction (CGI art. 272-1)."
        )
