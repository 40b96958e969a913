from odoo import fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_order_ref = fields.Char(
        "Order at the Marketplace",
        copy=False,
        index="btree_not_null",
        help="The marketplace's own id of the order; returns are matched by it.",
    )

    def message_post(self, *, body="", **kwargs):
        """Collect the notes that a batch of credit notes is paid."""
        notes = self.env.context.get("avoir_paid_notes")
        if notes is None or len(self) != 1 or self.id in notes or kwargs:
            return super().message_post(body=body, **kwargs)
        notes[self.id] = body
        return self.env["mail.message"]


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    marketplace_line_ref = fields.Char(
        "Order Line at the Marketplace",
        copy=False,
        help="The marketplace's own id of the order line; returns are matched by it.",
    )
