from odoo import models
from odoo.exceptions import UserError
from odoo.tools import email_normalize

from ..tools.credit import CreditLine


class MarketplaceDocument(models.Model):
    """What here is meant by what a shop's document names."""

    _inherit = "marketplace.document"

    def _find_product(self, line):
        account = self.account_id
        products = self.env["product.product"]
        codes = [code for code in (line.sku, line.barcode) if code]
        if codes:
            found = products.search(
                [
                    "|",
                    ("default_code", "in", codes),
                    ("barcode", "in", codes),
                    ("company_id", "in", (self.company_id.id, False)),
                ],
                limit=1,
            )
            if found:
                return found
        if line.kind == "shipping":
            return account.shipping_product_ids[:1]
        if line.kind in ("fee", "discount"):
            return account.fee_product_id
        return products

    def _find_taxes(self, notice, line):
        """The tax of a line: by its rate, and by whether the price is with it."""
        rate = line.tax_rate
        included = (
            notice.taxes_included
            if line.taxes_included is None
            else line.taxes_included
        )
        chosen = self.account_id.document_tax_ids
        if rate is None and notice.tax:
            raise UserError(
                self.env._(
                    "%(number)s: the shop does not tell the tax of “%(line)s”.",
                    number=notice.number,
                    line=line.title or line.sku,
                )
            )
        if not rate:
            return chosen.filtered(lambda tax: not tax.amount)[:1]
        taxes = chosen or self.env["account.tax"].search(
            [
                ("type_tax_use", "=", "sale"),
                ("amount_type", "=", "percent"),
                ("amount", "=", float(rate)),
                ("company_id", "parent_of", self.company_id.id),
            ]
        )
        found = taxes.filtered(
            lambda tax: (
                abs(tax.amount - float(rate)) < 0.0001 and tax.price_include == included
            )
        )[:1]
        if not found:
            raise UserError(
                self.env._(
                    "%(number)s: there is no sales tax of %(rate)s %% with the price"
                    " %(included)s tax. Create it, choose it on the account"
                    " %(account)s, and read the message again.",
                    number=notice.number,
                    rate=f"{rate.normalize():f}",
                    included=self.env._("with") if included else self.env._("without"),
                    account=self.account_id.name,
                )
            )
        return found

    def _get_currency(self, notice):
        currency = self.env["res.currency"].search([("name", "=", notice.currency)])
        if not currency:
            raise UserError(
                self.env._(
                    "%(number)s is in %(currency)s, which is not active here.",
                    number=notice.number,
                    currency=notice.currency or "?",
                )
            )
        return currency

    def _find_partner(self, buyer):
        """The customer by his mail address, or a new one."""
        partners = self.env["res.partner"]
        email = email_normalize(buyer.email or "")
        address = buyer.invoice_address or buyer.delivery_address
        name = address.company or address.name or email or self.env._("Guest")
        if email:
            found = partners.search(
                [
                    ("email_normalized", "=", email),
                    ("company_id", "in", (self.company_id.id, False)),
                    ("name", "=", name),
                ],
                limit=1,
            )
            if found:
                return found
        country = self.env["res.country"].search(
            [("code", "=", address.country_code.upper())], limit=1
        )
        lang = (buyer.language or "").split("_")[0].split("-")[0].lower()
        codes = [code for code, _name in self.env["res.lang"].get_installed()]
        return partners.with_context(no_vat_validation=True).create(
            {
                "name": name,
                "is_company": bool(address.company),
                "email": buyer.email or False,
                "phone": address.phone or False,
                "street": address.street or False,
                "street2": address.street2 or False,
                "zip": address.zip or False,
                "city": address.city or False,
                "country_id": country.id,
                "vat": buyer.vat or False,
                "company_id": self.company_id.id,
                "lang": next((code for code in codes if code[:2] == lang), False)
                or self.company_id.partner_id.lang,
            }
        )

    def _find_origin(self, notice):
        """The invoice that a credit note of the shop takes back.

        :raise UserError: when it is not here, or there are several
        """
        domain = [
            ("account_id", "=", self.account_id.id),
            ("kind", "=", "invoice"),
            ("move_id", "!=", False),
        ]
        if notice.reversed_external_id:
            domain.append(("external_id", "=", notice.reversed_external_id))
        else:
            domain.append(("order_external_id", "=", notice.order_external_id))
        moves = self.search(domain).move_id.filtered(lambda m: m.state == "posted")
        if len(moves) != 1:
            raise UserError(
                self.env._(
                    "%(number)s takes back an invoice of the order %(order)s that is"
                    " not here, or several are. Credit it by hand, then set this"
                    " aside.",
                    number=notice.number,
                    order=notice.order_number or notice.order_external_id,
                )
            )
        return moves

    def _match_credit_lines(self, notice, origin):
        """What is credited of the invoice, or nothing where not all is found: the
        amount is then spread over all of it."""
        if notice.total and not origin.currency_id.compare_amounts(
            float(notice.total.amount), origin.amount_total
        ):
            return []
        lines = []
        left = {line: line.creditable_quantity for line in origin.invoice_line_ids}
        for told in notice.lines:
            product = self._find_product(told)
            found = next(
                (
                    line
                    for line in left
                    if (product and line.product_id == product)
                    or (not product and line.name == told.title)
                ),
                None,
            )
            if found is None or left[found] < float(told.quantity):
                return []
            left[found] -= float(told.quantity)
            lines.append(CreditLine(found, float(told.quantity)))
        return lines
