from collections import defaultdict

from odoo import api, models

from ..tools import credit_amounts
from ..tools.credit_amounts import UNTAXED
from ..tools.down_payment import add, deduct, total_of
from .sale_order_line import _is_counted


class Deductions(dict):
    """What an invoicing run deducts, by order: compared by identity, so that two
    runs in one transaction never take each other's context."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class SaleOrder(models.Model):
    """What the invoices of an order deduct of its down payments."""

    _inherit = "sale.order"

    # -- what is deducted --------------------------------------------------------------

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Deduct down payments by the way of the company: never below zero."""
        self._lock_for_down_payments()
        orders = self.with_context(avoir_deductions=Deductions())
        moves = super(SaleOrder, orders)._create_invoices(
            grouped=grouped, final=final, date=date
        )
        return moves.with_context(avoir_deductions=None)

    def _get_invoiceable_lines(self, final=False):
        """Take the lines that were chosen, and the down payments to deduct."""
        lines = super()._get_invoiceable_lines(final)
        chosen = self.env.context.get("avoir_invoice_line_ids")
        if chosen is not None:
            lines = lines._filter_chosen(set(chosen))
        if not final or not lines._filter_down_payments():
            return lines
        goods = lines.filtered(lambda line: not line.is_downpayment)
        deductions = self._find_down_payment_deductions(goods)
        memory = self.env.context.get("avoir_deductions")
        if memory is not None:
            memory[self.id] = deductions
        ids = {line.id for line in deductions}
        return lines.filtered(lambda line: not line.is_downpayment or line.id in ids)

    def _get_down_payment_deductions(self):
        """Return the deductions of the invoice that is being made."""
        memory = self.env.context.get("avoir_deductions")
        if memory is None or self.id not in memory:
            memory = {}
            # As core says it. pylint: disable-next=super-method-mismatch
            goods = super()._get_invoiceable_lines(True)
            memory[self.id] = self._find_down_payment_deductions(
                goods.filtered(lambda line: not line.is_downpayment)
            )
        return memory[self.id]

    def _find_down_payment_deductions(self, goods):
        """Work out what an invoice of ``goods`` deducts of each down payment.

        Each from what is invoiced at its own taxes, as far as that goes: an invoice is
        never turned into a refund. In proportion, or as much as there is; the last
        invoice takes what is left, so that over all of them exactly the down payment
        is deducted (ACCOUNTING.md case 30).

        :param goods: the order lines that are being invoiced
        :return: ``{line of a down payment: amounts}``
        """
        self.ensure_one()
        order = self.sudo()  # sales users may not read all documents of their orders
        down_payments = order.order_line._filter_down_payments()
        lefts = down_payments._get_down_payment_left()
        lefts = {li: left for li, left in lefts.items() if left[UNTAXED] > 0}
        if not lefts:
            return {}
        goods = goods.sudo().filtered(lambda line: not line.display_type)
        now = order._get_amounts_by_taxes({li: li.qty_to_invoice for li in goods})
        factors = order._get_deduction_factors(now)
        known = order._get_known_taxes()
        result = {}
        # Those of taxes that the order no longer has take from what remains.
        for line in sorted(lefts, key=lambda li: li._get_taxes_key() not in known):
            key, left = line._get_taxes_key(), lefts[line]
            if key not in known:
                key = None
                now[key] = order._get_room_elsewhere(now, left)
            amounts = deduct(
                left,
                factors.get(key, 0.0),
                now.setdefault(key, {}),
                order.currency_id.round,
            )
            if amounts:
                result[line] = amounts
            if key is None:
                order._take_elsewhere(now, amounts)
        return result

    def _get_deduction_factors(self, now):
        """Return which part of the down payments an invoice deducts if it can.

        :param dict now: what is invoiced, by taxes
        :return: the part from 0 to 1 by taxes; None stands for other taxes
        """
        whole = self._get_amounts_by_taxes(self._get_quantities_left())
        keys = {*now, *whole, None}
        way = self.env.context.get("avoir_deduction")
        if (way or self.company_id.down_payment_deduction) != "proportion":
            return dict.fromkeys(keys, 1.0)
        sums = []
        for amounts in (now, whole):
            untaxed = {key: one.get(UNTAXED, 0.0) for key, one in amounts.items()}
            sums.append({**untaxed, None: sum(untaxed.values())})
        return {
            key: min(1.0, sums[0].get(key, 0.0) / sums[1][key])
            if sums[1].get(key, 0.0) > 0
            else 1.0
            for key in keys
        }

    @api.model
    def _get_room_elsewhere(self, now, left):
        """Return how much of ``left`` can be deducted from lines of other taxes."""
        total = sum(max(total_of(one), 0.0) for one in now.values())
        return {UNTAXED: self.currency_id.round(total * left[UNTAXED] / total_of(left))}

    @api.model
    def _take_elsewhere(self, now, amounts):
        """Lower ``now`` by what was deducted at taxes that the order does not have."""
        del now[None]
        amount = total_of(amounts)
        for one in now.values():
            taken = min(amount, max(total_of(one), 0.0))
            one[UNTAXED] = one.get(UNTAXED, 0.0) - taken
            amount -= taken

    def _get_known_taxes(self):
        """Return the taxes of this order's own lines, as down payments name them."""
        lines = self._get_goods_lines()
        return set(self._get_amounts_by_taxes(dict.fromkeys(lines, 1.0)))

    # -- amounts of the order's own lines ----------------------------------------------

    def _get_goods_lines(self):
        return self.order_line.filtered(
            lambda line: (
                not line.display_type
                and not line.is_downpayment
                and line.product_id.type != "combo"
            )
        )

    def _get_quantities_left(self, is_counted=_is_counted):
        """Return what is still to be invoiced of this order in all.

        :param is_counted: tells whether a document counts
        :return: quantities by order line
        """
        return {
            line: line._get_quantity_left(is_counted)
            for line in self._get_goods_lines()
        }

    def _get_amounts_by_taxes(self, quantities):
        """Return what quantities of order lines come to, by their taxes.

        :param dict quantities: by order line
        :return: ``{taxes: amounts}``, grouped as core groups down payments
        """
        self.ensure_one()
        base_lines = self._prepare_base_lines_of(quantities)
        result = defaultdict(dict)
        AccountTax = self.env["account.tax"]
        for base_line in AccountTax._prepare_base_lines_for_down_payment(
            base_lines, self.company_id
        ):
            amounts = credit_amounts.read_amounts(base_line)
            key = frozenset(base_line["tax_ids"].ids)
            add(result[key], {k: v for k, v in amounts.items() if k[2] == "currency"})
        return {
            key: {k: self.currency_id.round(v) for k, v in amounts.items()}
            for key, amounts in result.items()
        }

    def _prepare_base_lines_of(self, quantities):
        """Return computed and rounded base lines of quantities of order lines."""
        AccountTax = self.env["account.tax"]
        base_lines = [
            line._prepare_base_line_for_taxes_computation(
                quantity=quantity,
                extra_tax_data=(
                    line.extra_tax_data if quantity == line.product_uom_qty else None
                ),
            )
            for line, quantity in quantities.items()
            if quantity
        ]
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)
        return base_lines

    def _preview_invoice_base_lines(self, final):
        """Return the base lines of the invoice that ``_create_invoices`` would make."""
        self.ensure_one()
        order = self.sudo()
        lines = order.with_context(
            avoir_deductions=Deductions()
        )._get_invoiceable_lines(final)
        memory = lines.env.context["avoir_deductions"].get(order.id, {})
        goods = lines.filtered(
            lambda line: not line.display_type and not line.is_downpayment
        )
        base_lines = order._prepare_base_lines_of(
            {line: line.qty_to_invoice for line in goods}
        )
        deductions = [
            order._prepare_deduction_base_line(line, amounts)
            for line, amounts in memory.items()
        ]
        AccountTax = self.env["account.tax"]
        AccountTax._add_tax_details_in_base_lines(deductions, order.company_id)
        AccountTax._round_base_lines_tax_details(deductions, order.company_id)
        return base_lines + deductions

    def _prepare_deduction_base_line(self, line, amounts):
        values = line._prepare_deduction(amounts)
        return line._prepare_base_line_for_taxes_computation(
            quantity=-1.0,
            price_unit=values["price_unit"],
            tax_ids=(line._get_down_payment_origin() or line).tax_ids,
            extra_tax_data=values["extra_tax_data"],
        )
