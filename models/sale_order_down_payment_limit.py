from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL, formatLang

from ..tools import credit_amounts
from ..tools.credit_amounts import UNTAXED
from ..tools.down_payment import add, total_of


class SaleOrder(models.Model):
    """The down payments of an order never exceed it (ACCOUNTING.md case 31)."""

    _inherit = "sale.order"

    # -- never more than the order -----------------------------------------------------

    def _lock_for_down_payments(self):
        """Let one transaction at a time take or deduct down payments of these orders.

        As ``account.move._lock_for_credit``: a transaction that began earlier fails and
        is run again by Odoo, and then sees what the first has done.
        """
        self.flush_recordset()
        if self:
            self.env.cr.execute(
                SQL(
                    "UPDATE sale_order SET id = id WHERE id IN %s",
                    tuple(sorted(self.ids)),
                )
            )

    def _get_down_payment_room(self):
        """Return what can still be taken as down payment, by taxes, drafts counted.

        What is still to be invoiced less the down payments that will be deducted from
        it; below zero where there is too much of them.

        :return: ``{taxes: amounts}``; down payments of taxes that the order no longer
            has are under ``None``
        """
        self.ensure_one()
        order = self.sudo()
        room = order._get_amounts_by_taxes(order._get_quantities_left())
        known = order._get_known_taxes()
        lefts = order.order_line._filter_down_payments()._get_down_payment_left()
        for line, left in lefts.items():
            key = line._get_taxes_key()
            add(room.setdefault(key if key in known else None, {}), left, -1.0)
        return room

    def _get_down_payment_max(self):
        """Return the largest down payment that can be taken, with taxes."""
        room = self._get_down_payment_room()
        total = self.currency_id.round(sum(map(total_of, room.values())))
        return max(total, 0.0)

    def _check_down_payments_fit(self):
        """Raise a ``UserError`` where down payments exceed what they are of."""
        for order in self:
            room = order._get_down_payment_room()
            lines = order.sudo().order_line._filter_down_payments()
            tolerance = order.currency_id.rounding * (len(lines) + 0.5)
            amounts = [a.get(UNTAXED, 0.0) for key, a in room.items() if key]
            total = sum(map(total_of, room.values()))
            if min([total, *amounts]) < -tolerance:
                raise UserError(order._get_too_much_message(total))

    def _get_too_much_message(self, total):
        return self.env._(
            "The down payments of %(order)s exceed what is still to be invoiced of it "
            "by %(excess)s. Lower the down payment, or credit one that was taken.",
            order=self.display_name,
            excess=formatLang(
                self.env, max(-total, 0.0), currency_obj=self.currency_id
            ),
        )

    def action_confirm(self):
        """Refuse to confirm orders that were lowered below their down payments."""
        self.filtered(
            lambda order: order.order_line.filtered("is_downpayment")
        )._check_down_payments_fit()
        return super().action_confirm()

    def _nothing_to_invoice_error_message(self):
        message = super()._nothing_to_invoice_error_message()
        if self.sudo().order_line.filtered(
            lambda line: line.is_downpayment and line.qty_to_invoice
        ):
            message += "\n\n" + self.env._(
                "Down payments are deducted from goods and services. To give one back, "
                "credit its invoice or cancel the order."
            )
        return message

    def _generate_downpayment_invoices(self):
        """Make none of an online payment for which there is no room any more.

        The payment itself must not fail for it: the order is told.
        """
        beyond = self.filtered(
            lambda order: (
                order.currency_id.compare_amounts(
                    order.amount_paid, order._get_down_payment_max()
                )
                > 0
            )
        )
        for order in beyond:
            order.message_post(
                body=self.env._(
                    "%(paid)s was paid online, more than is left to invoice: no down "
                    "payment invoice was made of it.",
                    paid=formatLang(
                        self.env, order.amount_paid, currency_obj=order.currency_id
                    ),
                )
            )
        return super(SaleOrder, self - beyond)._generate_downpayment_invoices()

    # -- a new down payment ------------------------------------------------------------

    def _is_invoiced_in_part(self):
        """Whether goods or services of this order are invoiced."""
        return any(line.qty_invoiced for line in self._get_goods_lines())

    def _fit_down_payment(self, base_lines):
        """Hold a new down payment to what can still be taken.

        What exceeds it by the roundings of several down payments is taken off: three
        of a third each make the order, to the cent.

        :param base_lines: of the down payment, computed and rounded; changed in place
        :raise UserError: where it exceeds the order, with what is left
        """
        self.ensure_one()
        room = self._get_down_payment_room()
        count = len(self.order_line._filter_down_payments()) + len(base_lines)
        tolerance = self.currency_id.rounding * (count + 0.5)
        asked = {}
        for base_line in base_lines:
            key = frozenset(base_line["tax_ids"].ids)
            amounts = credit_amounts.read_amounts(base_line)
            add(asked.setdefault(key, {}), amounts)
        total = sum(_total_in_currency(amounts) for amounts in asked.values())
        left = sum(map(total_of, room.values()))
        # Of an order that is worth nothing, core takes nothing.
        if self.currency_id.is_zero(total) and not self.currency_id.is_zero(left):
            raise UserError(
                self.env._(
                    "The down payment on %(order)s comes to nothing. Enter more.",
                    order=self.display_name,
                )
            )
        if total > left + tolerance or any(
            amounts[UNTAXED] > room.get(key, {}).get(UNTAXED, 0.0) + tolerance
            for key, amounts in asked.items()
        ):
            raise UserError(self._get_beyond_order_message(total, max(left, 0.0)))
        takes_all = total >= left - tolerance
        for base_line in base_lines:
            key = frozenset(base_line["tax_ids"].ids)
            amounts = asked.pop(key, None)
            if amounts:
                limit = room.get(key, {})
                self._trim_base_line(base_line, amounts, limit, takes_all)

    def _get_beyond_order_message(self, total, left):
        def money(amount):
            return formatLang(self.env, amount, currency_obj=self.currency_id)

        return self.env._(
            "A down payment of %(asked)s is more than can be taken on %(order)s: of "
            "%(ordered)s with taxes, %(left)s is neither invoiced nor taken as down "
            "payment yet. Enter at most that.",
            asked=money(total),
            order=self.display_name,
            ordered=money(self.amount_total),
            left=money(self.currency_id.round(left)),
        )

    def _trim_base_line(self, base_line, asked, room, takes_all):
        """Take what ``asked`` exceeds ``room`` by, a cent or two, off a base line.

        :param bool takes_all: the down payment takes all that is left: the base line
            is then given a cent that it lacks as well
        """
        changed = False
        for key, amount in asked.items():
            if key[2] != "currency" or key[1] == "base" or key not in room:
                continue
            excess = self.currency_id.round(amount - room[key])
            if not excess or (excess < 0 and not takes_all):
                continue
            changed = True
            if key == UNTAXED:
                self._trim_untaxed(base_line, excess)
            for tax_data in base_line["tax_details"]["taxes_data"]:
                if tax_data["tax"].id == key[0]:
                    tax_data["tax_amount_currency"] -= excess
                    tax_data["tax_amount"] -= self._in_company(excess, base_line)
        if changed:
            self._fix_trimmed_base_line(base_line)

    def _trim_untaxed(self, base_line, excess):
        details = base_line["tax_details"]
        in_company = self._in_company(excess, base_line)
        details["total_excluded_currency"] -= excess
        details["total_excluded"] -= in_company
        for tax_data in details["taxes_data"]:
            tax_data["base_amount_currency"] -= excess
            tax_data["base_amount"] -= in_company
        if not base_line["tax_ids"]:
            base_line["price_unit"] -= excess

    def _in_company(self, amount, base_line):
        rate = base_line["rate"]
        return self.company_id.currency_id.round(amount / rate) if rate else 0.0

    def _fix_trimmed_base_line(self, base_line):
        """Give the trimmed amounts as they are to core's tax engine."""
        details = base_line["tax_details"]
        if base_line["tax_ids"]:
            price = details["total_excluded_currency"]
            price += details["delta_total_excluded_currency"]
            price += sum(
                tax_data["tax_amount_currency"]
                for tax_data in details["taxes_data"]
                if tax_data["tax"].price_include
            )
            base_line["price_unit"] = self.currency_id.round(price)
        self.env["account.tax"]._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=[base_line], company=self.company_id
        )


def _total_in_currency(amounts):
    return total_of({k: v for k, v in amounts.items() if k[2] == "currency"})
