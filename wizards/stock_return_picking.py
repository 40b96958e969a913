from odoo import api, fields, models
from odoo.exceptions import UserError


class StockReturnPicking(models.TransientModel):
    """Core's return wizard: says why, when, and how much can still come back."""

    _inherit = "stock.return.picking"

    is_customer_return = fields.Boolean(compute="_compute_is_customer_return")
    refund_reason_id = fields.Many2one(
        "account.refund.reason",
        "Reason of the Return",
        check_company=True,
        compute="_compute_refund_reason_id",
        store=True,
        readonly=False,
        help="Printed on the return slip and on the credit note.",
    )
    expected_date = fields.Datetime(help="When the goods are expected back.")
    note = fields.Text("Remark", help="For the warehouse; not printed.")
    fill = fields.Selection(
        [("all", "Everything that is left"), ("none", "Clear")],
        store=False,
        help="Fills in the quantities, or empties them.",
    )

    @api.depends("picking_id")
    def _compute_is_customer_return(self):
        for wizard in self:
            moves = wizard.picking_id.move_ids
            wizard.is_customer_return = any(move._goes_to_customer() for move in moves)

    @api.depends("picking_id")
    def _compute_refund_reason_id(self):
        reason = self.env.ref("avoir.refund_reason_return", raise_if_not_found=False)
        for wizard in self:
            wizard.refund_reason_id = (
                reason and reason.active and wizard.is_customer_return and reason
            )

    @api.onchange("fill")
    def _onchange_fill(self):
        if self.fill:
            for line in self.product_return_moves:
                whole = self.fill == "all" and line.move_id
                line.quantity = line.returnable_quantity if whole else 0.0
            self.fill = False

    def _prepare_picking_default_values(self):
        """Say on the return what was said here."""
        values = super()._prepare_picking_default_values()
        values["refund_reason_id"] = self.refund_reason_id.id
        if self.note:
            values["note"] = self.note
        return values

    def _create_return(self):
        self._check_returnable()
        picking = super()._create_return()
        if self.expected_date:
            picking.scheduled_date = self.expected_date
        return picking

    def _check_returnable(self):
        """Refuse more than can still come back, before anything is made.

        :raise UserError: naming the product, the transfer and the limit
        """
        reason = self.refund_reason_id
        if reason and not reason.active:
            raise UserError(
                self.env._(
                    "The reason %(reason)s is archived: choose another.",
                    reason=reason.name,
                )
            )
        for line in self.product_return_moves:
            unit = line.uom_id
            if unit.compare(line.quantity, 0) < 0:
                raise UserError(
                    self.env._(
                        "%(product)s: the quantity to return is below zero.",
                        product=line.product_id.display_name,
                    )
                )
            left = line.returnable_quantity
            if line.move_id and unit.compare(line.quantity, left) > 0:
                raise UserError(
                    self.env._(
                        "%(product)s: no more than %(left)s %(unit)s can still come"
                        " back of %(transfer)s, and %(asked)s are asked for. Lower the"
                        " quantity, or cancel a return that is not coming.",
                        product=line.product_id.display_name,
                        left=f"{unit.round(left):g}",
                        unit=unit.name,
                        transfer=self.picking_id.name,
                        asked=f"{line.quantity:g}",
                    )
                )

    def action_create_returns_all(self):
        """Have everything back that is left; what is expected already is not asked for
        once more, as core would."""
        self.ensure_one()
        for line in self.product_return_moves:
            line.quantity = line.returnable_quantity if line.move_id else 0.0
        if not any(self.product_return_moves.mapped("quantity")):
            raise UserError(
                self.env._(
                    "Nothing of %(transfer)s can come back any more: all of it came"
                    " back, or is expected.",
                    transfer=self.picking_id.name,
                )
            )
        return self.action_create_returns()


class StockReturnPickingLine(models.TransientModel):
    _name = "stock.return.picking.line"
    _inherit = ["stock.return.picking.line", "avoir.number.mixin"]

    returnable_quantity = fields.Float(
        "Can Come Back",
        digits="Product Unit",
        compute="_compute_returnable_quantity",
        help="What went out, less what came back or is expected back.",
    )
    returnable_lots = fields.Char(
        "Lots", compute="_compute_returnable_quantity", help="The same for each lot."
    )

    @api.depends("move_id")
    def _compute_returnable_quantity(self):
        moves = self.move_id
        quantities = moves._get_returnable_quantities()
        lots = moves._get_returnable_lots()
        for line in self:
            unit = line.uom_id
            left = quantities.get(line.move_id._origin, quantities.get(line.move_id, 0))
            line.returnable_quantity = unit.round(left) if unit else left
            line.returnable_lots = ", ".join(
                f"{lot.name} ({quantity:g})"
                for lot, quantity in lots.get(line.move_id, {}).items()
            )
