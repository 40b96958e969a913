from odoo import models
from odoo.exceptions import UserError

from ..tools.credit import ChargeLine, CreditLine


class MarketplaceReturnLine(models.Model):
    _inherit = "marketplace.return.line"

    def _get_sources(self):
        """The invoice lines that these lines name, or those of their order lines."""
        return self.invoice_line_id | self.sale_line_id.invoice_lines.filtered(
            lambda line: (
                line.parent_state == "posted"
                and line.move_id.move_type == "out_invoice"
            )
        )

    def _get_source(self):
        """The invoice lines that this line can be credited on, oldest first."""
        self.ensure_one()
        lines = self.invoice_line_id or self._get_sources()
        chosen = self.return_id.invoice_id
        if chosen and lines.filtered(lambda line: line.move_id == chosen):
            lines = lines.filtered(lambda line: line.move_id == chosen)
        return lines.sorted(lambda line: (line.move_id.invoice_date, line.id))

    def _take_back_credited(self, credit_lines, whole):
        """Lower what was credited of this line.

        :param credit_lines: the lines of credit notes that count no more
        :param whole: whether nothing else was credited of the return
        """
        mine = credit_lines.filtered(
            lambda line: line.reversed_line_id in self.sudo()._get_source()
        )
        if not whole and not mine:
            return
        taken = sum(
            line.product_uom_id._compute_quantity(
                line.quantity, self._get_unit(), round=False
            )
            for line in mine
            if not line.is_price_correction
        )
        left = 0.0 if whole else max(self.quantity_credited - taken, 0.0)
        self.write({"quantity_credited": left, "is_credited": left > 0})

    def _get_quantity_left(self):
        unit = self._get_unit()
        left = self.quantity - self.quantity_credited
        return unit.round(left) if unit else left

    def _is_kept_back(self):
        """Whether the shop keeps this from the refund: a fee."""
        return self.kind == "fee" and not self._is_given_back()

    def _is_spread(self):
        """Whether this is money of no line, which only the total knows of."""
        return self.kind in ("adjustment", "fee") and not (
            self._is_kept_back() or self._get_source()
        )

    def _prepare_charge(self, invoice):
        """The fee kept back, as a line of the credit note; None for other lines."""
        if not self._is_kept_back() or not (self.amount_untaxed or self.amount_total):
            return None
        product = self.return_id.account_id.fee_product_id
        if not product:
            raise UserError(
                self.env._(
                    "%(return)s: the shop kept back a fee. Enter the fee product on the"
                    " account %(account)s.",
                    **{"return": self.return_id.name},
                    account=self.return_id.account_id.name,
                )
            )
        taxes = invoice.fiscal_position_id.map_tax(product.taxes_id)
        amount = -self.amount_untaxed
        if self.is_total_known and any(taxes.mapped("price_include")):
            amount = -self.amount_total
        elif not self.is_untaxed_known:
            taxes = taxes.with_context(force_price_include=True)
            amount = taxes.compute_all(-self.amount_total, invoice.currency_id)
            amount = amount["total_excluded"]
        return ChargeLine(product=product, amount=amount, name=self.title or None)

    def _allot_invoices(self, quantity, taken):
        """Spread a quantity, or an amount, over the invoice lines with something left.

        :param quantity: in this line's unit; 0 is money only
        :param taken: see ``_prepare_credit``
        :return: a list of ``CreditLine``; what does not fit is asked of the last one,
            so that the engine says which line has not enough left
        """
        sources = self._get_source()
        if not quantity:
            return self._allot_amount(sources, taken)
        parts = []
        missing = quantity
        for source in sources:
            unit = source.product_uom_id
            left = source.creditable_quantity - taken[source][0]
            here = min(
                left, self._get_unit()._compute_quantity(missing, unit, round=False)
            )
            if source == sources[-1]:
                here = self._get_unit()._compute_quantity(missing, unit, round=False)
            if unit.compare(here, 0) <= 0:
                continue
            taken[source][0] += here
            done = unit._compute_quantity(here, self._get_unit(), round=False)
            parts.append(
                CreditLine(source, here, self._get_amount_of(source, here, done))
            )
            missing -= done
            if self._get_unit().compare(missing, 0) <= 0:
                break
        return parts

    def _allot_amount(self, sources, taken):
        amount = self.amount_untaxed
        if not self.is_untaxed_known:
            first = sources[:1]
            rate = first.price_total and first.price_subtotal / first.price_total
            amount = first.currency_id.round(self.amount_total * rate)
        for source in sources:
            left = source.creditable_subtotal - taken[source][1]
            excess = amount - left
            if 0 < excess <= self.return_id._get_tolerance(source.currency_id):
                amount, excess = left, 0.0
            if excess <= 0 or source == sources[-1]:
                taken[source][1] += amount
                whole = not source.currency_id.compare_amounts(
                    amount, source.creditable_subtotal
                )
                quantity = (
                    source.creditable_quantity if self._takes_rest(whole) else 0.0
                )
                return [CreditLine(source, quantity, amount)]
        return []

    def _takes_rest(self, whole):
        """A service paid back whole is credited with its quantity, not as a price
        correction: nothing of it is delivered any more."""
        return whole and self.kind == "shipping"

    def _get_amount_of(self, source, quantity, done):
        """The untaxed amount that the marketplace paid back, where it is less than the
        invoice's price; None leaves it to the invoice.

        :param source: the invoice line
        :param quantity: in the invoice line's unit
        :param done: the same in this line's unit
        """
        if self.return_id.amount_choice == "invoice":
            return None
        currency = source.currency_id
        share = done / self.quantity
        by_invoice = source.price_subtotal * quantity / source.quantity
        if self.is_untaxed_known:
            told = self.amount_untaxed * share
        elif self.is_total_known and source.price_total:
            told = self.amount_total * share
            told *= source.price_subtotal / source.price_total
        else:
            return None
        # More than the invoice's price is not credited: the totals then differ, and a
        # person decides.
        if told >= by_invoice - self.return_id._get_tolerance(currency):
            return None
        return currency.round(told)
