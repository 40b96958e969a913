from odoo import api, fields, models


class StockPicking(models.Model):
    """What of a received return is not done: the rest that is still expected, and the
    delivery that brings refused goods to the customer again."""

    _inherit = "stock.picking"

    return_rest_ids = fields.Many2many(
        "stock.picking",
        string="Still Under Way",
        compute="_compute_return_rest_ids",
    )
    return_rest_count = fields.Integer(compute="_compute_return_rest_ids")

    @api.depends(
        "return_kind", "backorder_ids.state", "move_ids.returned_move_ids.state"
    )
    def _compute_return_rest_ids(self):
        for picking in self:
            rest = self.browse()
            if picking.return_kind == "customer":
                rest = picking.backorder_ids | (
                    picking.move_ids.returned_move_ids.picking_id
                )
            picking.return_rest_ids = rest.filtered(
                lambda one: one.state not in ("done", "cancel")
            )
            picking.return_rest_count = len(picking.return_rest_ids)

    @api.readonly
    def action_view_return_rest(self):
        """Open what is still under way of this return."""
        return self.return_rest_ids._get_records_action(
            name=self.env._("Still Under Way")
        )

    def _has_scrap_move(self):
        """Scraps of a return count as such, though their moves are none of its own."""
        result = super()._has_scrap_move()
        others = self.filtered(lambda one: not one.has_scrap_move)
        scrapped = self.env["stock.scrap"]._read_group(
            [("picking_id", "in", others.ids), ("state", "=", "done")], ["picking_id"]
        )
        found = {picking for [picking] in scrapped}
        for picking in others:
            picking.has_scrap_move = picking._origin in found
        return result


class StockScrap(models.Model):
    _inherit = "stock.scrap"

    def _prepare_move_values(self):
        """Keep what leaves the stock again out of the list of what came back."""
        values = super()._prepare_move_values()
        if self.picking_id.return_kind == "customer":
            values["picking_id"] = False
        return values
