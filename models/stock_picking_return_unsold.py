from collections import defaultdict

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..tools.credit import CreditLine, CreditRequest
from .marketplace_return import AMOUNTS
from .sale_order_line import _is_counted


class StockPicking(models.Model):
    """Goods that come back and that no order sold: delivered without one and invoiced
    by hand, or put into the parcel of another return.

    Nothing but customer and product says which invoice they are of. Their credit note
    is therefore never more than proposed, of the latest invoices, as a draft.
    """

    _inherit = "stock.picking"

    return_settled = fields.Boolean(
        "Nothing to Credit",
        copy=False,
        readonly=True,
        tracking=True,
        groups=AMOUNTS,
        help="An accountant looked at the goods that no order sold, and credits nothing"
        " for them here.",
    )

    can_be_settled = fields.Boolean(compute="_compute_can_be_settled", groups=AMOUNTS)

    @api.depends("return_state")
    def _compute_can_be_settled(self):
        waiting = self.filtered(lambda picking: picking.return_state == "to_credit")
        unsold = waiting._get_unsold_left_to_credit()
        for picking in self:
            picking.can_be_settled = picking in unsold

    def action_settle_return(self):
        """Credit nothing here for goods that no order sold; accountants say so.

        :raise UserError: where something of an order is left to credit
        """
        self.env["account.move"].check_access("create")
        unsold = self._get_unsold_left_to_credit()
        for picking in self:
            if picking not in unsold:
                raise UserError(
                    self.env._(
                        "%(transfer)s: only goods that no order sold can be left"
                        " without a credit note here.",
                        transfer=picking.name,
                    )
                )
        # sudo: accountants do not write on transfers
        self.sudo().return_settled = True

    def _get_unsold_left_to_credit(self):
        """What came back that no order sold, that the customer was invoiced for by
        hand, and that the credit notes of these transfers do not say.

        :return: ``{transfer: ({product: quantity}, invoice lines)}`` of those that have
            any: quantities in the unit of the product, above zero; of the lines made by
            hand those that have something of it left, latest first
        """
        # What is looked at for one by one is read for all of them.
        moves = self.move_ids
        (moves | moves.returned_move_ids).sudo().move_line_ids.mapped("quantity")
        # sudo: `return_settled` is not for the warehouse, whose receipt asks for it
        received = {
            picking: left
            for picking in self
            if not picking.sudo().return_settled
            and (left := picking._get_unsold_received())
        }
        by_customer = self._find_unsold_invoice_lines(received)
        result = {}
        for picking, left in received.items():
            key = (picking.company_id.id, picking.partner_id.commercial_partner_id.id)
            lines = by_customer.get(key, self.env["account.move.line"])
            lines = lines.filtered(lambda line, left=left: line.product_id in left)
            if lines:
                invoiced = {product: left[product] for product in lines.product_id}
                result[picking] = (invoiced, lines)
        return result

    def _get_unsold_received(self):
        """What of this transfer :meth:`_get_unsold_left_to_credit` is about, invoiced
        or not.

        :return: ``{product: quantity}``
        """
        moves = self.move_ids.filtered(lambda move: move._is_unsold_return())
        # Nothing was announced before the addon was there: not asked about now.
        if not moves or not any(self.move_ids.mapped("return_announced_qty")):
            return {}
        left = defaultdict(float)
        for move in moves:
            again = move.returned_move_ids.filtered(
                lambda one: one.state == "done" and one._goes_to_customer()
            )
            left[move.product_id] += move._get_quantity_out()
            left[move.product_id] -= sum(one._get_quantity_out() for one in again)
        for line in self.sudo().credit_note_ids.filtered(_is_counted).invoice_line_ids:
            if line.product_id in left and not line.sale_line_ids:
                if not line.is_price_correction:
                    left[line.product_id] -= line.product_uom_id._compute_quantity(
                        line.quantity, line.product_id.uom_id, round=False
                    )
        return {
            product: quantity
            for product, quantity in left.items()
            if product.uom_id.compare(quantity, 0) > 0
        }

    @api.model
    def _find_unsold_invoice_lines(self, received):
        """Find the invoice lines made by hand that have something left, at once.

        :param received: ``{transfer: {product: quantity}}``
        :return: ``{(company id, customer id): lines}``, latest first
        """
        if not received:
            return {}
        pickings = self.concat(*received)
        products = {product.id for left in received.values() for product in left}
        # sudo: whether an order is behind them is not for accountants alone
        lines = (
            self.env["account.move.line"]
            .sudo()
            .search(
                [
                    ("company_id", "in", pickings.company_id.ids),
                    ("parent_state", "=", "posted"),
                    ("move_id.move_type", "=", "out_invoice"),
                    ("display_type", "=", "product"),
                    ("product_id", "in", list(products)),
                    ("sale_line_ids", "=", False),
                    (
                        "move_id.commercial_partner_id",
                        "in",
                        pickings.partner_id.commercial_partner_id.ids,
                    ),
                ],
                order="date desc, id desc",
            )
        )
        return lines.filtered(
            lambda line: line.product_uom_id.compare(line.creditable_quantity, 0) > 0
        ).grouped(
            lambda line: (line.company_id.id, line.move_id.commercial_partner_id.id)
        )

    def _prepare_unsold_credit_requests(self):
        """Ask for the credit notes of goods that no order sold, one for each invoice.

        :return: a list of ``CreditRequest``
        """
        by_invoice = defaultdict(list)
        pickings = defaultdict(self.browse)
        taken = defaultdict(float)
        for picking, (left, lines) in self._get_unsold_left_to_credit().items():
            for line in lines:
                product, unit = line.product_id, line.product_uom_id
                part = min(
                    product.uom_id._compute_quantity(left[product], unit, round=False),
                    line.creditable_quantity - taken[line],
                )
                if unit.compare(part, 0) > 0:
                    left[product] -= unit._compute_quantity(
                        part, product.uom_id, round=False
                    )
                    taken[line] += part
                    by_invoice[line.move_id].append(CreditLine(line, part))
                    pickings[line.move_id] |= picking
        return self._make_return_requests(by_invoice, pickings, return_goods=True)

    @api.model
    def _make_return_requests(self, by_invoice, pickings, **values):
        """Ask for the credit notes of what these transfers brought back.

        :param by_invoice: ``{invoice or bill: list of CreditLine}``
        :param pickings: ``{invoice or bill: transfers}``
        :param values: what else each credit note gets
        :return: a list of ``CreditRequest``
        """
        lines = self.env["sale.order.line"]
        return [
            CreditRequest(
                invoice,
                credit_lines,
                values={
                    **values,
                    "return_picking_ids": [Command.set(pickings[invoice].ids)],
                    "refund_reason_id": lines._get_return_reason(pickings[invoice]).id,
                },
            )
            for invoice, credit_lines in by_invoice.items()
        ]


class StockMove(models.Model):
    _inherit = "stock.move"

    def _is_unsold_return(self):
        """Whether goods came back here that no order sold, and stay here."""
        refused = self.return_verdict == "refused"
        return (
            self.state == "done"
            and not self.sale_line_id
            and self._is_received_return()
            and (not refused or self.company_id.return_credit_refused)
            # sudo: who works with returns need not see those of marketplaces
            and not self.sudo().marketplace_return_line_id
        )
