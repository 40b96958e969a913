from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

from ..models.account_move_credit import CREDITABLE_TYPES


class AccountMoveReversal(models.TransientModel):
    """What the credit note will come to, shown before it is created."""

    _inherit = "account.move.reversal"

    tax_totals = fields.Binary(compute="_compute_preview", exportable=False)
    credit_total = fields.Monetary(compute="_compute_preview")
    residual_after = fields.Monetary(
        compute="_compute_preview",
        string="Still to Pay",
        help="What stays open on the invoice.",
    )
    owed_after = fields.Monetary(
        compute="_compute_preview",
        string="Owed Back",
        help="What is owed back because the invoice is paid.",
    )
    needs_approval = fields.Boolean(compute="_compute_preview")
    preview_message = fields.Char(compute="_compute_preview")
    summary = fields.Char(compute="_compute_summary")
    has_credits = fields.Boolean(compute="_compute_has_credits")

    @api.depends("line_ids.credited_quantity", "line_ids.credited_subtotal")
    def _compute_has_credits(self):
        for wizard in self:
            wizard.has_credits = any(
                line.credited_quantity or line.credited_subtotal
                for line in wizard.line_ids
            )

    @api.depends("move_ids")
    def _compute_summary(self):
        """Say how many invoices there are and what is left of them, by currency."""
        for wizard in self:
            moves = wizard.move_ids._origin
            if len(moves) < 2 or not wizard._credits_invoices():
                wizard.summary = False
                continue
            left = [
                formatLang(
                    self.env,
                    sum(move._creditable_total() for move in same),
                    currency_obj=currency,
                )
                for currency, same in moves.grouped("currency_id").items()
            ]
            wizard.summary = self.env._(
                "%(count)s invoices, %(left)s left to credit",
                count=len(moves),
                left=" + ".join(left),
            )

    @api.depends(
        "move_ids",
        "refund_method",
        "refund_reason_id",
        "date",
        "line_ids.kind",
        "line_ids.quantity",
        "line_ids.amount",
        "credit_by",
        "credit_amount",
        "credit_percent",
        "fee_type",
        "fee_value",
        "fee_product_id",
        "currency_rate_date",
    )
    def _compute_preview(self):
        for wizard in self:
            wizard.update(
                {
                    "tax_totals": False,
                    "credit_total": 0.0,
                    "residual_after": wizard.residual,
                    "owed_after": 0.0,
                    "needs_approval": False,
                    "preview_message": False,
                }
            )
            moves = wizard.move_ids._origin
            if (
                wizard.refund_method
                and len(moves) == 1
                and moves.move_type in CREDITABLE_TYPES
                and wizard._has_input()
            ):
                wizard._preview()

    def _has_input(self):
        if self.refund_method != "partial":
            return True
        if self.credit_by == "line":
            return any(line.is_asked for line in self.line_ids)
        return bool(
            self.credit_amount if self.credit_by == "amount" else self.credit_percent
        )

    def _preview(self):
        """Fill in the totals that creating the credit note now would give."""
        try:
            self._check_fee()
            invoice = self.move_ids._origin
            request = self._prepare_credit_request(invoice)
            base_lines = invoice._preview_credit_note(request)
        except UserError as error:
            self.preview_message = error.args[0]
            return
        totals = self.env["account.tax"]._get_tax_totals_summary(
            base_lines, invoice.currency_id, invoice.company_id
        )
        total = invoice.currency_id.round(totals["total_amount_currency"])
        paid = invoice.amount_total - invoice.amount_residual
        residual = invoice.amount_residual
        if self.refund_method == "redraft":
            # Its payments leave it, and wait for the replacement.
            residual += paid - invoice._credited_total()
        reason = self.refund_reason_id
        limit = reason.approval_amount
        rate = request.values.get("invoice_currency_rate") or (
            invoice.invoice_currency_rate or 1.0
        )
        self.update(
            {
                "tax_totals": totals,
                "credit_total": total,
                "residual_after": max(residual - total, 0.0),
                "owed_after": max(total - residual, 0.0),
                "needs_approval": bool(limit)
                and total / rate + invoice._credited_without_approval(reason) > limit
                and not self.env.user.has_group("avoir.group_refund_manager"),
            }
        )
