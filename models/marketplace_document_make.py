from datetime import timezone

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize, formatLang

from ..tools.credit import CreditLine, CreditRequest


class MarketplaceAccount(models.Model):
    """How the documents of a shop are taken over."""

    _inherit = "marketplace.account"

    number_from = fields.Selection(
        [
            ("journal", "The journal's next number"),
            ("invoice", "The shop's invoice number"),
            ("order", "The shop's order number"),
        ],
        "Number of Imported Invoices",
        default="journal",
        required=True,
        tracking=True,
        help="With the shop's numbers, choose a journal of its own for the shop.",
    )
    document_tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes of Imported Documents",
        check_company=True,
        domain="[('type_tax_use', '=', 'sale'), ('amount_type', '=', 'percent')]",
        help="By their rates; those with the price included for shops that tell prices"
        " with tax. Empty: any sales tax of the company.",
    )
    imports_documents = fields.Boolean(compute="_compute_imports_documents")

    def _compute_imports_documents(self):
        for account in self:
            account.imports_documents = account._get_capability(
                "imports_invoices"
            ) or account._get_capability("imports_orders")


class MarketplaceDocument(models.Model):
    _inherit = "marketplace.document"

    # ------------------------------------------------------------------
    # The three kinds
    # ------------------------------------------------------------------

    def _make_invoice(self, notice):
        """A posted customer invoice with the content of the shop's own.

        :raise UserError: when it comes to another total than the shop's
        """
        account = self.account_id
        move = self.env["account.move"].create(
            {
                **self._prepare_move(notice),
                "move_type": "out_invoice",
                "partner_id": self._find_partner(notice.buyer).id,
                "currency_id": self._get_currency(notice).id,
                "invoice_line_ids": [
                    Command.create(self._prepare_invoice_line(notice, line))
                    for line in notice.lines
                ],
            }
        )
        self._bring_to_total(move, notice, account)
        move.action_post()
        return move

    def _make_credit_note(self, notice):
        """A posted credit note, joined to the invoice that was taken over before."""
        origin = self._find_origin(notice)
        lines = self._match_credit_lines(notice, origin)
        values = self._prepare_move(notice)
        reason = self.account_id.refund_reason_id
        values |= {"refund_reason_id": reason.id, "refund_note": notice.note or False}
        request = CreditRequest(
            invoice=origin,
            lines=lines,
            total=float(notice.total.amount) if notice.total else None,
            values=values,
        )
        return self.env["account.move"]._create_credit_notes([request])

    def _make_order(self, notice):
        """A confirmed sales order, whose returns are then found by its numbers."""
        buyer = notice.buyer
        partner = self._find_partner(buyer)
        order = self.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "company_id": self.company_id.id,
                "client_order_ref": notice.number,
                "marketplace_order_ref": notice.order_external_id,
                "date_order": self.issued_at or fields.Datetime.now(),
                "currency_id": self._get_currency(notice).id,
                **(
                    {"warehouse_id": self.account_id.warehouse_id.id}
                    if self.account_id.warehouse_id
                    else {}
                ),
                "order_line": [
                    Command.create(self._prepare_order_line(notice, line))
                    for line in notice.lines
                ],
            }
        )
        self._check_total(order, notice)
        order.action_confirm()
        return order

    # ------------------------------------------------------------------
    # Values
    # ------------------------------------------------------------------

    def _prepare_move(self, notice):
        account = self.account_id
        name = {"invoice": notice.number, "order": notice.order_number}.get(
            account.number_from
        )
        at = notice.issued_at
        # The day that it was in the company's own time zone.
        date = (
            fields.Datetime.context_timestamp(
                self.with_context(
                    tz=self.company_id.partner_id.tz or "Europe/Amsterdam"
                ),
                at.astimezone(timezone.utc).replace(tzinfo=None),
            ).date()
            if at
            else fields.Date.today()
        )
        values = {
            "invoice_date": date,
            "ref": notice.order_number or notice.number,
            "marketplace_payment_method": self.payment_method,
        }
        if account.journal_id:
            values["journal_id"] = account.journal_id.id
        if name:
            self._check_name(name, notice)
            values["name"] = name
        return values

    def _check_name(self, name, notice):
        """An order can have several invoices: only the first one bears its number."""
        taken = self.env["account.move"].search_count(
            [
                ("name", "=", name),
                ("company_id", "=", self.company_id.id),
                ("journal_id.type", "=", "sale"),
            ],
            limit=1,
        )
        if taken:
            raise UserError(
                self.env._(
                    "%(number)s: there is a document with the number %(name)s already."
                    " Number the invoices of %(account)s otherwise.",
                    number=notice.number,
                    name=name,
                    account=self.account_id.name,
                )
            )

    def _prepare_invoice_line(self, notice, line):
        product = self._find_product(line)
        taxes = self._find_taxes(notice, line)
        journal = self.account_id.journal_id
        if not product and journal and not journal.default_account_id:
            raise UserError(
                self.env._(
                    "%(number)s: “%(line)s” is no product here. Enter the default"
                    " account of the journal %(journal)s, or the product.",
                    number=notice.number,
                    line=line.title or line.sku,
                    journal=journal.name,
                )
            )
        return {
            "product_id": product.id,
            "name": line.title or product.display_name or line.sku or notice.number,
            "quantity": float(line.quantity),
            "price_unit": _unit_price(line),
            "tax_ids": [Command.set(taxes.ids)],
        }

    def _prepare_order_line(self, notice, line):
        product = self._find_product(line)
        if not product:
            raise UserError(
                self.env._(
                    "%(number)s: no product has the SKU or barcode “%(sku)s”. Enter it"
                    " on the product, then read the message again.",
                    number=notice.number,
                    sku=line.sku or line.barcode or line.title,
                )
            )
        return {
            "product_id": product.id,
            "name": line.title or product.display_name,
            "product_uom_qty": float(line.quantity),
            "price_unit": _unit_price(line),
            "discount": 0.0,
            "tax_ids": [Command.set(self._find_taxes(notice, line).ids)],
            "marketplace_line_ref": line.order_line_ref or line.external_id,
        }

    # ------------------------------------------------------------------
    # What is looked for
    # ------------------------------------------------------------------

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

    # ------------------------------------------------------------------
    # The total
    # ------------------------------------------------------------------

    def _bring_to_total(self, move, notice, account):
        """Have the invoice come to the shop's total, to the cent.

        What the shop rounds otherwise, up to the tolerance, is of the tax.
        """
        if notice.total is None:
            return
        difference = move.currency_id.round(
            float(notice.total.amount) - move.amount_total
        )
        if not difference:
            return
        taxes = move.line_ids.filtered(lambda line: line.display_type == "tax")
        if taxes and abs(difference) <= account.tolerance:
            line = max(taxes, key=lambda line: abs(line.amount_currency))
            line.amount_currency -= difference
        self._check_total(move, notice)

    def _check_total(self, document, notice):
        currency = document.currency_id
        told = float(notice.total.amount) if notice.total else document.amount_total
        if currency.compare_amounts(told, document.amount_total):
            raise UserError(
                self.env._(
                    "%(number)s comes to %(told)s at the shop and to %(here)s here."
                    " Look at the taxes of the account, then read it again.",
                    number=notice.number,
                    told=formatLang(self.env, told, currency_obj=currency),
                    here=formatLang(
                        self.env, document.amount_total, currency_obj=currency
                    ),
                )
            )


def _unit_price(line):
    """The price of one, after its discount."""
    if line.unit_price is not None:
        return float(line.unit_price - line.discount)
    if line.total is None or not line.quantity:
        return 0.0
    return float(line.total.amount / line.quantity)
