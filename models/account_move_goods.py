from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    return_goods = fields.Boolean(
        string="Goods Come Back",
        default=True,
        copy=False,
        help="On a credit note: the goods that it credits come back, or never left. "
        "Otherwise they stay with the customer, and so does their cost.",
    )

    def _stock_account_prepare_realtime_out_lines_vals(self):
        """Reverse the cost at which goods left, for as many of them as come back.

        Core makes the lines; what they amount to is worked out beforehand for all
        credit notes together.
        """
        costs = self.invoice_line_ids._get_reversed_costs()
        if not costs:
            return super()._stock_account_prepare_realtime_out_lines_vals()
        moves = self.with_context(
            avoir_reversed_costs={line.id: cost.unit for line, cost in costs.items()}
        )
        vals_list = super(
            AccountMove, moves
        )._stock_account_prepare_realtime_out_lines_vals()
        quantities = {line.id: cost.quantity for line, cost in costs.items()}
        for vals in vals_list:
            if vals["cogs_origin_id"] in quantities:
                vals["quantity"] = quantities[vals["cogs_origin_id"]]
        return vals_list
