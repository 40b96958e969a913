from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.credit import CreditLine
from .marketplace_return import AMOUNTS
from .sale_order_line import _is_counted
from .sale_order_line_credit import _lay_out


class StockPicking(models.Model):
    """Goods that went back to a vendor: his refund, joined to his bill.

    Purchases are no dependency of this addon: without ``purchase_stock`` there is no
    bill to find, and nothing to do.
    """

    _inherit = "stock.picking"

    can_refund_vendor = fields.Boolean(
        compute="_compute_can_refund_vendor", groups=AMOUNTS
    )

    @api.depends("state", "return_kind", "credit_note_ids.state")
    def _compute_can_refund_vendor(self):
        for picking in self:
            picking.can_refund_vendor = bool(picking._prepare_vendor_refund_requests())

    def action_create_vendor_refunds(self):
        """Make the drafts of the vendors' refunds for what went back to them.

        They stay drafts: the vendor's own number and date are entered when they come.

        :return: the action that opens them
        :raise UserError: when nothing is left to ask back
        """
        self.env["account.move"].check_access("create")
        requests = self._prepare_vendor_refund_requests()
        if not requests:
            raise UserError(
                self.env._(
                    "%(transfers)s: no posted bill has anything of this left. Post the"
                    " bill first, or enter the refund by hand.",
                    transfers=", ".join(self.mapped("name")),
                )
            )
        refunds = self.env["account.move"]._create_credit_notes(requests, post=False)
        return self.env["marketplace.return"]._open(refunds)

    def _prepare_vendor_refund_requests(self):
        """Ask for one refund for each bill.

        :return: a list of ``CreditRequest``
        """
        by_bill = defaultdict(list)
        pickings = defaultdict(self.browse)
        taken = defaultdict(float)
        for picking in self.filtered(
            lambda one: one.return_kind == "vendor" and one.state == "done"
        ):
            for move, quantity in picking._get_vendor_quantities().items():
                for line, part in move._allot_bills(quantity, taken):
                    taken[line] += part
                    by_bill[line.move_id].append(CreditLine(line, part))
                    pickings[line.move_id] |= picking
        return self._make_return_requests(by_bill, pickings)

    def _get_vendor_quantities(self):
        """What went back to the vendor and his refunds do not say.

        :return: ``{stock.move: quantity}``, in the unit of the move
        """
        if "purchase_line_id" not in self.env["stock.move"]._fields:
            return {}
        # sudo: who accounts for purchases need not be a buyer
        moves = self.sudo().move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move.purchase_line_id
                and move._goes_back_to_vendor()
            )
        )
        refunded = self.sudo().credit_note_ids.filtered(_is_counted).invoice_line_ids
        left = {}
        for line, here in moves.grouped("purchase_line_id").items():
            credited = sum(
                one.product_uom_id._compute_quantity(
                    one.quantity, line.product_uom_id, round=False
                )
                for one in refunded
                if one.purchase_line_id == line
            )
            for move in here:
                quantity = move.product_uom._compute_quantity(
                    move.quantity, line.product_uom_id, round=False
                )
                used = min(quantity, credited)
                credited -= used
                left[move] = line.product_uom_id._compute_quantity(
                    quantity - used, move.product_uom, round=False
                )
        return left


class StockMove(models.Model):
    _inherit = "stock.move"

    def _goes_back_to_vendor(self):
        if "purchase_line_id" in self._fields and self.purchase_line_id:
            return self._is_purchase_return()  # to subcontractors, too
        return self.location_dest_id.usage == "supplier"

    def _allot_bills(self, quantity, taken):
        """The bill lines that a quantity sent back was billed with.

        Receipts and bills are laid side by side, oldest first: what goes back is of
        the bill of the receipt it came with, the rest of the latest bills.

        :param quantity: in the unit of this move
        :param taken: ``{bill line: quantity}`` that is asked for already
        :return: a list of ``(bill line, quantity in its unit)``
        """
        bills = self.purchase_line_id.invoice_lines.filtered(
            lambda line: (
                line.parent_state == "posted" and line.move_id.move_type == "in_invoice"
            )
        ).sorted(lambda line: (line.move_id.invoice_date, line.id))
        parts = defaultdict(float)
        for line, limit in [
            *self._get_billed_with(bills),
            *((line, line.quantity) for line in reversed(bills)),
        ]:
            unit = line.product_uom_id
            wanted = self.product_uom._compute_quantity(quantity, unit, round=False)
            left = line.creditable_quantity - taken[line] - parts[line]
            part = min(wanted, limit, left)
            if unit.compare(part, 0) > 0:
                parts[line] += part
                quantity -= unit._compute_quantity(part, self.product_uom, round=False)
        return [(line.sudo(False), part) for line, part in parts.items() if part]

    def _get_billed_with(self, bills):
        """The bill lines of the receipt that goes back with this move.

        :return: a list of ``(bill line, quantity in its unit)``
        """
        receipts = self.purchase_line_id.move_ids.filtered(
            lambda move: move.state == "done" and move.location_id.usage == "supplier"
        ).sorted(lambda move: (move.date, move.id))
        unit = self.product_id.uom_id
        spans = {
            move: (start, end)
            for move, start, end in _lay_out(
                [(move, move._get_quantity_out()) for move in receipts]
            )
        }
        here, until = spans.get(self.origin_returned_move_id, (0.0, 0.0))
        billed = [
            (line, line.product_uom_id._compute_quantity(line.quantity, unit))
            for line in bills
        ]
        return [
            (line, unit._compute_quantity(shared, line.product_uom_id, round=False))
            for line, start, end in _lay_out(billed)
            if (shared := min(until, end) - max(here, start)) > 0
        ]
