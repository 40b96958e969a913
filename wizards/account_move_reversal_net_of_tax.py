from odoo import api, fields, models

from ..models.account_move_net_of_tax import NET_OF_TAX_COUNTRY
from ..tools.allotment import allot
from ..tools.credit import CreditLine


class AccountMoveReversal(models.TransientModel):
    """Offers the French credit note "net de taxe" for a partial credit."""

    _inherit = "account.move.reversal"

    may_be_net_of_tax = fields.Boolean(compute="_compute_may_be_net_of_tax")
    net_of_tax = fields.Boolean(
        string="Net of Tax (net de taxe)",
        help="A commercial rebate that leaves the VAT as it was invoiced: amounts are "
        "then before taxes, and the credit note says so.",
    )

    @api.depends("move_ids", "refund_method")
    def _compute_may_be_net_of_tax(self):
        for wizard in self:
            moves = wizard.move_ids._origin
            wizard.may_be_net_of_tax = (
                wizard.refund_method == "partial"
                and bool(moves)
                and all(
                    move.move_type == "out_invoice"
                    and move.company_id.account_fiscal_country_id.code
                    == NET_OF_TAX_COUNTRY
                    for move in moves
                )
            )

    @api.depends("net_of_tax")
    def _compute_preview(self):
        return super()._compute_preview()

    def _is_net_of_tax(self):
        return self.net_of_tax and self.may_be_net_of_tax

    def _prepare_refund_values(self, move):
        values = super()._prepare_refund_values(move)
        if self._is_net_of_tax():
            values["net_of_tax"] = True
        return values

    def _set_partial(self, request):
        result = super()._set_partial(request)
        if self._is_net_of_tax() and request.total is not None:
            self._spread_untaxed(request)
        return result

    def _spread_untaxed(self, request):
        """Turn a total into price corrections that come to it before taxes."""
        lines = request.invoice.invoice_line_ids.filtered(
            lambda line: line.display_type == "product" and line.creditable_subtotal
        )
        left = lines.mapped("creditable_subtotal")
        currency = request.invoice.currency_id
        total = request.total
        if self.credit_by == "percent":
            total = currency.round(sum(left) * self.credit_percent / 100)
        request.total = None
        request.lines = [
            CreditLine(line, amount=amount)
            for line, amount in zip(
                lines, allot(total, left, currency.rounding), strict=True
            )
            if amount
        ]
