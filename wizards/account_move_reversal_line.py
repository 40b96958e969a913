from odoo import api, fields, models

from ..tools.credit import CreditLine


class AccountMoveReversalLine(models.TransientModel):
    """A line of the invoice in the refund wizard: how many or how much to credit."""

    _name = "account.move.reversal.line"
    _description = "Line to Credit"
    _order = "sequence, id"

    wizard_id = fields.Many2one(
        "account.move.reversal", required=True, ondelete="cascade"
    )
    move_line_id = fields.Many2one(
        "account.move.line", required=True, ondelete="cascade"
    )
    sequence = fields.Integer(related="move_line_id.sequence", store=True)
    name = fields.Char(related="move_line_id.name", string="Description")
    product_id = fields.Many2one(related="move_line_id.product_id")
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    product_uom_id = fields.Many2one(related="move_line_id.product_uom_id")
    quantity_invoiced = fields.Float(related="move_line_id.quantity", string="Invoiced")
    credited_quantity = fields.Float(
        related="move_line_id.credited_quantity", string="Credited"
    )
    credited_subtotal = fields.Monetary(
        related="move_line_id.credited_subtotal",
        string="Amount Credited",
        help="Before taxes, price corrections too.",
    )
    creditable_quantity = fields.Float(
        related="move_line_id.creditable_quantity", string="Left"
    )
    creditable_subtotal = fields.Monetary(
        related="move_line_id.creditable_subtotal", string="Amount Left"
    )
    kind = fields.Selection(
        [("quantity", "Quantity"), ("price", "Price correction")],
        required=True,
        default="quantity",
        help="Quantity: so many pieces are credited at the price of the invoice.\n"
        "Price correction: an amount is credited, the customer keeps the goods.",
    )
    quantity = fields.Float(
        string="To Credit",
        digits="Product Unit",
        compute="_compute_quantity",
        store=True,
        readonly=False,
    )
    amount = fields.Monetary(
        string="Amount to Credit",
        help="Before taxes.",
        compute="_compute_amount",
        store=True,
        readonly=False,
    )
    is_asked = fields.Boolean(compute="_compute_is_asked")

    @api.depends("kind")
    def _compute_quantity(self):
        for line in self:
            if line.kind == "price":
                line.quantity = 0.0

    @api.depends("kind", "quantity", "creditable_quantity", "creditable_subtotal")
    def _compute_amount(self):
        for line in self:
            if line.kind == "price":
                continue  # typed in
            left = line.creditable_quantity
            part = line.quantity / left if left else 0.0
            line.amount = line.currency_id.round(line.creditable_subtotal * part)

    @api.depends("kind", "quantity", "amount")
    def _compute_is_asked(self):
        for line in self:
            asked = line.amount if line.kind == "price" else line.quantity
            line.is_asked = bool(asked)

    def _fill(self, everything):
        """Ask for all that is left, the amount where no quantity is; or for nothing."""
        for line in self:
            by_amount = everything and not line.creditable_quantity
            line.kind = "price" if by_amount else "quantity"
            line.quantity = line.creditable_quantity if everything else 0.0
            line.amount = line.creditable_subtotal if everything else 0.0

    def _prepare_credit_line(self):
        self.ensure_one()
        if self.kind == "price":
            return CreditLine(self.move_line_id, 0.0, self.amount)
        return CreditLine(self.move_line_id, self.quantity)
