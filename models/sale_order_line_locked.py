from odoo import models


class SaleOrderLine(models.Model):
    """What was credited of an order stays credited of it."""

    _inherit = "sale.order.line"

    def write(self, vals):
        """Lines of closed documents neither leave an order line nor come to it.

        :raise UserError: naming the document
        """
        if "invoice_lines" in vals:
            for line in self:
                before = line.sudo().invoice_lines
                new = self.new({"invoice_lines": vals["invoice_lines"]}, origin=line)
                after = new.sudo().invoice_lines._origin
                for move in ((before | after) - (before & after)).move_id:
                    if move._is_locked():
                        move._refuse_change(line, ["invoice_lines"])
        return super().write(vals)
