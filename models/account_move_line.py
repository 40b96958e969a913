from collections import defaultdict

from odoo import api, fields, models

from ..tools.credit_amounts import CREDITED_DISPLAY_TYPES


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    reversed_line_id = fields.Many2one(
        "account.move.line",
        string="Credited Line",
        index="btree_not_null",
        copy=False,
        readonly=True,
        check_company=True,
        help="The invoice line that this line of the credit note gives back.",
    )
    reversal_line_ids = fields.One2many(
        "account.move.line", "reversed_line_id", string="Credit Note Lines"
    )
    is_price_correction = fields.Boolean(
        string="Price Correction",
        copy=False,
        help="Money is given back and the goods stay with the customer: the "
        "quantities of the order do not change.",
    )
    credited_quantity = fields.Float(
        compute="_compute_credited",
        digits="Product Unit",
        help="Quantity on the credit notes of this line, drafts included.",
    )
    credited_subtotal = fields.Monetary(
        compute="_compute_credited",
        currency_field="currency_id",
        help="Untaxed amount on the credit notes of this line, drafts included.",
    )
    creditable_quantity = fields.Float(
        compute="_compute_credited",
        digits="Product Unit",
        help="Quantity that can still be credited.",
    )
    creditable_subtotal = fields.Monetary(
        compute="_compute_credited",
        currency_field="currency_id",
        help="Untaxed amount that can still be credited.",
    )

    @api.depends(
        "quantity",
        "amount_currency",
        "reversal_line_ids.quantity",
        "reversal_line_ids.amount_currency",
        "reversal_line_ids.is_price_correction",
        "reversal_line_ids.parent_state",
    )
    def _compute_credited(self):
        quantities, amounts = self._get_credited()
        for line in self:
            sign = line.move_id.direction_sign or 1
            # What was booked, not price_subtotal: where taxes are rounded for the
            # whole document the two differ by a cent, and the books must end at zero.
            round_amount = (line.currency_id or line.company_currency_id).round
            credited = -sign * amounts[line.id]
            line.credited_quantity = quantities[line.id]
            line.credited_subtotal = round_amount(credited)
            line.creditable_quantity = line.quantity - quantities[line.id]
            line.creditable_subtotal = round_amount(
                sign * line.amount_currency - credited
            )

    def _get_credited(self):
        """Return what the credit notes of these lines give back, drafts included.

        :return: two dictionaries by line id: the quantity, in the line's unit and
            without price corrections, and the booked ``amount_currency``, in the
            currency of the invoice and with the sign of the credit note.
        """
        quantities, amounts = defaultdict(float), defaultdict(float)
        for reversal in self.reversal_line_ids:
            if reversal.parent_state == "cancel":
                continue
            line = reversal.reversed_line_id
            amounts[line.id] += reversal.amount_currency
            if not reversal.is_price_correction:
                quantities[line.id] += reversal.product_uom_id._compute_quantity(
                    reversal.quantity, line.product_uom_id, round=False
                )
        return quantities, amounts

    def _copy_data_extend_business_fields(self, values):
        # Core sets include_business_fields when it reverses a move, and also when it
        # copies it for the replacement draft: only the reversal names its line, and
        # the replacement drops it (see account.move.reversal).
        result = super()._copy_data_extend_business_fields(values)
        if self.display_type in CREDITED_DISPLAY_TYPES and self.move_id.move_type in (
            "out_invoice",
            "in_invoice",
        ):
            values["reversed_line_id"] = self.id
        return result
