from odoo import api, fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    can_return = fields.Boolean(compute="_compute_can_return")

    @api.depends("state", "order_line.move_ids.returned_move_ids.state")
    def _compute_can_return(self):
        for order in self:
            order.can_return = order.state == "sale" and bool(
                order._get_returnable_lines()
            )

    def _get_returnable_lines(self):
        """What can come back of an order, over all its deliveries.

        :return: a list of ``(order line, product)``; of a kit its components
        """
        self.ensure_one()
        # sudo: salespeople see of the transfers what the order is about
        deliveries = self.order_line.sudo()._get_deliveries()
        left = deliveries._get_returnable_quantities()
        found = {}
        for move in deliveries:
            if move.product_uom.compare(left[move], 0) > 0:
                found[move.sale_line_id.sudo(False), move.product_id.sudo(False)] = True
        return sorted(found, key=lambda key: (key[0].sequence, key[0].id, key[1].id))


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _get_deliveries(self):
        """The done moves that brought goods of these lines to the customer for the
        first time: what goes back to the customer has its limit by itself."""
        return self.move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move._goes_to_customer()
                and not move.origin_returned_move_id
            )
        )

    @api.model
    def _get_default_return_reason(self):
        """The reason that comes with the addon, unless it was archived or deleted."""
        reason = self.env.ref("avoir.refund_reason_return", raise_if_not_found=False)
        return (reason or self.env["account.refund.reason"]).filtered("active")
