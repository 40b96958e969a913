from datetime import timezone

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

from ..tools.credit import CreditRequest


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
