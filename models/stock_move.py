from collections import defaultdict

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class StockMove(models.Model):
    _inherit = "stock.move"

    marketplace_return_line_id = fields.Many2one(
        "marketplace.return.line",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="What a customer of a marketplace sends back with this move.",
    )

    def _get_returnable_quantities(self):
        """What can still come back of each move.

        :return: ``{move: quantity}`` in the unit of the move, never negative: what
            went out less what came back or is expected back.
        """
        returned = self._get_returned_quantities()
        return {
            move: max(
                0.0,
                move.product_id.uom_id._compute_quantity(
                    move._get_quantity_out() - sum(returned[move]),
                    move.product_uom,
                    round=False,
                ),
            )
            for move in self
        }

    def _get_quantity_out(self):
        """Quantity that this move carried, or will carry while it is not done, in the
        product's unit."""
        self.ensure_one()
        if self.state == "cancel":
            return 0.0
        if self.state != "done":
            return self.product_qty
        return sum(self.sudo().move_line_ids.mapped("quantity_product_uom"))

    def _get_returned_quantities(self):
        """What came back of each move, and what is expected back.

        :return: ``{move: (done, expected)}`` in the product's unit.
        """
        quantities = defaultdict(lambda: (0.0, 0.0))
        returns = self.sudo().search(
            [("origin_returned_move_id", "in", self.ids), ("state", "!=", "cancel")]
        )
        for origin, moves in returns.grouped("origin_returned_move_id").items():
            done = moves.filtered(lambda move: move.state == "done")
            quantities[origin.with_env(self.env)] = (
                sum(move._get_quantity_out() for move in done),
                sum(move._get_quantity_out() for move in moves - done),
            )
        return quantities

    def _get_return_quantity(self, quantity):
        """The quantity and the unit of a return of so much of this move.

        Part of a dozen that the dozen's precision cannot show (5 units are 0.42
        dozen) comes back in the product's unit.

        :param quantity: in the move's unit, unrounded.
        :return: ``(quantity, uom.uom)``
        """
        unit = self.product_id.uom_id
        units = unit.round(
            self.product_uom._compute_quantity(quantity, unit, round=False)
        )
        rounded = self.product_uom.round(quantity)
        back = self.product_uom._compute_quantity(rounded, unit, round=False)
        if unit.compare(back, units) == 0:
            return rounded, self.product_uom
        return units, unit

    def _prepare_return_links(self):
        """Chain a return move of this one as core's return wizard does
        (``stock.return.picking.line._process_line``)."""
        self.ensure_one()

        def alive(moves):
            return moves.filtered(lambda move: move.state != "cancel")

        before = self.move_dest_ids.returned_move_ids | self
        before |= alive(alive(self.move_dest_ids).move_orig_ids)
        after = self.move_orig_ids.returned_move_ids
        after |= alive(alive(after.move_orig_ids).move_dest_ids)
        return {
            "move_orig_ids": [Command.link(move.id) for move in before],
            "move_dest_ids": [Command.link(move.id) for move in after],
        }

    def _filter_ordered_by_itself(self):
        """Those whose product is ordered by itself: core looks for the rule of each
        move by itself."""
        rules = self.env["stock.warehouse.orderpoint"]._read_group(
            [("product_id", "in", self.product_id.ids), ("trigger", "=", "auto")],
            ["product_id"],
        )
        products = {product for (product,) in rules}
        return self.filtered(lambda move: move.product_id in products)

    def _prepare_move_split_vals(self, qty):
        values = super()._prepare_move_split_vals(qty)
        values["marketplace_return_line_id"] = self.marketplace_return_line_id.id
        return values

    def _action_cancel(self):
        result = super()._action_cancel()
        returns = self.sudo().marketplace_return_line_id.return_id
        returns._check_receipts()
        return result

    # ------------------------------------------------------------------
    # Never more back than went out
    # ------------------------------------------------------------------

    def _action_confirm(self, merge=True, merge_into=False, create_proc=True):
        moves = super()._action_confirm(
            merge=merge, merge_into=merge_into, create_proc=create_proc
        )
        moves.exists()._check_returned_quantities()
        return moves

    def _action_done(self, cancel_backorder=False):
        moves = super()._action_done(cancel_backorder=cancel_backorder)
        moves._check_returned_quantities()
        return moves

    def _check_returned_quantities(self):
        """Refuse returns of more than what went out, by move and by lot.

        What came back and what is expected back count together, so that two returns
        announced for the same goods are noticed before the second one arrives.

        :raise UserError: naming the product, the transfer and the limit.
        """
        self._check_returned_of_orders()
        outside = ("customer", "supplier")
        # What came back and is sent to the customer again has its limit, too.
        origins = self.sudo().origin_returned_move_id.filtered(
            lambda move: (
                move.location_dest_id.usage in outside
                or move.location_id.usage in outside
            )
        )
        if not origins:
            return
        origins._lock_for_return()
        for origin, (done, expected) in origins._get_returned_quantities().items():
            went_out = origin.state == "done" or not done
            out = origin._get_quantity_out() if went_out else 0.0
            if origin.product_id.uom_id.compare(done + expected, out) > 0:
                origin._raise_too_much_returned(out, done, expected)
        origins._check_returned_lots()

    def _check_returned_of_orders(self):
        """Refuse more back of an order line than went out for it.

        A duplicate of a return names no delivery: its limit is the order line.

        :raise UserError: naming the product, the order and the limit.
        """
        returns = self.sudo().filtered(
            lambda move: move.sale_line_id and move._comes_from_customer()
        )
        if not returns:
            return
        moves = self.sudo().search(
            [
                ("sale_line_id", "in", returns.sale_line_id.ids),
                ("product_id", "in", returns.product_id.ids),
                # A draft is no plan yet: its own confirmation is checked.
                ("state", "not in", ("draft", "cancel")),
            ]
        )
        sent = moves.filtered(lambda move: move._goes_to_customer())
        if not all(move.origin_returned_move_id for move in returns):
            sent._lock_for_return()
        for (line, product), some in moves.grouped(
            lambda move: (move.sale_line_id, move.product_id)
        ).items():
            out, back = some & sent, some.filtered(lambda m: m._comes_from_customer())
            if out and back & returns:
                done = product.uom_id.compare(_sum_done(back), _sum_done(out)) <= 0
                all_ = product.uom_id.compare(_sum_all(back), _sum_all(out)) <= 0
                if not (done and all_):
                    back._raise_too_much_of_order(line, _sum_done(out))

    def _comes_from_customer(self):
        return (
            self.location_id.usage == "customer"
            and self.location_dest_id.usage != "customer"
        )

    def _goes_to_customer(self):
        return (
            self.location_dest_id.usage == "customer"
            and self.location_id.usage != "customer"
        )

    def _raise_too_much_of_order(self, line, out):
        product = self.product_id
        raise UserError(
            self.env._(
                "%(product)s: %(out)s %(unit)s went out for %(order)s and %(back)s"
                " would come back with %(returns)s. Lower the quantity, or cancel a"
                " return that is not coming.",
                product=product.display_name,
                out=_quantity(product.uom_id, out),
                unit=product.uom_id.name,
                order=line.order_id.name,
                back=_quantity(product.uom_id, _sum_all(self)),
                returns=", ".join(self.picking_id.mapped("name")),
            )
        )

    def _lock_for_return(self):
        """Let one transaction at a time count the returns of these moves.

        A row lock alone is not enough: with repeatable reads the second transaction
        would get the lock and still not see the returns of the first one. Rewriting
        the row makes it fail with a serialization error instead, and Odoo runs it
        again.
        """
        if not self:
            return
        self.env.cr.execute(
            SQL(
                """UPDATE stock_move SET write_date = write_date
                    WHERE id IN (SELECT id FROM stock_move WHERE id IN %s
                                  ORDER BY id FOR NO KEY UPDATE)""",
                self._ids,
            )
        )

    def _get_returnable_lots(self):
        """What can still come back of each lot that these moves sent.

        :return: ``{move: {lot: quantity}}`` in the product's unit, above zero
        """
        lots = defaultdict(dict)
        balance, _with_lots = self._get_lot_balance()
        for (origin, lot), quantity in balance.items():
            if origin.product_id.uom_id.compare(quantity, 0) > 0:
                lots[origin.with_env(self.env)][lot] = quantity
        return lots

    def _get_lot_balance(self):
        """What went out of each lot and did not come back.

        :return: ``{(move, lot): quantity}`` in the product's unit, and the moves that
            went out with lots
        """
        tracked = self.filtered(lambda move: move.product_id.tracking != "none")
        lines = self.env["stock.move.line"].sudo()
        if not tracked:
            return {}, self.browse()
        lines = lines.search(
            [
                ("state", "=", "done"),
                ("lot_id", "!=", False),
                "|",
                ("move_id", "in", tracked.ids),
                ("move_id.origin_returned_move_id", "in", tracked.ids),
            ]
        )
        balance = defaultdict(float)
        for line in lines:
            is_out = line.move_id in tracked
            origin = line.move_id if is_out else line.move_id.origin_returned_move_id
            quantity = line.quantity_product_uom
            balance[origin, line.lot_id] += quantity if is_out else -quantity
        return balance, lines.move_id & tracked

    def _check_returned_lots(self):
        """Refuse a lot back that did not go out with the move, or more of it."""
        balance, with_lots = self._get_lot_balance()
        for (origin, lot), quantity in balance.items():
            if (
                origin in with_lots
                and origin.product_id.uom_id.compare(quantity, 0) < 0
            ):
                origin._raise_lot_not_sent(lot, -quantity)

    def _raise_too_much_returned(self, out, done, expected):
        unit = self.product_id.uom_id
        expected_on = self.returned_move_ids.filtered(
            lambda move: move.state not in ("done", "cancel")
        ).picking_id
        raise UserError(
            self.env._(
                "%(product)s: no more than %(out)s %(unit)s can come back of"
                " %(origin)s. %(done)s came back and %(expected)s are"
                " expected%(where)s, this return included. Lower the quantity, or"
                " cancel a return that is not coming.",
                product=self.product_id.display_name,
                out=_quantity(unit, out),
                unit=unit.name,
                origin=self.picking_id.name or self.reference or self.display_name,
                done=_quantity(unit, done),
                expected=_quantity(unit, expected),
                where=f" ({', '.join(expected_on.mapped('name'))})"
                if expected_on
                else "",
            )
        )

    def _raise_lot_not_sent(self, lot, excess):
        raise UserError(
            self.env._(
                "%(product)s: lot or serial number %(lot)s comes back with %(excess)s"
                " %(unit)s more than went out with %(origin)s. Choose a number that was"
                " sent, or receive it in a transfer of its own.",
                product=self.product_id.display_name,
                lot=lot.name,
                excess=_quantity(self.product_id.uom_id, excess),
                unit=self.product_id.uom_id.name,
                origin=self.picking_id.name or self.reference or self.display_name,
            )
        )


class StockMoveLine(models.Model):
    _inherit = "stock.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._check_corrected_returns()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if {"quantity", "lot_id"} & vals.keys():
            self._check_corrected_returns()
        return result

    def _check_corrected_returns(self):
        """What is done already is corrected within the same limits."""
        moves = self.move_id.filtered(lambda move: move.state == "done")
        (moves | moves.returned_move_ids)._check_returned_quantities()
        moves.picking_id.filtered(
            lambda one: one.state == "done" and one.return_kind == "customer"
        )._settle_credit()


def _sum_done(moves):
    return _sum_all(moves.filtered(lambda move: move.state == "done"))


def _sum_all(moves):
    return sum(move._get_quantity_out() for move in moves)


def _quantity(unit, quantity):
    """Show 2 rather than 2.0 or 2.0000000001."""
    return f"{unit.round(quantity):g}"
