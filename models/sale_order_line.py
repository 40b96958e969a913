from odoo import api, fields, models
from odoo.tools import float_compare

from ..tools.order_quantities import Credited, Returned, left_to_invoice

CREDIT_TRIGGERS = (
    "invoice_lines.is_price_correction",
    "invoice_lines.move_id.invoice_again",
    "invoice_lines.move_id.return_goods",
)
RETURN_TRIGGERS = (
    "move_ids.state",
    "move_ids.quantity",
    "move_ids.product_uom_qty",
    "move_ids.to_refund",
)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    # ------------------------------------------------------------------
    # Invoiced
    # ------------------------------------------------------------------

    @api.depends("invoice_lines.is_price_correction")
    def _compute_qty_invoiced(self):
        return super()._compute_qty_invoiced()

    def _prepare_qty_invoiced(self):
        """Leave price corrections out and round once, not for each document."""
        quantities = super()._prepare_qty_invoiced()
        for line in self:
            difference = line._get_invoiced_difference(_is_counted)
            if difference:
                quantities[line] = line._round_quantity(quantities[line] + difference)
        return quantities

    @api.depends("invoice_lines.is_price_correction")
    def _compute_qty_invoiced_posted(self):
        result = super()._compute_qty_invoiced_posted()
        for line in self:
            difference = line._get_invoiced_difference(_is_posted)
            if difference:
                line.qty_invoiced_posted = line._round_quantity(
                    line.qty_invoiced_posted + difference
                )
        return result

    def _round_quantity(self, quantity):
        # Down payments have no unit.
        unit = self.product_uom_id
        return unit.round(quantity) if unit else quantity

    def _get_invoiced_difference(self, is_counted):
        """What core's invoiced quantity lacks: it takes price corrections for goods
        given back, and rounds each document up to the unit of the order (1 unit of a
        dozen is 0.09).

        :param is_counted: tells whether a document counts
        :return: quantity in the line's unit
        """
        difference = 0.0
        for line in self._get_invoice_lines():
            if not is_counted(line.move_id):
                continue
            core = line.product_uom_id._compute_quantity(
                line.quantity, self.product_uom_id
            )
            exact = 0.0 if line.is_price_correction else self._get_exact_quantity(line)
            difference += _sign(line) * (exact - core)
        return difference

    def _get_exact_quantity(self, invoice_line):
        """Quantity of an invoice line in the unit of the order line, not rounded by
        the conversion; in its own unit it is what core makes of it."""
        unit = invoice_line.product_uom_id
        return unit._compute_quantity(
            invoice_line.quantity,
            self.product_uom_id,
            round=unit == self.product_uom_id,
        )

    # ------------------------------------------------------------------
    # To invoice
    # ------------------------------------------------------------------

    @api.depends(*CREDIT_TRIGGERS, *RETURN_TRIGGERS)
    def _compute_qty_to_invoice(self):
        result = super()._compute_qty_to_invoice()
        quantities = self._get_quantities_left_to_invoice(_is_counted)
        for line, quantity in quantities.items():
            line.qty_to_invoice = line.product_uom_id.round(quantity)
        self._compute_combo_qty_to_invoice()
        return result

    def _compute_combo_qty_to_invoice(self):
        """A combo follows its items, what was credited for good left out."""
        items = self.filtered("combo_item_id")
        combos = self.filtered(lambda line: line.product_id.type == "combo")
        for combo in combos | items.linked_line_id:
            if combo.state != "sale":
                continue
            if not any(combo.linked_line_ids.mapped("qty_to_invoice")):
                combo.qty_to_invoice = 0.0
            elif credited := combo._get_credited(_is_counted):
                combo.qty_to_invoice = left_to_invoice(
                    combo.product_uom_qty,
                    combo.qty_invoiced,
                    credited,
                    Returned(),
                    True,
                )

    def _get_quantities_left_to_invoice(self, is_counted):
        """Unrounded quantities left to invoice, negative where there is to credit.

        Only of the lines whose credit notes, returns or units make it differ from
        what core says.

        :param is_counted: tells whether a document counts
        :return: ``{line: quantity}`` in the unit of the line
        """
        quantities = {}
        for line in self._filter_invoiced_by_quantity():
            credited = line._get_credited(is_counted)
            returned = line._get_returned()
            if not (credited or returned.done or line._has_several_units()):
                continue
            quantities[line] = left_to_invoice(
                line._get_exact_base(),
                line._get_exact_net(is_counted),
                credited,
                returned,
                line._is_invoiced_on_order(),
            )
        return quantities

    def _filter_invoiced_by_quantity(self):
        return self.filtered(
            lambda line: (
                line.state == "sale"
                and not line.display_type
                and not line.is_downpayment
                and line.product_id.type != "combo"
            )
        )

    def _is_invoiced_on_order(self):
        return self.product_id.invoice_policy == "order"

    def _has_several_units(self):
        return bool(
            (self.invoice_lines.product_uom_id | self.move_ids.product_uom)
            - self.product_uom_id
        )

    def _get_credited(self, is_counted, get_value=None):
        """What the credit notes of this line gave back.

        :param is_counted: tells whether a document counts
        :param get_value: what to add up for an invoice line; its quantity by default
        :return: a ``Credited``, in the line's unit
        """
        get_value = get_value or self._get_exact_quantity
        credited = Credited()
        for line in self._get_invoice_lines():
            credit_note = line.move_id
            if (
                credit_note.move_type != "out_refund"
                or line.is_price_correction
                or line.quantity < 0
                or not is_counted(credit_note)
            ):
                continue
            if not credit_note.invoice_again:
                name = "back" if credit_note.return_goods else "kept"
            elif credit_note.return_goods:
                name = "again"
            else:
                continue
            setattr(credited, name, getattr(credited, name) + get_value(line))
        if credited.kept:
            came = credited.kept * self._get_refused_share_back(is_counted)
            credited.kept -= came
            credited.back += came
        return credited

    def _get_exact_net(self, is_counted):
        """Invoiced less credited, price corrections left out, unrounded."""
        return sum(
            _sign(line) * self._get_exact_quantity(line)
            for line in self._get_invoice_lines()
            if is_counted(line.move_id) and not line.is_price_correction
        )

    def _get_exact_base(self):
        """What the invoicing policy invoices, unrounded where the moves tell."""
        if self._is_invoiced_on_order():
            return self.product_uom_qty
        if self._has_several_units() and self._is_delivered_by_moves():
            exact = self._get_exact_delivered()
            if self.product_uom_id.compare(exact, self.qty_delivered) == 0:
                return exact
        return self.qty_delivered

    @api.depends(*CREDIT_TRIGGERS)
    def _compute_invoice_status(self):
        """A line of which a part was credited for good remains fully invoiced; of one
        that was credited whole there is nothing to invoice."""
        result = super()._compute_invoice_status()
        precision = self.env["decimal.precision"].precision_get("Product Unit")
        for line in self._filter_invoiced_by_quantity():
            if line.invoice_status not in ("no", "invoiced"):
                continue
            for_good = line._get_credited(_is_counted).for_good
            invoiced = line.qty_invoiced + for_good
            if line._is_credited_whole():
                line.invoice_status = "no"
            elif for_good and (
                float_compare(invoiced, line.product_uom_qty, precision) >= 0
            ):
                line.invoice_status = "invoiced"
        return result

    def _is_credited_whole(self):
        """Whether all that was invoiced is credited for good."""
        for_good = self._get_credited(_is_counted).for_good
        unit = self.product_uom_id
        return bool(for_good) and unit.is_zero(self.qty_invoiced)

    # ------------------------------------------------------------------
    # Amounts
    # ------------------------------------------------------------------

    @api.depends(*CREDIT_TRIGGERS, *RETURN_TRIGGERS)
    def _compute_untaxed_amount_to_invoice(self):
        """What was credited for good, in price or in goods, is not to be invoiced."""
        result = super()._compute_untaxed_amount_to_invoice()
        for line in self._filter_invoiced_by_quantity():
            credited = line._get_credited(_is_posted, line._get_untaxed)
            corrected = line._get_corrected_amount()
            returned = line._get_returned()
            if not (credited or corrected or returned.done):
                continue
            price = line._get_untaxed_price()
            on_order = line._is_invoiced_on_order()
            base = line.product_uom_qty if on_order else line.qty_delivered
            line.untaxed_amount_to_invoice = line.currency_id.round(
                left_to_invoice(
                    base * price,
                    line.untaxed_amount_invoiced + corrected,
                    credited,
                    returned * price,
                    on_order,
                )
            )
        return result

    def _get_corrected_amount(self):
        """Untaxed amount of the posted price corrections, in the order's currency."""
        return sum(
            self._get_untaxed(line)
            for line in self._get_invoice_lines()
            if line.is_price_correction
            and line.move_id.move_type == "out_refund"
            and _is_posted(line.move_id)
        )

    def _get_untaxed(self, invoice_line):
        """Untaxed amount of an invoice line, converted as core converts it."""
        return invoice_line.currency_id._convert(
            invoice_line.price_subtotal,
            self.currency_id,
            self.company_id,
            invoice_line.move_id.invoice_date or fields.Date.context_today(self),
        )

    def _get_untaxed_price(self):
        if self.product_uom_qty:
            return self.price_subtotal / self.product_uom_qty
        return self.price_unit * (1 - (self.discount or 0.0) / 100)

    @api.depends(*CREDIT_TRIGGERS, *RETURN_TRIGGERS)
    def _compute_amount_to_invoice(self):
        result = super()._compute_amount_to_invoice()
        quantities = self._get_quantities_left_to_invoice(_is_posted)
        for line, quantity in quantities.items():
            if line.product_uom_qty:
                unit_price = line.price_total / line.product_uom_qty
                line.amount_to_invoice = unit_price * quantity
        return result


def _is_posted(move):
    return move.state == "posted" or move.payment_state == "invoicing_legacy"


def _is_counted(move):
    return move.state != "cancel" or move.payment_state == "invoicing_legacy"


def _sign(invoice_line):
    return {"out_invoice": 1, "out_refund": -1}.get(invoice_line.move_id.move_type, 0)
