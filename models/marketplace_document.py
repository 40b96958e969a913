from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..connectors.documents import InvoiceNotice


class MarketplaceDocument(models.Model):
    """An invoice, credit note or order of a shop that was taken over, once.

    What was taken over is neither altered nor deleted by what the shop tells later.
    """

    _name = "marketplace.document"
    _description = "Document of a Marketplace"
    _order = "id desc"
    _rec_name = "number"
    _check_company_auto = True

    account_id = fields.Many2one(
        "marketplace.account", required=True, readonly=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="account_id.company_id", store=True, index=True
    )
    external_id = fields.Char("Marketplace Id", required=True, readonly=True)
    kind = fields.Selection(
        [("invoice", "Invoice"), ("credit", "Credit note"), ("order", "Order")],
        required=True,
        readonly=True,
    )
    number = fields.Char(readonly=True)
    order_number = fields.Char(readonly=True)
    order_external_id = fields.Char("Order at the Marketplace", readonly=True)
    issued_at = fields.Datetime("Date", readonly=True)
    payment_method = fields.Char(readonly=True)
    is_gap = fields.Boolean(
        "Not Taken Over",
        readonly=True,
        help="Its order was deleted at the shop, and its lines with it.",
    )
    move_id = fields.Many2one(
        "account.move", "Document", readonly=True, index="btree_not_null"
    )
    sale_order_id = fields.Many2one(
        "sale.order", "Sales Order", readonly=True, index="btree_not_null"
    )
    message_id = fields.Many2one(
        "marketplace.message", readonly=True, ondelete="set null"
    )

    _external_unique = models.UniqueIndex("(account_id, external_id)")
    _order_number = models.Index("(account_id, order_external_id)")

    @api.model
    def _take_over(self, message, notices):
        """Take over what a shop tells of, in its order, each document once.

        :param notices: a list of ``InvoiceNotice`` and ``OrderNotice``
        :raise UserError: what is missing, or does not add up; nothing is kept then
        """
        account = message.account_id
        known = self.search(
            [
                ("account_id", "=", account.id),
                ("external_id", "in", [notice.external_id for notice in notices]),
            ]
        ).mapped("external_id")
        for notice in notices:
            if notice.external_id not in known:
                self._take_over_one(message, account, notice)

    def _take_over_one(self, message, account, notice):
        values = {
            "account_id": account.id,
            "external_id": notice.external_id,
            "kind": "order",
            "number": notice.number,
            "order_number": notice.order_number,
            "order_external_id": notice.order_external_id,
            "issued_at": _moment(notice.issued_at),
            "payment_method": notice.payment_label or notice.payment_method,
            "message_id": message.id,
        }
        if isinstance(notice, InvoiceNotice):
            values["kind"] = notice.kind
            values["is_gap"] = notice.order_missing
        # First of all: who takes over the same one at this moment is noticed here.
        document = self.create(values)
        self.flush_model()
        if document.is_gap:
            return
        builder = document.with_company(account.company_id)
        if notice.difference:
            raise UserError(
                self.env._(
                    "%(number)s does not add up: its lines differ from its total by"
                    " %(difference)s. Enter it by hand, then set this aside.",
                    number=notice.number,
                    difference=notice.difference,
                )
            )
        if document.kind == "order":
            document.sale_order_id = builder._make_order(notice)
        elif document.kind == "credit":
            document.move_id = builder._make_credit_note(notice)
        else:
            document.move_id = builder._make_invoice(notice)

    def action_view_document(self):
        """Open what was made of it."""
        returns = self.env["marketplace.return"]
        return returns._open(self.move_id or self.sale_order_id)

    def action_view_message(self):
        """Open the message that it came with."""
        return self.env["marketplace.return"]._open(self.message_id)


class MarketplaceGap(models.Model):
    """Numbers of a shop's invoices that are not here, and why."""

    _name = "marketplace.gap"
    _description = "Gap in the Numbers of a Shop"
    _auto = False
    _order = "account_id, id desc"
    _rec_name = "first"

    account_id = fields.Many2one("marketplace.account", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    first = fields.Char("From", readonly=True)
    last = fields.Char("To", readonly=True)
    count = fields.Integer("Numbers", readonly=True)
    reason = fields.Selection(
        [
            ("deleted", "Its order was deleted at the shop"),
            ("unknown", "Never told by the shop"),
        ],
        readonly=True,
    )

    @property
    def _table_query(self):
        return SQL(
            r"""
            WITH numbered AS (
                SELECT id, account_id, company_id, number,
                       regexp_replace(number, '\d+$', '') AS prefix,
                       substring(number from '\d{1,15}$')::bigint AS digits,
                       length(substring(number from '\d{1,15}$')) AS width
                  FROM marketplace_document
                 WHERE kind IN ('invoice', 'credit') AND number ~ '\d$'),
            next AS (
                SELECT *, lead(digits) OVER (
                           PARTITION BY account_id, prefix ORDER BY digits) AS following
                  FROM numbered)
            SELECT id * 2 AS id, account_id, company_id, number AS first,
                   number AS last, 1 AS count, 'deleted' AS reason
              FROM marketplace_document WHERE is_gap
             UNION ALL
            SELECT id * 2 + 1, account_id, company_id,
                   prefix || lpad((digits + 1)::text,
                                  GREATEST(width, length((digits + 1)::text)), '0'),
                   prefix || lpad((following - 1)::text,
                                  GREATEST(width, length((following - 1)::text)), '0'),
                   LEAST(following - digits - 1, 2147483647)::int, 'unknown'
              FROM next WHERE following > digits + 1
            """
        )


class MarketplaceMessage(models.Model):
    _inherit = "marketplace.message"

    document_ids = fields.One2many(
        "marketplace.document", "message_id", "Documents Taken Over", readonly=True
    )


class AccountMove(models.Model):
    _inherit = "account.move"

    marketplace_document_ids = fields.One2many(
        "marketplace.document", "move_id", readonly=True
    )
    marketplace_payment_method = fields.Char(
        "Paid at the Shop with", copy=False, readonly=True
    )


def _moment(at):
    return at.replace(tzinfo=None, microsecond=0) if at else False
