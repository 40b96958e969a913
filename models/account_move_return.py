from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    return_picking_ids = fields.Many2many(
        "stock.picking",
        "account_move_return_picking_rel",
        "move_id",
        "picking_id",
        string="Returns",
        copy=False,
        help="The transfers whose goods this credit note gives the money back for.",
    )
