from dataclasses import dataclass, field

from odoo import api, fields, models
from odoo.exceptions import UserError


@dataclass(frozen=True)
class GoodsReturn:
    """Goods that come back together, of one or several transfers.

    :param quantities: ``{stock.move: quantity}``, in the unit of the move that sent
        the goods out.
    :param values: values of the return transfers, on top of core's.
    :param move_values: ``{stock.move: values}`` of the return moves, by the move that
        sent the goods out.
    :param to_refund: whether the delivered quantity of the order line goes down.
    """

    quantities: dict
    values: dict = field(default_factory=dict)
    move_values: dict = field(default_factory=dict)
    to_refund: bool = True

    def get_moves_by_picking(self, env):
        """The moves to bring back, by the transfer that they went out with.

        :raise UserError: when there is nothing to bring back, or less than nothing.
        """
        moves = env["stock.move"].union(*self.quantities)
        negative = [move for move, qty in self.quantities.items() if qty < 0]
        if negative:
            raise UserError(
                env._(
                    "%(product)s: the quantity to return is below zero.",
                    product=negative[0].product_id.display_name,
                )
            )
        moves = moves.filtered(
            lambda move: not move.product_uom.is_zero(self.quantities[move])
        )
        if not moves:
            raise UserError(env._("There is nothing to return: enter a quantity."))
        return moves.grouped("picking_id").items()


class StockPicking(models.Model):
    _inherit = "stock.picking"

    credit_note_ids = fields.Many2many(
        "account.move",
        "account_move_return_picking_rel",
        "picking_id",
        "move_id",
        string="Credit Notes",
        copy=False,
        readonly=True,
        groups="account.group_account_invoice,account.group_account_readonly",
        help="The credit notes for the goods that came back with this transfer.",
    )

    marketplace_return_count = fields.Integer(
        compute="_compute_marketplace_return_count"
    )

    @api.depends("move_ids.marketplace_return_line_id")
    def _compute_marketplace_return_count(self):
        for picking in self:
            picking.marketplace_return_count = len(picking._get_marketplace_returns())

    @api.model
    def _create_returns(self, quantities, values=None, to_refund=True):
        """Create, confirm and reserve the transfers that bring goods back.

        :param quantities: ``{stock.move: quantity}``, each in the move's own unit.
        :param values: values of the new transfers, on top of core's.
        :param to_refund: whether the delivered quantity of the order goes down.
        :return: the return transfers, one for each transfer the goods went out with.
        :raise UserError: naming the product and the limit, when more would come back
            than went out; nothing is created then.
        """
        return self._create_goods_returns(
            [GoodsReturn(quantities, values or {}, to_refund=to_refund)]
        )[0]

    @api.model
    def _create_goods_returns(self, goods_returns):
        """Create the transfers of several returns, all as one set.

        Runs with all rights: customer service announces what the warehouse receives.

        :param goods_returns: a list of :class:`GoodsReturn`.
        :return: a list of recordsets of return transfers, in the same order.
        :raise UserError: see :meth:`_create_returns`.
        """
        groups = self._group_by_origin(goods_returns)
        pickings = self.sudo().create(
            _copy_data(
                (origin, origin._prepare_return_values(goods_return))
                for _index, goods_return, origin, _moves in groups
            )
        )
        moves = self.env["stock.move"].sudo()
        moves = moves.create(
            _copy_data(
                values
                for picking, (_index, goods_return, _origin, origin_moves) in zip(
                    pickings, groups, strict=True
                )
                for values in picking._prepare_return_moves_values(
                    goods_return, origin_moves
                )
            )
        )
        pickings._confirm_returns(moves)
        results = [self.browse() for _goods_return in goods_returns]
        for picking, (index, *_rest) in zip(pickings, groups, strict=True):
            results[index] |= self.browse(picking.id)
        return results

    @api.model
    def _group_by_origin(self, goods_returns):
        """What comes back, by the transfer that it went out with.

        The records of a group read with them what those of all groups need.

        :return: a list of ``(index of the return, return, transfer, moves)``
        """
        groups = [
            (index, goods_return, picking.sudo(), moves.sudo())
            for index, goods_return in enumerate(goods_returns)
            for picking, moves in goods_return.get_moves_by_picking(self.env)
        ]
        origins = self.sudo().union(*(picking for *_rest, picking, _moves in groups))
        origins.mapped("reference_ids")
        moves = origins.move_ids.union(*(moves for *_rest, moves in groups))
        return [
            (
                index,
                goods_return,
                picking.with_prefetch(origins._ids),
                some.with_prefetch(moves._ids),
            )
            for index, goods_return, picking, some in groups
        ]

    def _prepare_return_values(self, goods_return):
        """Values of the transfer that brings goods of this one back, on top of its
        own, as core's wizard would have them."""
        self.ensure_one()
        wizard = self.env["stock.return.picking"]
        values = wizard._prepare_picking_default_values_based_on(self)
        values.update(user_id=False, **goods_return.values)
        return values

    def _prepare_return_moves_values(self, goods_return, origin_moves):
        """Values of the moves of a return transfer, as core's wizard would have them:
        a list of ``(move, values on top of the move's own)``.

        The wizard's lines are made in memory only, for what other addons put into
        their ``_prepare_move_default_values``.
        """
        self.ensure_one()
        wizard = self.env["stock.return.picking"].new({"picking_id": self.return_id.id})
        values_list = []
        for move in origin_moves:
            quantity, unit = move._get_return_quantity(goods_return.quantities[move])
            line = self.env["stock.return.picking.line"].new(
                {
                    "move_id": move.id,
                    "product_id": move.product_id.id,
                    "quantity": quantity,
                    "to_refund": goods_return.to_refund,
                }
            )
            line.wizard_id = wizard
            values = line._prepare_move_default_values(self)
            values.update(
                product_uom_qty=quantity,
                product_uom=unit.id,
                **move._prepare_return_links(),
                **goods_return.move_values.get(move, {}),
            )
            values_list.append((move, values))
        return values_list

    def _confirm_returns(self, moves):
        """Confirm and reserve return transfers, and note where they come from."""
        origins = moves.origin_returned_move_id
        origins.move_dest_ids.filtered(
            lambda move: move.state not in ("done", "cancel")
        )._do_unreserve()
        self._check_company()
        moves._action_confirm(merge=False)
        moves._filter_ordered_by_itself()._trigger_scheduler()
        self.action_assign()
        self._message_log_batch(
            {
                picking.id: self.env["ir.qweb"]._render(
                    "mail.message_origin_link",
                    {"self": picking, "origin": picking.return_id},
                )
                for picking in self
            }
        )

    # ------------------------------------------------------------------
    # Returns of the marketplaces
    # ------------------------------------------------------------------

    def _action_done(self):
        result = super()._action_done()
        self._get_marketplace_returns()._goods_arrived()
        return result

    def _get_marketplace_returns(self):
        """The marketplace returns whose goods come back with these transfers."""
        return self.sudo().move_ids.marketplace_return_line_id.return_id

    def action_view_marketplace_returns(self):
        """Open the marketplace returns whose goods come back with these transfers."""
        returns = self._get_marketplace_returns().sudo(False)
        return returns._open(returns)

    def action_view_credit_notes(self):
        """Open the credit notes for the goods of these transfers."""
        returns = self.env["marketplace.return"]
        return returns._open(self.credit_note_ids)


def _copy_data(copies):
    """What ``copy_data`` gives for each record, in one call for all of them.

    Each call leaves an environment behind, and whoever changes to another environment
    looks through all that there are.

    :param copies: pairs of a record, which may come several times, and of the values
        on top of its own
    """
    copies = list(copies)
    if not copies:
        return []
    records = copies[0][0].union(*(record for record, _values in copies))
    given = set.intersection(*(set(values) for _record, values in copies))
    by_id = dict(zip(records.ids, records.copy_data(dict.fromkeys(given)), strict=True))
    return [{**by_id[record.id], **values} for record, values in copies]
