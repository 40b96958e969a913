from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, formatLang

from ..tools import credit_amounts
from ..tools.credit_amounts import CREDITED_DISPLAY_TYPES

REFUND_TYPES = {"out_invoice": "out_refund", "in_invoice": "in_refund"}
KEPT_DISPLAY_TYPES = (
    *CREDITED_DISPLAY_TYPES,
    "line_section",
    "line_subsection",
    "line_note",
)
# Lines of core's that depend on the whole document they stand on.
DERIVED_DISPLAY_TYPES = ("epd", "non_deductible_product")


class AccountMove(models.Model):
    _inherit = "account.move"

    # -- amounts by core's tax engine --------------------------------------------------

    def _prepare_credit_base_lines(self, request, credits):
        """Return the lines of the credit note as core's tax engine computes them:
        one for each of ``credits``, then one for each charge.

        Amounts that are known (what is left of a line, a part of it, a given amount)
        are handed to the engine as manual amounts, and only where it would not find
        them by itself.
        """
        rate = self._prepare_credit_note_header(request)["invoice_currency_rate"]
        base_lines = [self._prepare_credit_base_line(c, rate) for c in credits]
        base_lines += [
            self._prepare_charge_base_line(charge, rate) for charge in request.charges
        ]
        self._compute_credit_base_lines(base_lines)
        known = [
            (credit, base_line)
            for credit, base_line in zip(credits, base_lines, strict=False)
            if credit.amounts is not None
        ]
        with_company = not request.day_rate
        if any(
            credit_amounts.differs(
                credit, credit_amounts.read_amounts(base_line), with_company
            )
            for credit, base_line in known
        ):
            for credit, base_line in known:
                self._impose_amounts(credit, base_line, with_company)
            self._compute_credit_base_lines(base_lines)
        if request.charges:
            self._check_credit_charges(base_lines)
        return base_lines

    def _check_credit_charges(self, base_lines):
        """Raise where more is kept back than is credited."""
        total = sum(
            credit_amounts.total_of(credit_amounts.read_amounts(base_line))
            for base_line in base_lines
        )
        if self.currency_id.compare_amounts(total, 0.0) < 0:
            raise UserError(
                self.env._(
                    "More is kept back on %(invoice)s than is credited: %(total)s "
                    "would be left. Lower the fee.",
                    invoice=self.name,
                    total=formatLang(self.env, total, currency_obj=self.currency_id),
                )
            )

    def _compute_credit_base_lines(self, base_lines):
        AccountTax = self.env["account.tax"]
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)

    def _prepare_credit_base_line(self, credit, rate):
        line = credit.line
        price, quantity, discount = self._credit_price(credit)
        extra = line.extra_tax_data
        if extra and float_compare(quantity, line.quantity, precision_digits=6):
            extra = {k: v for k, v in extra.items() if k == "computation_key"}
        unit = self._credit_unit(line, quantity)
        if unit != line.product_uom_id:
            in_unit = line.product_uom_id._compute_quantity(quantity, unit)
            price, quantity = price * quantity / in_unit, in_unit
        return self.env["account.tax"]._prepare_base_line_for_taxes_computation(
            line,
            price_unit=price,
            quantity=quantity,
            discount=discount,
            rate=rate,
            sign=-self.direction_sign,
            is_refund=True,
            extra_tax_data=extra,
            product_uom_id=unit,
        )

    @api.model
    def _credit_unit(self, line, quantity):
        """Return the unit to credit ``quantity`` in: that of the invoice line, or the
        product's own where the former would need a broken number (5 of a dozen)."""
        digits = self.env["decimal.precision"].precision_get("Product Unit")
        if float_compare(quantity, round(quantity, digits), precision_digits=6):
            return line.product_id.uom_id or line.product_uom_id
        return line.product_uom_id

    def _credit_price(self, credit):
        """Return unit price, quantity and discount to show on the credit note.

        The invoice's, as long as they give the amount within the roundings; where
        earlier price corrections or a given amount make it another one, the price
        that gives it.
        """
        line = credit.line
        if credit.amounts is None:
            return line.price_unit, credit.quantity, line.discount
        untaxed = credit.amounts[credit_amounts.UNTAXED]
        included = line.tax_ids.flatten_taxes_hierarchy().filtered("price_include")
        gross = untaxed + sum(
            credit.amounts.get((tax.id, "tax", "currency"), 0.0) for tax in included
        )
        if credit.is_price_correction:
            return line.currency_id.round(gross), 1.0, 0.0
        expected = line.price_subtotal * credit.quantity / (line.quantity or 1.0)
        if abs(expected - untaxed) <= 2 * line.currency_id.rounding:
            return line.price_unit, credit.quantity, line.discount
        part = 1 - line.discount / 100
        if not part:
            return gross / credit.quantity, credit.quantity, 0.0
        return gross / credit.quantity / part, credit.quantity, line.discount

    @api.model
    def _impose_amounts(self, credit, base_line, with_company):
        manual = credit_amounts.manual_amounts(credit, with_company)
        # A key of its own keeps the roundings of other lines off this one.
        base_line.update(manual, computation_key=f"credit,{credit.line.id}")
        part = 1 - base_line["discount"] / 100
        if not base_line["tax_ids"] and base_line["quantity"] and part:
            # Core stores given amounts on taxed lines only: here the price must do.
            untaxed = credit.amounts[credit_amounts.UNTAXED]
            base_line["price_unit"] = untaxed / base_line["quantity"] / part
        base_line["extra_tax_data"] = self.env[
            "account.tax"
        ]._export_base_line_extra_tax_data(base_line)

    # -- values ------------------------------------------------------------------------

    def _credit_note_templates(self):
        """Return ``copy_data`` of these invoices by id, made in one go."""
        copies = self.with_context(
            include_business_fields=True, active_test=False
        ).copy_data()
        return dict(zip(self.ids, copies, strict=True))

    def _prepare_credit_note_header(self, request):
        """Return the header of a credit note, filled as core's wizard does."""
        date = fields.Date.to_date(
            request.values.get("invoice_date") or fields.Date.context_today(self)
        )
        env = self.with_context(lang=self.partner_id.lang or self.env.lang).env
        today = fields.Date.context_today(self)
        mixed = self.invoice_payment_term_id.early_pay_discount_computation == "mixed"
        return {
            "move_type": REFUND_TYPES[self.move_type],
            "reversed_entry_id": self.id,
            "partner_id": self.partner_id.id,
            "ref": env._("Reversal of: %s", self.name),
            "date": date,
            "invoice_date": date,
            "invoice_date_due": date,
            "invoice_cash_rounding_id": False,
            "invoice_payment_term_id": mixed and self.invoice_payment_term_id.id,
            "invoice_currency_rate": (
                self._get_expected_currency_rate_at(date)
                if request.day_rate
                else self.invoice_currency_rate
            ),
            "invoice_user_id": self.invoice_user_id.id,
            "invoice_origin": self.invoice_origin,
            "auto_post": "at_date" if date > today else "no",
            "invoice_again": False,
            **request.values,
        }

    def _prepare_credit_note_vals(self, request, credits, base_lines, template, shares):
        """Return the values of one credit note.

        :param TaxShares shares: what is left of taxes split between accounts
        :return: a pair: whether core has to add the tax and term lines, and the values
        """
        by_core = self._needs_core_sync()
        computed_lines = []
        if not by_core:
            credited = base_lines[: len(credits)]
            computed_lines = self._book_credit_lines(base_lines, credited, shares)
        line_vals = self._prepare_credit_line_vals(
            template.pop("line_ids"), credits, base_lines
        )
        header = {**template, **self._prepare_credit_note_header(request)}
        header["date"] = self._first_open_day(header)
        header.pop("partner_bank_id", None)
        line_vals += map(self._prepare_charge_vals, base_lines[len(credits) :])
        line_vals += computed_lines
        if not by_core:
            line_vals.append(self._prepare_credit_term_vals(line_vals, header))
        header["line_ids"] = [Command.create(vals) for vals in line_vals]
        return by_core, header

    def _first_open_day(self, header):
        """Return the accounting date, moved out of a locked period as core's
        ``copy_data`` does (ACCOUNTING.md case 17)."""
        journal = self.env["account.journal"].browse(header.get("journal_id"))
        company = self.company_id
        locked = company._get_user_fiscal_lock_date(journal)
        date = fields.Date.to_date(header["date"])
        if date <= company.user_tax_lock_date and self._affect_tax_report():
            locked = max(locked, company.user_tax_lock_date)
        return date if date > locked else locked + timedelta(days=1)

    def _prepare_credit_line_vals(self, commands, credits, base_lines):
        """Return the values of the lines credited, with their sections and notes."""
        by_line = {
            credit.line.id: (credit, base_line)
            for credit, base_line in zip(credits, base_lines, strict=False)
        }
        result = []
        for _command, _id, vals in commands:
            if vals.get("display_type") not in KEPT_DISPLAY_TYPES:
                continue
            if vals["display_type"] in CREDITED_DISPLAY_TYPES:
                if vals.get("reversed_line_id") not in by_line:
                    continue
                # The rounding of the invoice comes back as it is, not made anew.
                vals["display_type"] = "product"
                if not vals.get("no_followup"):
                    # Given, it is written again to the document for each line.
                    vals.pop("no_followup", None)
                self._fill_credit_line(vals, *by_line[vals["reversed_line_id"]])
            result.append(vals)
        return result

    @api.model
    def _fill_credit_line(self, vals, credit, base_line):
        for name in ("amount_currency", "balance", "tax_tag_ids"):
            vals.pop(name, None)
        vals.update(
            quantity=base_line["quantity"],
            product_uom_id=base_line["product_uom_id"].id,
            price_unit=base_line["price_unit"],
            discount=base_line["discount"],
            is_price_correction=credit.is_price_correction,
            extra_tax_data=base_line.get("extra_tax_data") or False,
            **base_line.get("_booked", {}),
        )

    def _prepare_charge_base_line(self, charge, rate):
        return self.env["account.tax"]._prepare_base_line_for_taxes_computation(
            {
                **self._prepare_charge_accounting(charge),
                "product_id": charge.product or self.env["product.product"],
                "currency_id": self.currency_id,
                "partner_id": self.commercial_partner_id,
            },
            price_unit=charge.amount,
            quantity=-1.0,
            rate=rate,
            sign=-self.direction_sign,
            is_refund=True,
            _name=charge.name or charge.product.display_name,
        )

    def _prepare_charge_accounting(self, charge):
        """Return account and taxes of a charge: its own, or those of its product."""
        if charge.account:
            return {"account_id": charge.account, "tax_ids": charge.taxes}
        product = charge.product.with_company(self.company_id)
        accounts = product.product_tmpl_id.get_product_accounts(
            fiscal_pos=self.fiscal_position_id
        )
        sale = self.is_sale_document()
        taxes = product.taxes_id if sale else product.supplier_taxes_id
        taxes = self.fiscal_position_id.map_tax(
            taxes._filter_taxes_by_company(self.company_id)
        )
        account = accounts["income" if sale else "expense"]
        return {
            "account_id": account or self.journal_id.default_account_id,
            "tax_ids": taxes,
        }

    @api.model
    def _prepare_charge_vals(self, base_line):
        return {
            "display_type": "product",
            "name": base_line["_name"],
            "product_id": base_line["product_id"].id,
            "account_id": base_line["account_id"].id,
            "partner_id": base_line["partner_id"].id,
            "currency_id": base_line["currency_id"].id,
            "tax_ids": [Command.set(base_line["tax_ids"].ids)],
            "quantity": base_line["quantity"],
            "price_unit": base_line["price_unit"],
            **base_line.get("_booked", {}),
        }

    def _needs_core_sync(self):
        """Tell whether core has to make the tax and term lines of the credit note.

        Most credit notes get them from here, computed by the same engine: it saves
        core from making them twice. What depends on further settings is left to core.
        """
        term = self.invoice_payment_term_id
        return bool(
            self.company_id.account_storno
            or term.early_pay_discount_computation == "mixed"
            or any(
                line.display_type in DERIVED_DISPLAY_TYPES
                or (line.display_type == "product" and line.deductible_amount != 100.0)
                for line in self.line_ids
            )
        )

    def _book_credit_lines(self, base_lines, credited, shares):
        """Add the booking of each line to ``base_lines``; return the tax lines.

        :param list credited: those of ``base_lines`` that are no charges
        """
        AccountTax = self.env["account.tax"]
        AccountTax._add_accounting_data_in_base_lines_tax_details(
            base_lines, self.company_id, include_caba_tags=False
        )
        shares.settle(self, credited)
        results = AccountTax._prepare_tax_lines(base_lines, self.company_id)
        for base_line, booked in results["base_lines_to_update"]:
            base_line["_booked"] = booked
        return [{**vals, "display_type": "tax"} for vals in results["tax_lines_to_add"]]

    def _prepare_credit_term_vals(self, line_vals, header):
        """Return the line that the customer is owed: what balances the others."""
        terms = self.line_ids.filtered(lambda li: li.display_type == "payment_term")
        amounts = {
            name: currency.round(-sum(vals.get(name) or 0.0 for vals in line_vals))
            for name, currency in (
                ("amount_currency", self.currency_id),
                ("balance", self.company_currency_id),
            )
        }
        return {
            "display_type": "payment_term",
            "account_id": terms.account_id[:1].id,
            "partner_id": self.commercial_partner_id.id,
            "currency_id": self.currency_id.id,
            "date_maturity": header["invoice_date_due"],
            **amounts,
        }

    @api.model
    def _create_prepared_credit_notes(self, prepared):
        """Create the documents of ``_prepare_credit_note_vals``, in its order."""
        moves_by_position = {}
        for by_core in (False, True):
            positions = [i for i, (flag, _v) in enumerate(prepared) if flag == by_core]
            context = {} if by_core else {"skip_invoice_sync": True}
            moves = self.with_context(skip_analytic_sync=True, **context).create(
                [prepared[i][1] for i in positions]
            )
            moves_by_position.update(
                zip(positions, moves.with_env(self.env), strict=True)
            )
        return self.browse(moves_by_position[i].id for i in range(len(prepared)))
