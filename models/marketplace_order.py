from odoo import fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    marketplace_order_ref = fields.Char(
        "Order at the Marketplace",
        copy=False,
        index="btree_not_null",
        help="The marketplace's own id of the order; returns are matched by it.",
    )


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    marketplace_line_ref = fields.Char(
        "Order Line at the Marketplace",
        copy=False,
        help="The marketplace's own id of the order line; returns are matched by it.",
    )
