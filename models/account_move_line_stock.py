from collections import defaultdict
from typing import NamedTuple

from odoo import models


class ReversedCost(NamedTuple):
    """What a credit note line takes back of the cost of goods.

    ``quantity`` is in the unit of the line, ``unit`` in company currency for one unit
    of the whole line in the product's own unit, as ``_get_cogs_value`` returns it.
    """

    quantity: float
    unit: float


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _eligible_for_stock_account(self):
        # A price correction brings no goods back. On bills it is part of the price
        # of the goods, as core has it.
        if self.is_price_correction and self.move_id.move_type == "out_refund":
            return False
        return super()._eligible_for_stock_account()

    def _get_cogs_value(self):
        costs = self.env.context.get("avoir_reversed_costs") or {}
        if self.id in costs:
            return costs[self.id]
        return super()._get_cogs_value()

    def _get_cogs_qty(self):
        return super()._get_cogs_qty() - sum(
            line.product_uom_id._compute_quantity(
                line.quantity, self.product_uom_id, round=False
            )
            for line in self._get_reversed_cogs_lines()
        )

    def _get_posted_cogs_value(self):
        return super()._get_posted_cogs_value() - sum(
            self._get_reversed_cogs_lines().mapped("balance")
        )

    def _get_reversed_cogs_lines(self):
        """The cost that credit notes took back of what the orders of an invoice line
        booked. Core takes the difference of what is and what was booked, and leaves
        these out: what is invoiced again would bear the cost of twice the goods.
        """
        if self.move_id.move_type != "out_invoice":
            return self.browse()
        accounts = self.product_id.product_tmpl_id.get_product_accounts(
            fiscal_pos=self.move_id.fiscal_position_id
        )
        orders = self.sale_line_ids.order_id
        return orders.invoice_ids.filtered(
            lambda move: move.move_type == "out_refund"
        ).line_ids.filtered(
            lambda line: (
                line.display_type == "cogs"
                and line.product_id == self.product_id
                and line.account_id == accounts["stock_valuation"]
            )
        )

    def _get_reversed_costs(self):
        """Work out the cost of goods that credit note lines take back.

        What the invoice booked for the line is reversed in proportion, and the last
        credit takes what is left of it. Where layers of several costs left together
        (FIFO, lots) and the returns are known, theirs is the cost. Goods that stay
        with the customer keep their cost, unless they are to be invoiced again: the
        new invoice books it anew.

        :return: ``{line: ReversedCost}`` for those of these lines that credit an
            invoice line of a storable product
        """
        lines = self.filtered(
            lambda line: (
                line.move_id.move_type == "out_refund"
                and line.display_type == "product"
                and line.reversed_line_id
                and line.product_id.is_storable
            )
        ).sudo()
        if not lines:
            return {}
        ledger = _CostLedger(lines)
        return {
            line.sudo(self.env.su): ledger.reverse(line)
            for line in lines
            if not line.is_price_correction
        }

    def _get_returned_value(self):
        """Value at which the returns of a credit note line came in.

        :return: ``(quantity, value)`` in the product's unit and company currency
        """
        self.ensure_one()
        moves = self.move_id.return_picking_ids.move_ids.filtered(
            lambda move: (
                move.is_in
                and move.product_id == self.product_id
                and move.sale_line_id in self.reversed_line_id.sale_line_ids
            )
        )
        quantity = sum(
            move.product_uom._compute_quantity(
                move.quantity, self.product_id.uom_id, round=False
            )
            for move in moves
        )
        return quantity, sum(moves.mapped("value"))


class _CostLedger:
    """What is booked as cost of goods for invoice lines and their credit notes.

    Quantities in the product's unit, values in company currency; invoices count up,
    credit notes down. Lines taken in turn see what the ones before them took.
    """

    def __init__(self, lines):
        origins = lines.reversed_line_id
        self.related = origins | origins.reversal_line_ids
        self.related |= origins.sale_line_ids.invoice_lines
        self.quantities = defaultdict(float)
        self.values = defaultdict(float)
        # Of the two lines that are booked, the one on the stock account.
        booked = lines.search_fetch(
            [("cogs_origin_id", "in", self.related.ids), ("price_unit", ">", 0)],
            ["cogs_origin_id", "quantity", "balance", "product_uom_id", "product_id"],
        )
        for line in booked:
            sign = -1 if line.move_id.move_type == "out_refund" else 1
            self.quantities[line.cogs_origin_id] += sign * self._in_product_unit(line)
            self.values[line.cogs_origin_id] -= line.balance

    def _in_product_unit(self, line, quantity=None):
        return line.product_uom_id._compute_quantity(
            line.quantity if quantity is None else quantity,
            line.product_id.uom_id,
            round=False,
        )

    def reverse(self, line):
        """Return the ``ReversedCost`` of ``line`` and count it as booked."""
        whole = self._in_product_unit(line)
        unit = line.product_id.uom_id
        quantity = min(whole, self._coming_back(line))
        if unit.compare(quantity, 0) <= 0:
            return ReversedCost(0.0, 0.0)
        value = self._value(line, quantity)
        self.quantities[line] -= quantity
        self.values[line] -= value
        # Core multiplies by this rounded quantity.
        factor = line.product_uom_id._compute_quantity(line.quantity, unit)
        return ReversedCost(line.quantity * quantity / whole, value / factor)

    def _left(self, amounts, line):
        """What is left of an invoice line once its credit notes are taken off."""
        return amounts[line] + sum(amounts[one] for one in line.reversal_line_ids)

    def _coming_back(self, line):
        """How many of the goods leave the customer's hands, or never were in them."""
        origin, credit_note = line.reversed_line_id, line.move_id
        left = self._left(self.quantities, origin)
        if credit_note.return_goods or credit_note.invoice_again:
            return left
        order_lines = origin.sale_line_ids
        booked = sum(self.quantities[one] for one in order_lines.invoice_lines)
        delivered = sum(
            order_line.product_uom_id._compute_quantity(
                order_line.qty_delivered, line.product_id.uom_id, round=False
            )
            for order_line in order_lines
        )
        return min(left, booked - delivered) if order_lines else 0.0

    def _value(self, line, quantity):
        origin, unit = line.reversed_line_id, line.product_id.uom_id
        left = self._left(self.values, origin)
        if unit.compare(quantity, self._left(self.quantities, origin)) >= 0:
            return left
        product = line.product_id.with_company(line.company_id)
        cost = self.values[origin] / self.quantities[origin]
        value = cost * quantity
        if product.cost_method == "fifo" or product.lot_valuated:
            returned, returned_value = line._get_returned_value()
            if unit.compare(returned, quantity) >= 0:
                value = returned_value * quantity / returned
            elif returned:
                value = returned_value + cost * (quantity - returned)
        return min(left, line.company_currency_id.round(value))
