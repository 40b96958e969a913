from collections import defaultdict

from odoo import Command, models
from odoo.exceptions import UserError

from ..tools.credit import CreditLine, CreditRequest
from .sale_order_line import _is_counted


class StockPicking(models.Model):
    """Goods that went back to a vendor: his refund, joined to his bill.

    Purchases are no dependency of this addon: without ``purchase_stock`` there is no
    bill to find, and nothing to do.
    """

    _inherit = "stock.picking"

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
        """Ask for one refund for each bill, latest bills first.

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
        lines = self.env["sale.order.line"]
        return [
            CreditRequest(
                bill,
                credit_lines,
                values={
                    "return_picking_ids": [Command.set(pickings[bill].ids)],
                    "refund_reason_id": lines._get_return_reason(pickings[bill]).id,
                },
            )
            for bill, credit_lines in by_bill.items()
        ]

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
                and move.location_dest_id.usage == "supplier"
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

    def _allot_bills(self, quantity, taken):
        """The bill lines that a quantity sent back was billed with, latest first.

        :param quantity: in the unit of this move
        :param taken: ``{bill line: quantity}`` that is asked for already
        :return: a list of ``(bill line, quantity in its unit)``
        """
        bills = self.purchase_line_id.invoice_lines.filtered(
            lambda line: (
                line.parent_state == "posted" and line.move_id.move_type == "in_invoice"
            )
        ).sorted(lambda line: (line.move_id.invoice_date, line.id), reverse=True)
        parts = []
        for line in bills.sudo(False):
            unit = line.product_uom_id
            wanted = self.product_uom._compute_quantity(quantity, unit, round=False)
            part = min(wanted, line.creditable_quantity - taken[line])
            if unit.compare(part, 0) > 0:
                parts.append((line, part))
                quantity -= unit._compute_quantity(part, self.product_uom, round=False)
        return parts
