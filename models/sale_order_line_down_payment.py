from odoo import api, models

from ..tools import credit_amounts
from ..tools.credit_amounts import UNITS, UNTAXED
from ..tools.down_payment import add, without_company
from .sale_order_line import _is_counted, _is_posted, _sign


class SaleOrderLine(models.Model):
    """Lines of down payments: what is left of each to deduct.

    A line of a down payment is on its own invoice, on the credit notes of it, on the
    invoices that deduct it and on the credit notes of these. What is left is what they
    say together, amount by amount, never a quantity.
    """

    _inherit = "sale.order.line"

    def _filter_down_payments(self):
        return self.filtered(lambda line: line.is_downpayment and not line.display_type)

    def _get_down_payment_untaxed(self, is_counted):
        """Return what is left to deduct, before taxes, in the order's currency.

        :param is_counted: tells whether a document counts
        """
        self.ensure_one()
        return self.currency_id.round(
            sum(
                _sign(line) * self._get_untaxed(line)
                for line in self._get_invoice_lines()
                if is_counted(line.move_id)
            )
        )

    def _get_down_payment_left(self, is_counted=_is_counted):
        """Return what is left to deduct of these lines of down payments.

        :param is_counted: tells whether a document counts; by default all that are not
            cancelled: two drafts do not deduct the same down payment
        :return: ``{line: amounts}`` in the currency of the order, see
            ``tools/down_payment.py``
        """
        down_payments = self._filter_down_payments()
        moves = down_payments.invoice_lines.move_id.filtered(is_counted)
        documents = credit_amounts.read_documents(moves)
        result = {}
        for line in down_payments:
            left = {UNTAXED: 0.0}
            for invoice_line in line.invoice_lines.filtered(documents.__contains__):
                amounts = line._convert_amounts(invoice_line, documents[invoice_line])
                add(left, amounts, _sign(invoice_line))
            if len(line._get_down_payment_rates(is_counted)) > 1:
                left = without_company(left)
            result[line] = {key: line._round_for(key, v) for key, v in left.items()}
        return result

    def _round_for(self, key, amount):
        unit = self.company_id if key[2] == "company" else self
        return unit.currency_id.round(amount)

    def _get_down_payment_rates(self, is_counted):
        """Return the rates of the documents that make a down payment what it is."""
        return {
            line.move_id.invoice_currency_rate
            for line in self.invoice_lines
            if is_counted(line.move_id)
        }

    def _convert_amounts(self, invoice_line, amounts):
        """Return ``amounts`` of the document's currency in that of the order."""
        if invoice_line.currency_id == self.currency_id:
            return amounts
        date = invoice_line.move_id.invoice_date or invoice_line.move_id.date
        return {
            key: invoice_line.currency_id._convert(
                amount, self.currency_id, self.company_id, date
            )
            for key, amount in without_company(amounts).items()
        }

    # -- quantities: one as long as something is left, none afterwards -----------------

    @api.depends("invoice_lines.price_subtotal")
    def _compute_qty_invoiced(self):
        return super()._compute_qty_invoiced()

    def _prepare_qty_invoiced(self):
        quantities = super()._prepare_qty_invoiced()
        for line in self._filter_down_payments():
            quantities[line] = float(bool(line._get_down_payment_untaxed(_is_counted)))
        return quantities

    @api.depends("invoice_lines.price_subtotal")
    def _compute_qty_invoiced_posted(self):
        result = super()._compute_qty_invoiced_posted()
        for line in self._filter_down_payments():
            untaxed = line._get_down_payment_untaxed(_is_posted)
            line.qty_invoiced_posted = float(bool(untaxed))
        return result

    @api.depends("qty_invoiced", "invoice_lines.price_subtotal")
    def _compute_qty_to_invoice(self):
        result = super()._compute_qty_to_invoice()
        for line in self._filter_down_payments():
            left = line._get_down_payment_untaxed(_is_counted)
            line.qty_to_invoice = -1.0 if line.state == "sale" and left > 0 else 0.0
        return result

    # -- the order without its down payments -------------------------------------------

    def _get_quantity_left(self, is_counted=_is_counted):
        """Return what is still to be invoiced once all is delivered.

        :param is_counted: tells whether a document counts; all but cancelled ones
        """
        self.ensure_one()
        ordered = self.product_uom_qty
        if not self._is_invoiced_on_order():
            ordered = max(ordered, self.qty_delivered)
        credited = self._get_credited(is_counted).for_good
        left = ordered - self._get_exact_net(is_counted) - credited
        return max(left, 0.0) if ordered >= 0 else min(left, 0.0)

    # -- values of invoice lines -------------------------------------------------------

    def _prepare_invoice_line(self, **optional_values):
        """Put the product on lines of down payments; deduct what is left of them."""
        result = super()._prepare_invoice_line(**optional_values)
        if not self.is_downpayment or self.display_type:
            return result
        product = self.company_id.sudo().down_payment_product_id
        if product and not result.get("product_id"):
            result["product_id"] = product.id
        if optional_values.get("quantity") == -1.0:
            amounts = self.order_id._get_down_payment_deductions().get(self)
            if amounts:
                result.update(self._prepare_deduction(amounts))
        return result

    def _prepare_deduction(self, amounts):
        """Return the values of the invoice line that deducts ``amounts``."""
        origin = self._get_down_payment_origin()
        taxes = (origin or self).tax_ids
        included = taxes.flatten_taxes_hierarchy().filtered("price_include")
        price = amounts[UNTAXED] + sum(
            amounts.get((tax.id, "tax", "currency"), 0.0) for tax in included
        )
        price = self.currency_id.round(price)
        return {
            "name": self._get_deduction_name(),
            "price_unit": price,
            "discount": 0.0,
            "tax_ids": [(6, 0, taxes.ids)],
            "extra_tax_data": self._prepare_deduction_tax_data(amounts, price),
        }

    def _prepare_deduction_tax_data(self, amounts, price):
        """Return the JSON by which core's tax engine takes given amounts."""
        key = (self.extra_tax_data or {}).get("computation_key")
        data = {"computation_key": key or f"down_payment,{self.id}"}
        taxes = {}
        totals = {}
        for (tax_id, what, unit), amount in amounts.items():
            suffix = UNITS[unit]
            if what == "untaxed":
                totals[f"manual_total_excluded{suffix}"] = -amount
            else:
                taxes.setdefault(str(tax_id), {})[f"{what}_amount{suffix}"] = -amount
        if taxes:
            origin = self._get_down_payment_origin().move_id
            data |= {
                **totals,
                "manual_tax_amounts": taxes,
                "currency_id": self.currency_id.id,
                "price_unit": price,
                "discount": 0.0,
                "quantity": -1.0,
                # Core converts the company's amounts from this rate to the invoice's.
                "rate": origin.invoice_currency_rate,
            }
        return data

    def _get_down_payment_origin(self):
        """Return the line of the down payment's own invoice."""
        return self.invoice_lines.filtered(
            lambda line: (
                line.move_id.move_type == "out_invoice"
                and line.move_id.state != "cancel"
                and line.quantity > 0
            )
        ).sorted("id")[:1]

    def _get_deduction_name(self):
        """Name the invoice of the down payment: number, date and amount."""
        origin = self._get_down_payment_origin()
        env = self.with_context(lang=self.order_id._get_lang()).env
        return origin.move_id.with_env(env)._get_down_payment_name()

    def _get_taxes_key(self):
        """Return what down payments are grouped by: the taxes of their invoice."""
        return frozenset((self._get_down_payment_origin() or self).tax_ids.ids)

    def _filter_chosen(self, ids):
        """Keep the lines of ``ids``, down payments, and the sections above them."""
        kept = self.browse()
        pending = self.browse()
        for line in self:
            if line.is_downpayment or line.id in ids:
                kept |= pending | line
                pending = self.browse()
            elif line.display_type == "line_section":
                pending = line
            elif line.display_type == "line_subsection":
                pending |= line
        return kept
