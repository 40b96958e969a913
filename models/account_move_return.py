from odoo import Command, fields, models
from odoo.tools import float_compare

from .stock_picking import GoodsReturn


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

    def button_cancel(self):
        """Expect no goods for credit notes that are cancelled."""
        result = super().button_cancel()
        # sudo: accountants announce goods without being warehouse users
        self.sudo()._cancel_expected_returns()
        return result

    def _cancel_expected_returns(self):
        """Cancel the returns of these credit notes, unless another one is for them."""
        pickings = self.return_picking_ids.filtered(
            lambda picking: (
                picking.state not in ("done", "cancel")
                and all(move.state == "cancel" for move in picking.credit_note_ids)
            )
        )
        if pickings:
            pickings.action_cancel()

    def _return_credited_goods(self):
        """Announce to the warehouse the goods that these credit notes give back.

        What was delivered and has not come back yet, of the moves of the order lines
        that the credited lines invoice; price corrections bring nothing back.

        :return: the return transfers, ``stock.picking``
        """
        goods_returns, credit_notes = [], []
        taken = {}
        for move in self:
            quantities = {}
            for line in move.invoice_line_ids:
                line._allot_returned_quantity(quantities, taken)
            if quantities:
                goods_returns.append(GoodsReturn(quantities))
                credit_notes.append(move)
        if not goods_returns:
            return self.env["stock.picking"]
        results = self.env["stock.picking"]._create_goods_returns(goods_returns)
        for move, pickings in zip(credit_notes, results, strict=True):
            move.return_picking_ids = [Command.link(id_) for id_ in pickings.ids]
        return self.env["stock.picking"].union(*results)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _allot_returned_quantity(self, quantities, taken):
        """Allot the quantity of a credit note line to the deliveries it comes from.

        :param dict quantities: by ``stock.move`` in its unit, filled in
        :param dict taken: the same over all credit notes at hand
        """
        self.ensure_one()
        if self.is_price_correction or not self.product_id:
            return
        deliveries = self.reversed_line_id.sale_line_ids.move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move.location_dest_id.usage == "customer"
                and move.product_id == self.product_id
            )
        )
        left = self.quantity
        for move, limit in deliveries._get_returnable_quantities().items():
            limit -= taken.get(move, 0.0)
            wanted = self.product_uom_id._compute_quantity(
                left, move.product_uom, round=False
            )
            part = min(wanted, limit)
            rounding = move.product_uom.rounding
            if float_compare(part, 0.0, precision_rounding=rounding) <= 0:
                continue
            quantities[move] = quantities.get(move, 0.0) + part
            taken[move] = taken.get(move, 0.0) + part
            left -= move.product_uom._compute_quantity(
                part, self.product_uom_id, round=False
            )
