from collections import defaultdict

from odoo import api, fields, models

from .sale_order_line import _is_counted


class AccountMove(models.Model):
    _inherit = "account.move"

    return_goods = fields.Boolean(
        string="Goods Come Back",
        default=True,
        copy=False,
        help="On a credit note: the goods that it credits come back, or never left. "
        "Otherwise they stay with the customer, and so does their cost.",
    )

    @api.model
    def _create_credit_notes(self, requests, post=True):
        """Goods that are back already do not stay with the customer, though no return
        is to be made for them."""
        taken = defaultdict(float)
        for request in requests:
            if not request.values.get("return_goods", True):
                request.values["return_goods"] = self._is_back_already(request, taken)
        return super()._create_credit_notes(requests, post=post)

    @api.model
    def _is_back_already(self, request, taken):
        """Whether all goods that a request credits were received, and not credited.

        :param taken: ``{order line: quantity}`` that earlier requests took of it
        """
        wanted = defaultdict(float)
        for line, quantity in self._get_goods_of(request):
            order_line = line.sudo().sale_line_ids[:1]
            if not order_line:
                return False
            wanted[order_line] += line.product_uom_id._compute_quantity(
                quantity, order_line.product_uom_id, round=False
            )
        for order_line, quantity in wanted.items():
            credited = order_line._get_credited(_is_counted)
            back = order_line._get_returned().unreplaced
            back -= credited.back + credited.again + taken[order_line]
            if order_line.product_uom_id.compare(back, quantity) < 0:
                return False
        for order_line, quantity in wanted.items():
            taken[order_line] += quantity
        return bool(wanted)

    @api.model
    def _get_goods_of(self, request):
        """The goods that a request credits: ``[(invoice line, quantity), …]``."""
        if request.lines:
            goods = [(one.line, one.quantity) for one in request.lines]
        elif request.total is not None:
            goods = []
        else:
            lines = request.invoice.invoice_line_ids.filtered(
                lambda line: line.product_id.is_storable
            )
            goods = [(line, line.creditable_quantity) for line in lines]
        return [
            (line, quantity)
            for line, quantity in goods
            if quantity and line.product_id.is_storable
        ]

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
