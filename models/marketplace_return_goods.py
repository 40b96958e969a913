from collections import defaultdict

from odoo import models
from odoo.tools import LazyTranslate

from .stock_picking import GoodsReturn

_lt = LazyTranslate(__name__)

# The goods of a return in these states are not decided on yet.
EARLY = ("announced", "new", "unmatched", "matched", "approved")


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    def write(self, vals):
        """The warehouse reads the reason, also where it is known only later."""
        result = super().write(vals)
        if "refund_reason_id" in vals:
            # sudo: customer service does not write on transfers
            pickings = self.sudo().line_ids.move_ids.picking_id
            pickings.filtered(
                lambda picking: picking.state not in ("done", "cancel")
            ).refund_reason_id = vals["refund_reason_id"]
        return result

    def _step_return_goods(self):
        """Have the goods come back: the return transfers of all, as one set."""
        with_goods = self.filtered(lambda r: not r.parent_id)
        for company, returns in with_goods._by_company():
            returns._create_return_pickings(company)
        for _company, returns in self._by_company():
            returns._go_on_after_goods()
        (self - with_goods | self.child_ids)._check_receipts()

    def _create_return_pickings(self, company):
        self._read_ahead()
        lines = self.line_ids.filtered(lambda line: line._brings_goods())
        lines._adopt_returns()
        delivered = lines.sale_line_id.move_ids.filtered(_is_delivery)
        left = delivered._get_returnable_quantities()
        goods_returns = [
            goods_return
            for record in self
            for goods_return in record._prepare_goods_returns(lines, left)
        ]
        if goods_returns:
            pickings = self.env["stock.picking"].with_company(company)
            pickings._create_goods_returns(goods_returns)

    def _prepare_goods_returns(self, lines, left):
        """What to have back for this return: as a rule one ``GoodsReturn``, two where
        two of its lines are about the same delivery.

        :param left: ``{delivery move: quantity}`` that can still come back; lowered
        """
        goods_returns = []
        for line in self.line_ids & lines:
            for move, quantity in line._allot_deliveries(left).items():
                goods_return = next(
                    (some for some in goods_returns if move not in some.quantities),
                    None,
                )
                if goods_return is None:
                    goods_return = GoodsReturn({}, self._prepare_picking_values())
                    goods_returns.append(goods_return)
                goods_return.quantities[move] = quantity
                goods_return.move_values[move] = {"marketplace_return_line_id": line.id}
        return goods_returns

    def _prepare_picking_values(self):
        account = self.account_id
        warehouse = account.warehouse_id
        if self.fulfilled_by == "marketplace":
            warehouse = account.marketplace_warehouse_id
        picking_type = warehouse.in_type_id
        reason = {"refund_reason_id": self.refund_reason_id.id}
        if not picking_type:
            return reason
        return reason | {
            "picking_type_id": picking_type.id,
            "location_dest_id": picking_type.default_location_dest_id.id,
        }

    def _has_warehouse(self):
        """Whether goods of this return come back to a warehouse that is kept here."""
        self.ensure_one()
        account = self.account_id
        return self.fulfilled_by != "marketplace" or account.marketplace_warehouse_id

    def _go_on_after_goods(self):
        """To the state that follows once the goods are asked for."""
        received, waiting, done = self.browse(), self.browse(), self.browse()
        for record in self:
            moves = record._get_goods_moves()
            pending = moves.filtered(_is_pending)
            if record.kind == "refund":
                if record._waits_for_goods() and (pending or record.parent_id):
                    waiting |= record
                else:
                    received |= record
            elif pending:
                waiting |= record
            elif moves:
                done |= record
            else:
                record._set_missing(
                    _lt(
                        "No goods can come back: nothing of it was delivered, or all of"
                        " it came back already. Correct the lines, or close it."
                    )
                )
        received._set_state("received")
        waiting._set_state("waiting")
        done._set_state("done")

    def _waits_for_goods(self):
        """Whether the credit note follows the receipt of the goods."""
        return (
            self.account_id.credit_when == "receipt"
            and not self.is_credited_without_goods
        )

    def _get_goods_moves(self):
        """The return moves of these returns and of those that belong with them."""
        return self._get_family().line_ids.sudo().move_ids

    def _get_family(self):
        """These returns, the return that their goods come with, and its refunds."""
        family = self | self.parent_id
        return family | family.child_ids

    def _read_ahead(self):
        """Read what these returns are about, all at once.

        A family is put together for each return by itself: what is not in memory by
        then would be read for each by itself.
        """
        lines = self._get_family().line_ids.sudo()
        lines.mapped("product_id.type")
        lines.mapped("sale_line_id.product_uom_id")
        lines.mapped("move_ids.product_uom")
        lines.mapped("return_id.account_id")

    # ------------------------------------------------------------------
    # Receipts
    # ------------------------------------------------------------------

    def _goods_arrived(self):
        """Goods of these returns were received: credit what is to be credited."""
        returns = self._get_family()
        returns._check_receipts()
        if returns.filtered(lambda record: record.state == "received"):
            self._trigger_processing()

    def _check_receipts(self):
        """Bring those further that wait for goods which came, or come no more."""
        received, done = self.browse(), self.browse()
        waiting = self.filtered(lambda r: r.state == "waiting")
        waiting._read_ahead()
        for record in waiting:
            if record.parent_id.state in EARLY:
                continue
            moves = record._get_goods_moves()
            pending = moves.filtered(_is_pending)
            if record.kind == "refund":
                to_credit = record.line_ids._get_quantities_to_credit()
                if not pending or any(to_credit.values()):
                    received |= record
            elif not pending and moves.filtered(lambda move: move.state == "done"):
                done |= record
            elif not pending:
                record._set_missing(
                    _lt(
                        "The return transfer was cancelled. Close the return, or let"
                        " the goods come back with another transfer."
                    )
                )
        received._set_state("received")
        done._set_state("done")

    def _cancel_expected_goods(self):
        """Cancel the return transfers of what does not come any more."""
        moves = self.line_ids.sudo().move_ids.filtered(_is_pending)
        moves._action_cancel()


class MarketplaceReturnLine(models.Model):
    _inherit = "marketplace.return.line"

    def _adopt_returns(self):
        """Take over the return moves that somebody made by hand for the same goods
        before the marketplace told of the return."""
        for line in self:
            missing = line._get_quantity_to_bring()
            made = line.sale_line_id.move_ids.filtered(
                lambda move: (
                    move.origin_returned_move_id.location_dest_id.usage == "customer"
                    and move.state != "cancel"
                    and not move.marketplace_return_line_id
                )
            )
            for move in made:
                quantity = line._in_unit(move, _quantity_name(move))
                if line._get_unit().compare(quantity, missing) <= 0:
                    move.marketplace_return_line_id = line
                    missing -= quantity

    def _get_quantity_to_bring(self):
        """What no return move, of this return or of its refunds, brings back yet."""
        moves = self._get_family_lines().sudo().move_ids
        alive = moves.filtered(lambda move: move.state != "cancel")
        return self.quantity - self._in_unit(alive, "product_uom_qty")

    def _get_family_lines(self):
        """The lines about the same order line, of this return and of the refunds and
        the return that belong to it."""
        family = self.return_id._get_family().line_ids
        same = family.filtered(lambda line: line.sale_line_id == self.sale_line_id)
        return self | same if self.sale_line_id else self

    def _allot_deliveries(self, left):
        """Spread the quantity over the deliveries of the order line, oldest first.

        What was never delivered cannot come back: it is credited without goods.

        :param left: see ``_prepare_goods_returns``
        :return: ``{delivery move: quantity}``, in the move's unit
        """
        unit = self._get_unit()
        missing = self._get_quantity_to_bring()
        quantities = {}
        for move in self.sale_line_id.move_ids.sorted("id"):
            if move not in left or unit.compare(missing, 0) <= 0:
                continue
            here = move.product_uom._compute_quantity(left[move], unit, round=False)
            quantity = min(missing, here)
            if unit.compare(quantity, 0) > 0:
                in_move = unit._compute_quantity(
                    quantity, move.product_uom, round=False
                )
                quantities[move] = in_move
                left[move] -= in_move
                missing -= quantity
        return quantities

    def _get_quantities_to_credit(self):
        """What is to be credited now of each line: what was received, what never was
        delivered, and what is credited without waiting for goods.

        :return: ``{line: quantity}``, in the line's unit, without zeros
        """
        result = {}
        shared = defaultdict(float)
        for line in self:
            quantity = line.quantity - line.quantity_credited
            if line._waits_for_goods():
                key = line.return_id.parent_id, line.sale_line_id
                here = line._get_quantity_ready() - shared[key]
                quantity = min(quantity, max(here, 0.0))
                if line.return_id.parent_id:
                    shared[key] += quantity
            if quantity > 0 and not line._is_same(quantity, 0.0):
                result[line] = quantity
        return result

    def _waits_for_goods(self):
        """Whether this line is credited when its goods are received."""
        lines = self._get_family_lines()
        return self.return_id._waits_for_goods() and any(
            line._brings_goods() for line in lines
        )

    def _get_quantity_ready(self):
        """What was received, or is not to come, less what its refunds credited."""
        lines = self._get_family_lines()
        refunds = lines.filtered(lambda line: line.return_id.kind == "refund")
        moves = lines.sudo().move_ids
        asked = self._in_unit(moves, "product_uom_qty")
        received = self._in_unit(moves.filtered(_is_taken_back), "quantity")
        never_asked = max(sum(refunds.mapped("quantity")) - asked, 0.0)
        return never_asked + received - sum(refunds.mapped("quantity_credited"))


def _is_delivery(move):
    """Whether a move brought goods of an order to the customer, or is to."""
    return (
        move.state == "done"
        and move.location_dest_id.usage == "customer"
        and not move.origin_returned_move_id
        and move.product_id == move.sale_line_id.product_id
    )


def _is_taken_back(move):
    """Whether goods were received and not refused: only those are credited."""
    return move.state == "done" and move.return_verdict != "refused"


def _is_pending(move):
    return move.state not in ("done", "cancel")


def _quantity_name(move):
    return "quantity" if move.state == "done" else "product_uom_qty"
