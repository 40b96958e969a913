from odoo import api, fields, models

from ..tools import credit_amounts
from ..tools.down_payment import total_of
from .sale_order_line import _is_counted, _is_posted

FIGURES = {
    "down_payment_invoiced": "invoiced",
    "down_payment_paid": "paid",
    "down_payment_credited": "credited",
    "down_payment_deducted": "deducted",
    "down_payment_left": "left",
    "goods_invoiced": "goods",
    "goods_changed": "changed",
    "left_to_invoice": "to_invoice",
}


class SaleOrder(models.Model):
    """What an order shows of its down payments. It always adds up:

    ordered = goods and services invoiced + down payments not deducted yet
    + still to invoice + changed since (credited for good, prices, quantities)
    """

    _inherit = "sale.order"

    down_payment_invoiced = fields.Monetary(
        string="Down Payments Invoiced", compute="_compute_down_payment_figures"
    )
    down_payment_paid = fields.Monetary(
        string="Down Payments Paid", compute="_compute_down_payment_figures"
    )
    down_payment_credited = fields.Monetary(
        string="Down Payments Credited", compute="_compute_down_payment_figures"
    )
    down_payment_deducted = fields.Monetary(
        string="Down Payments Deducted", compute="_compute_down_payment_figures"
    )
    down_payment_left = fields.Monetary(
        string="Down Payments to Deduct", compute="_compute_down_payment_figures"
    )
    goods_invoiced = fields.Monetary(
        string="Goods and Services Invoiced",
        compute="_compute_down_payment_figures",
        help="Before down payments are deducted, credit notes taken off.",
    )
    goods_changed = fields.Monetary(
        string="Changed since the Order",
        compute="_compute_down_payment_figures",
        help="Credited for good, delivered beyond the order, or invoiced at another "
        "price.",
    )
    left_to_invoice = fields.Monetary(
        string="Still to Invoice",
        compute="_compute_down_payment_figures",
        help="What invoices to come will ask for, once down payments are deducted.",
    )
    has_down_payments = fields.Boolean(
        compute="_compute_has_down_payments",
        search="_search_has_down_payments",
    )

    @api.depends("order_line.is_downpayment")
    def _compute_has_down_payments(self):
        for order in self:
            order.has_down_payments = any(
                line.is_downpayment and not line.display_type
                for line in order.order_line
            )

    def _search_has_down_payments(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = [("is_downpayment", "=", True), ("display_type", "=", False)]
        return [("order_line", "any" if True in value else "not any", domain)]

    @api.depends(
        "amount_total",
        "order_line.invoice_lines.move_id.state",
        "order_line.invoice_lines.move_id.amount_residual",
        "order_line.qty_invoiced_posted",
        "order_line.qty_delivered",
    )
    def _compute_down_payment_figures(self):
        self._read_figures_ahead()
        for order in self:
            figures = order._get_down_payment_figures()
            for field, name in FIGURES.items():
                order[field] = figures[name]

    def _read_figures_ahead(self):
        """Read at once, for all orders, what each would otherwise ask for by itself."""
        lines = self.sudo().order_line
        lines.tax_ids.mapped("amount")
        moves = lines.invoice_lines.move_id
        moves.mapped("amount_residual")
        moves.reversal_move_ids.mapped("state")
        entries = moves.line_ids
        entries.mapped("price_total")
        moves._prefetch_for_credit()
        entries.reversal_line_ids.mapped("move_id")
        entries.matched_credit_ids.credit_move_id.mapped("move_id")
        moves.invoice_line_ids.sale_line_ids.mapped("order_id")

    def _get_down_payment_figures(self, with_drafts=False):
        """Return what the documents of this order come to, with taxes.

        :param bool with_drafts: count drafts as if they were posted
        :return: dictionary of amounts in the order's currency, see ``FIGURES``
        """
        self.ensure_one()
        order = self.sudo()  # sales users see sums of invoices that they cannot read
        is_counted = _is_counted if with_drafts else _is_posted
        figures = dict.fromkeys(FIGURES.values(), 0.0)
        totals = order._get_totals_rounded_together(is_counted)
        for line in order.order_line.filtered(lambda line: not line.display_type):
            for invoice_line in line._get_invoice_lines():
                if is_counted(invoice_line.move_id):
                    total = totals.get(invoice_line, invoice_line.price_total)
                    order._add_to_figures(figures, line, invoice_line, total)
        figures["paid"] = order._get_down_payment_paid()
        figures["left"] = (
            figures["invoiced"] - figures["credited"] - figures["deducted"]
        )
        goods_left = order._get_amounts_by_taxes(order._get_quantities_left(is_counted))
        to_come = sum(map(total_of, goods_left.values()))
        figures["to_invoice"] = to_come - figures["left"]
        figures["changed"] = order.amount_total - figures["goods"] - to_come
        return {name: order.currency_id.round(v) for name, v in figures.items()}

    def _get_totals_rounded_together(self, is_counted):
        """Return what invoice lines come to where taxes are rounded once a document:
        the cents of ``price_total``, rounded by line, do not add up to it.

        :return: totals with taxes by ``account.move.line``; empty for other companies
        """
        if self.company_id.tax_calculation_rounding_method != "round_globally":
            return {}
        moves = self.order_line.invoice_lines.move_id.filtered(
            lambda move: is_counted(move) and len(move.invoice_line_ids) > 1
        )
        documents = credit_amounts.read_documents(moves)
        return {line: total_of(amounts) for line, amounts in documents.items()}

    def _add_to_figures(self, figures, line, invoice_line, total):
        move = invoice_line.move_id
        amount = invoice_line.currency_id._convert(
            total,
            self.currency_id,
            self.company_id,
            move.invoice_date or fields.Date.context_today(self),
        )
        is_refund = move.move_type == "out_refund"
        if not line.is_downpayment:
            figures["goods"] += -amount if is_refund else amount
        elif amount < 0:
            # Deducted; a credit note of that invoice takes the deduction back.
            figures["deducted"] += amount if is_refund else -amount
        else:
            figures["credited" if is_refund else "invoiced"] += amount

    def _get_down_payment_invoices(self):
        """Return the invoices of down payments of these orders, oldest first.

        :return: ``account.move``, cancelled ones left out
        """
        moves = self.env["account.move"].sudo()
        for line in self.sudo().order_line._filter_down_payments():
            moves |= line._get_down_payment_origin().move_id
        return moves.sorted(lambda move: (move.invoice_date or move.date, move.id))

    def _get_down_payment_paid(self):
        """Return what customers paid of the down payments, credit notes left out."""
        total = 0.0
        for move in self._get_down_payment_invoices().filtered(_is_posted):
            paid = move._get_paid_amount()
            mine = sum(
                line.price_total
                for line in move.invoice_line_ids
                if line.sale_line_ids.order_id & self
            )
            share = mine / move.amount_total if move.amount_total else 0.0
            total += move.currency_id._convert(
                paid * share, self.currency_id, self.company_id, move.date
            )
        return total


class AccountMove(models.Model):
    _inherit = "account.move"

    def _get_paid_amount(self):
        """Return what payments paid of this invoice: all that is not open and was not
        credited, in its currency."""
        self.ensure_one()
        credit_notes = self.reversal_move_ids | self.line_ids.reversal_line_ids.move_id
        by_credit = 0.0
        for line in self.line_ids.filtered(
            lambda line: line.display_type == "payment_term"
        ):
            for partial in line.matched_credit_ids:
                if partial.credit_move_id.move_id in credit_notes:
                    by_credit += partial.debit_amount_currency
        return self.amount_total - self.amount_residual - by_credit
