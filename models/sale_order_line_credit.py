from collections import defaultdict

from odoo import Command, api, models
from odoo.exceptions import UserError

from ..tools.credit import CreditLine, CreditRequest
from .sale_order_line import _is_counted


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _prepare_returns_to_credit(self, received=None):
        """Tell which invoice lines are to be credited for what came back.

        :param received: see ``_prepare_credit_requests``
        :return: ``{line: [CreditLine, …]}`` for the lines with less than nothing to
            invoice, as far as their posted invoices reach
        """
        wanted = {
            line: -quantity
            for line, quantity in self._get_exact_left_to_invoice().items()
            if line.product_uom_id.compare(quantity, 0) < 0
        }
        if received is not None:
            wanted = {
                line: min(quantity, sum(received[line].values()))
                # What came back of a kit are its components: the order line tells.
                if line._is_delivered_by_moves()
                else quantity
                for line, quantity in wanted.items()
            }
        return {
            line: credit_lines
            for line, quantity in wanted.items()
            if (credit_lines := line._allocate_credit(quantity))
        }

    def _prepare_credit_requests(self, received=None):
        """Ask for the credit notes of what came back: one for each invoice.

        The one way from goods that came back to their credit notes, from the order as
        from the receipt.

        :param received: ``{line: {return transfer: quantity}}``, in the line's unit: no
            more than this, and these transfers are named; all that is left otherwise
        :return: a list of ``CreditRequest``; invoices of several orders are asked once
        :raise UserError: where something was received that no posted invoice has
        """
        by_invoice = defaultdict(list)
        pickings = defaultdict(self.env["stock.picking"].browse)
        to_credit = self._prepare_returns_to_credit(received)
        for line, credit_lines in to_credit.items():
            for credit_line in credit_lines:
                invoice = credit_line.line.move_id
                by_invoice[invoice].append(credit_line)
                pickings[invoice] |= (
                    pickings[invoice].union(*received[line])
                    if received
                    else line._get_returns_to_credit()
                )
        if received:
            self._check_all_is_invoiced(to_credit)
        return self._make_credit_requests(by_invoice, pickings, return_goods=True)

    def _check_all_is_invoiced(self, to_credit):
        """Say why goods that came back cannot be credited: their invoice is no more
        than a draft, or others credited it."""
        for line in self:
            if line in to_credit or (
                line.product_uom_id.compare(line.qty_to_invoice, 0) >= 0
            ):
                continue
            if not line.invoice_lines:
                # Core added it for what somebody put into the parcel.
                if not to_credit:
                    line._raise_never_sold()
            else:
                raise UserError(
                    self.env._(
                        "%(order)s, %(product)s: goods came back, and no posted invoice"
                        " has any of them left to credit. Post the draft invoice, or"
                        " take them off it.",
                        order=line.order_id.name,
                        product=line.product_id.display_name,
                    )
                )

    def _raise_never_sold(self):
        raise UserError(
            self.env._(
                "%(order)s, %(product)s: came back, and was never sold with it. Create"
                " Invoice on the order credits it at the price of its line.",
                order=self.order_id.name,
                product=self.product_id.display_name,
            )
        )

    @api.model
    def _prepare_kept_credit_requests(self, quantities):
        """Ask for credit notes for goods that the customer keeps.

        :param quantities: ``{line: {return transfer: quantity}}``, in the line's unit
        :return: a list of ``CreditRequest``, one for each invoice
        """
        by_invoice = defaultdict(list)
        pickings = defaultdict(self.env["stock.picking"].browse)
        for line, by_picking in quantities.items():
            for credit_line in line._allocate_credit(sum(by_picking.values())):
                invoice = credit_line.line.move_id
                by_invoice[invoice].append(credit_line)
                pickings[invoice] = pickings[invoice].union(*by_picking)
        return self._make_credit_requests(by_invoice, pickings, return_goods=False)

    @api.model
    def _make_credit_requests(self, by_invoice, pickings, return_goods):
        """Ask for a credit note for each invoice.

        :param dict by_invoice: the ``CreditLine`` of each invoice
        :param dict pickings: the return transfers of each invoice
        """
        return [
            CreditRequest(
                invoice=invoice,
                lines=credit_lines,
                values={
                    "invoice_again": False,
                    "return_goods": return_goods,
                    "return_picking_ids": [Command.set(pickings[invoice].ids)],
                    "refund_reason_id": self._get_return_reason(pickings[invoice]).id,
                },
            )
            for invoice, credit_lines in by_invoice.items()
        ]

    @api.model
    def _get_return_reason(self, pickings):
        """The reason that return transfers give; else the one that comes with the
        addon."""
        if len(pickings.refund_reason_id) == 1:
            return pickings.refund_reason_id
        if not pickings:
            return self.env["account.refund.reason"]
        return self._get_default_return_reason()

    def _get_returns_to_credit(self):
        """The return transfers that no credit note names yet."""
        if not self._is_delivered_by_moves():
            return self.env["stock.picking"]
        return self._get_returned_moves().picking_id.filtered(
            lambda picking: not picking.credit_note_ids.filtered(_is_counted)
        )

    def _find_credited_line(self, invoice_line):
        """The invoice line that a line of a credit note made by core credits.

        :param invoice_line: a line of a draft credit note for this order line
        :return: the oldest invoice line with enough left, or none
        """
        quantity = invoice_line.quantity
        unit = invoice_line.product_uom_id
        return self._get_creditable_invoice_lines().filtered(
            lambda line: (
                unit.compare(
                    line.product_uom_id._compute_quantity(
                        line.creditable_quantity, unit, round=False
                    ),
                    quantity,
                )
                >= 0
                and line.currency_id == invoice_line.currency_id
            )
        )[:1]

    def _get_exact_left_to_invoice(self):
        """``qty_to_invoice`` without the rounding of the unit: 5 units of a dozen."""
        exact = self._get_quantities_left_to_invoice(_is_counted)
        return {line: exact.get(line, line.qty_to_invoice) for line in self}

    def _allocate_credit(self, quantity):
        """Find the invoice lines that a quantity to credit was invoiced with.

        What came back goes to the invoice of the delivery it left with; the rest to
        the latest invoice that has something left.

        :param quantity: positive, in the unit of this line
        :return: a list of ``CreditLine``
        """
        self.ensure_one()
        invoice_lines = self._get_creditable_invoice_lines()
        credited = invoice_lines._get_credited()[0]
        left = {
            line: self._convert_from(line, line.quantity - credited[line.id])
            for line in invoice_lines
        }
        claims = self._get_returned_by_invoice_line(invoice_lines)
        taken = defaultdict(float)
        by_claim = [(line, claims[line] - self._get_back(line)) for line in claims]
        latest = [(line, left[line]) for line in reversed(invoice_lines)]
        for line, limit in by_claim + latest:
            take = min(quantity, limit, left[line] - taken[line])
            if self.product_uom_id.compare(take, 0) > 0:
                taken[line] += take
                quantity -= take
        return [
            CreditLine(line, self._convert_to(line, taken[line]))
            for line in invoice_lines
            if taken[line]
        ]

    def _get_creditable_invoice_lines(self):
        """The posted invoice lines with something left to credit, oldest first."""
        return self.invoice_lines.filtered(
            lambda line: (
                line.move_id.move_type == "out_invoice"
                and line.move_id.state == "posted"
                and line.product_uom_id
                and line.product_uom_id.compare(line.creditable_quantity, 0) > 0
            )
        ).sorted(lambda line: (line.move_id.invoice_date, line.move_id.id, line.id))

    def _get_back(self, invoice_line):
        """How much of an invoice line is credited already for goods coming back."""
        return sum(
            self._get_exact_quantity(line)
            for line in invoice_line.reversal_line_ids
            if _is_counted(line.move_id)
            and line.move_id.return_goods
            and not line.is_price_correction
        )

    def _get_returned_by_invoice_line(self, invoice_lines):
        """Share what came back out to the invoice lines that invoiced it.

        Deliveries and invoices are laid side by side, oldest first: the first three
        delivered are the first three invoiced.

        :return: ``{invoice line: quantity}`` in the unit of this line
        """
        claims = dict.fromkeys(invoice_lines, 0.0)
        if len(invoice_lines) == 1 or not self._is_delivered_by_moves():
            return claims
        returns = self._get_returned_moves().grouped("origin_returned_move_id")
        invoiced = self.invoice_lines.filtered(
            lambda line: (
                line.move_id.move_type == "out_invoice"
                and line.move_id.state == "posted"
            )
        ).sorted(lambda line: (line.move_id.invoice_date, line.move_id.id, line.id))
        spans = _lay_out([(line, self._get_exact_quantity(line)) for line in invoiced])
        delivered = self._get_sent_moves().filtered(
            lambda move: not move.origin_returned_move_id
        )
        delivered = delivered.sorted(lambda move: (move.date, move.id))
        for move, start, end in _lay_out(
            [(move, self._sum_moves(move)) for move in delivered]
        ):
            back = self._sum_moves(returns.get(move, move.browse()))
            for line, line_start, line_end in spans:
                shared = min(back, min(end, line_end) - max(start, line_start))
                if shared > 0:
                    back -= shared
                    if line in claims:
                        claims[line] += shared
        return claims

    def _convert_from(self, invoice_line, quantity):
        return invoice_line.product_uom_id._compute_quantity(
            quantity, self.product_uom_id, round=False
        )

    def _convert_to(self, invoice_line, quantity):
        return self.product_uom_id._compute_quantity(
            quantity, invoice_line.product_uom_id, round=False
        )


def _lay_out(quantities):
    """Lay quantities one behind the other: ``[(key, start, end), …]``."""
    spans, start = [], 0.0
    for key, quantity in quantities:
        spans.append((key, start, start + quantity))
        start += quantity
    return spans
