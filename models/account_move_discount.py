from odoo import Command, api, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

from ..tools.credit import CreditRequest


class AccountMove(models.Model):
    """Credit notes of discounts: money back on a discount product, no goods."""

    _inherit = "account.move"

    @api.model
    def _create_discount_credit_notes(self, product, totals, values=None, post=True):
        """Give a discount on invoices afterwards, through the one way to credit notes.

        Spread over the lines of each invoice, so that the VAT of each rate is right;
        each line is on the discount product and names the line that it corrects. No
        quantity of the order is touched.

        :param product: ``product.product`` of the discount; its own income account is
            taken where it has one, else that of the invoice line
        :param dict totals: what to give by invoice, with taxes, in its currency
        :param dict values: of the credit notes: reason, explanation, dates
        :return: the credit notes, in the order of ``totals``
        :raise UserError: as ``_create_credit_notes``
        """
        requests = self._prepare_discount_requests(product, totals, values)
        return self._create_credit_notes(requests, post=post)

    @api.model
    def _prepare_discount_requests(self, product, totals, values=None):
        """Ask for the discounts, as ``_create_discount_credit_notes`` makes them.

        :return: a list of ``CreditRequest``
        """
        return [
            CreditRequest(
                invoice.with_context(avoir_discount_product_id=product.id),
                total=total,
                values={
                    **(values or {}),
                    "invoice_again": False,
                    "return_goods": False,
                },
            )
            for invoice, total in totals.items()
        ]

    @api.model
    def _fill_credit_line(self, vals, credit, base_line):
        result = super()._fill_credit_line(vals, credit, base_line)
        product_id = self.env.context.get("avoir_discount_product_id")
        if product_id:
            company = credit.line.company_id
            product = self.env["product.product"].browse(product_id)
            account = product.with_company(company).property_account_income_id
            fiscal_position = credit.line.move_id.fiscal_position_id
            vals.update(
                product_id=product.id,
                name=credit.line.move_id._get_discount_label(credit.line),
            )
            if account:
                vals["account_id"] = fiscal_position.map_account(account).id
        return result

    def _get_discount_label(self, line):
        env = self.with_context(lang=self.partner_id.lang or self.env.lang).env
        return env._("Discount: %(line)s", line=line.name or line.product_id.name or "")

    @api.model
    def _create_credit_note_without_invoice(
        self, product, partner, total, taxes, currency=None, values=None, post=True
    ):
        """Give a discount outside any invoice (ACCOUNTING.md case 20).

        Marked by that it names no invoice; its reason has to say so.

        :param product: ``product.product`` of the discount, which gives the account
        :param partner: the customer
        :param float total: with taxes, above zero, in ``currency``
        :param taxes: ``account.tax`` of the discount
        :param currency: the company's by default
        :param dict values: of the credit note; ``refund_reason_id`` is needed
        :return: the credit note, ``account.move``
        :raise UserError: without a reason or an amount
        """
        values = values or {}
        company = self.env.company
        currency = currency or company.currency_id
        if currency.compare_amounts(total, 0.0) <= 0:
            raise UserError(
                self.env._(
                    "A discount has to be above zero: %(total)s is not.",
                    total=formatLang(self.env, total, currency_obj=currency),
                )
            )
        if not values.get("refund_reason_id"):
            raise UserError(
                self.env._(
                    "A credit note that corrects no invoice needs a reason: it is "
                    "printed on it."
                )
            )
        line = self._prepare_discount_line(product, partner, total, taxes, currency)
        move = self.create(
            {
                "move_type": "out_refund",
                "partner_id": partner.id,
                "currency_id": currency.id,
                "invoice_again": False,
                "return_goods": False,
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )
        move._request_approval()
        if post and move.refund_approval != "to_approve":
            move._post()
        return move

    @api.model
    def _prepare_discount_base_line(self, partner, total, taxes, currency):
        """Return the base line of core's tax engine that comes to ``total``."""
        AccountTax = self.env["account.tax"]
        company = self.env.company
        base_line = AccountTax._prepare_base_line_for_taxes_computation(
            None,
            price_unit=total,
            quantity=1.0,
            tax_ids=taxes,
            currency_id=currency,
            partner_id=partner,
            special_mode="total_included",
        )
        AccountTax._add_tax_details_in_base_line(base_line, company)
        AccountTax._round_base_lines_tax_details([base_line], company)
        return base_line

    @api.model
    def _prepare_discount_line(self, product, partner, total, taxes, currency):
        """Return the values of a line that comes to ``total`` with its taxes."""
        company = self.env.company
        fiscal_position = (
            self.env["account.fiscal.position"]
            .with_company(company)
            ._get_fiscal_position(partner)
        )
        base_line = self._prepare_discount_base_line(partner, total, taxes, currency)
        details = base_line["tax_details"]
        included = sum(
            tax["tax_amount_currency"]
            for tax in details["taxes_data"]
            if tax["tax"].price_include
        )
        untaxed = details["total_excluded_currency"]
        untaxed += details["delta_total_excluded_currency"]
        accounts = (
            product.with_company(company)
            .product_tmpl_id.with_company(company)
            .get_product_accounts(fiscal_pos=fiscal_position)
        )
        lang = partner.lang or self.env.lang
        vals = {
            "product_id": product.id,
            "name": product.with_context(lang=lang).display_name,
            "quantity": 1.0,
            "price_unit": currency.round(untaxed + included),
            "tax_ids": [Command.set(taxes.ids)],
            "is_price_correction": True,
            "extra_tax_data": self._prepare_discount_tax_data(base_line, included),
        }
        if accounts["income"]:
            vals["account_id"] = accounts["income"].id
        return vals

    @api.model
    def _prepare_discount_tax_data(self, base_line, included):
        """Return the JSON that holds the amounts to the cent (100 of 20 % VAT)."""
        details = base_line["tax_details"]
        currency = base_line["currency_id"]
        if not details["taxes_data"]:
            return False
        untaxed = details["total_excluded_currency"]
        untaxed += details["delta_total_excluded_currency"]
        return {
            "computation_key": "discount",
            "manual_total_excluded_currency": untaxed,
            "manual_tax_amounts": {
                str(tax["tax"].id): {
                    "tax_amount_currency": tax["tax_amount_currency"],
                    "base_amount_currency": tax["base_amount_currency"],
                }
                for tax in details["taxes_data"]
                if not tax["is_reverse_charge"]
            },
            "currency_id": currency.id,
            "price_unit": currency.round(untaxed + included),
            "discount": 0.0,
            "quantity": 1.0,
        }
