from odoo import models

from ..tools.order_quantities import Returned


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _prepare_qty_delivered(self):
        """Round once, not for each move: three units back of a dozen one by one leave
        0.75 of it, not 0.76."""
        quantities = super()._prepare_qty_delivered()
        for line in self:
            if line._has_several_units() and line._is_delivered_by_moves():
                exact = line._get_exact_delivered()
                moves = line._get_sent_moves() | line._get_returned_moves()
                error = len(moves) * line.product_uom_id.rounding
                # Where core counts other moves, it has its reasons.
                if abs(exact - quantities[line]) <= error:
                    quantities[line] = line.product_uom_id.round(exact)
        return quantities

    # Core's `_get_outgoing_incoming_moves` says the same of done moves, with one query
    # for each move that comes back.

    def _is_delivered_by_moves(self):
        """Whether the moves carry the product itself: those of a kit do not."""
        return (
            self.qty_delivered_method == "stock_move"
            and self.product_id in self.move_ids.product_id
        )

    def _get_sent_moves(self):
        """The done moves that brought goods to the customer, first time or again."""
        return self.move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move.product_id == self.product_id
                and _is_at_customer(move.location_dest_id)
                and not _is_at_customer(move.location_id)
                and (not move.origin_returned_move_id or move.to_refund)
            )
        )

    def _get_returned_moves(self):
        """The done moves that brought goods back and count for the order."""
        return self.move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move.to_refund
                and move.product_id == self.product_id
                and _is_at_customer(move.location_id)
                and not _is_at_customer(move.location_dest_id)
            )
        )

    def _get_exact_delivered(self):
        """Sent less returned, in the line's unit, unrounded."""
        sent = self._sum_moves(self._get_sent_moves())
        return sent - self._sum_moves(self._get_returned_moves())

    def _get_moves_to_send(self):
        """The moves still to be done that lead to the customer, one for each chain."""
        return self.move_ids.filtered(
            lambda move: (
                move.state not in ("done", "cancel")
                and move.product_id == self.product_id
                and _is_at_customer(move.location_final_id or move.location_dest_id)
                and not _is_at_customer(move.location_id)
                and not any(
                    following.state != "cancel" for following in move.move_dest_ids
                )
            )
        )

    def _get_returned(self):
        """What came back of this line, and what is sent in its place.

        :return: a ``Returned``, in the line's unit
        """
        if not self._is_delivered_by_moves():
            return Returned(is_known=False)
        sent_moves = self._get_sent_moves()
        done = self._sum_moves(self._get_returned_moves())
        done -= self._sum_moves(sent_moves.filtered("origin_returned_move_id"))
        if self.product_uom_id.compare(done, 0) <= 0:
            return Returned()
        to_send = self._sum_moves(self._get_moves_to_send())
        missing = self.product_uom_qty - self._sum_moves(sent_moves) - to_send + done
        unreplaced = min(done, max(0.0, missing))
        return Returned(done, unreplaced, min(done - unreplaced, to_send))

    def _get_refused_share_back(self, is_counted):
        """Which part of what was credited with the goods left to the customer came
        back all the same: goods that were refused and credited, and come once more.

        :param is_counted: tells whether a document counts
        :return: between 0 and 1
        """
        late = self._get_returned_moves()
        late = late.filtered(
            lambda move: (
                move.origin_returned_move_id.origin_returned_move_id.return_verdict
                == "refused"
            )
        )
        if not late:
            return 0.0
        refused = late.origin_returned_move_id.origin_returned_move_id.picking_id
        kept = of_refused = 0.0
        for line in self._get_invoice_lines():
            credit_note = line.move_id
            if (
                credit_note.move_type == "out_refund"
                and not credit_note.return_goods
                and not credit_note.invoice_again
                and not line.is_price_correction
                and line.quantity > 0
                and is_counted(credit_note)
            ):
                quantity = self._get_exact_quantity(line)
                kept += quantity
                if credit_note.return_picking_ids & refused:
                    of_refused += quantity
        came = self._sum_moves(late)
        came -= self._sum_moves(late._get_sent_again())
        return max(0.0, min(came, of_refused)) / kept if kept else 0.0

    def _sum_moves(self, moves):
        """Quantity of moves in the line's unit, unrounded."""
        return sum(
            move.product_uom._compute_quantity(
                move.quantity if move.state == "done" else move.product_uom_qty,
                self.product_uom_id,
                round=False,
            )
            for move in moves
        )


def _is_at_customer(location):
    """With the customer, or on the way between companies."""
    return location.usage == "customer" or (
        location.usage == "transit" and not location.company_id
    )
