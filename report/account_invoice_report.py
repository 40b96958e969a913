from odoo import fields, models
from odoo.tools import SQL

# A price correction has the quantity 1 to be priced, but no goods come back by it.
GOODS = {
    "quantity": SQL("0.0"),
    "inventory_value": SQL("0.0"),
    "price_margin": SQL("report.price_subtotal"),
}


class AccountInvoiceReport(models.Model):
    _inherit = "account.invoice.report"

    refund_reason_id = fields.Many2one(
        "account.refund.reason", string="Credit Note Reason", readonly=True
    )
    refund_method = fields.Selection(
        [
            ("partial", "Partial credit"),
            ("cancel", "Full cancel"),
            ("redraft", "Cancel and redraft"),
        ],
        string="Credit Method",
        readonly=True,
    )
    is_price_correction = fields.Boolean(string="Price Correction", readonly=True)

    _depends = {
        "account.move": ["refund_reason_id", "refund_method"],
        "account.move.line": ["is_price_correction"],
    }

    def _select(self) -> SQL:
        return SQL(
            "%s, move.refund_reason_id, move.refund_method, line.is_price_correction",
            super()._select(),
        )

    @property
    def _table_query(self) -> SQL:
        """Take the goods out of price corrections, in what core selects."""
        columns = [
            self._select_without_goods(field.name)
            for field in self._fields.values()
            if field.store and field.column_type
        ]
        return SQL(
            "SELECT %s FROM (%s) AS report",
            SQL(", ").join(columns),
            super()._table_query,
        )

    def _select_without_goods(self, name):
        column = SQL("report.%s", SQL.identifier(name))
        if name not in GOODS:
            return column
        return SQL(
            "CASE WHEN report.is_price_correction THEN %s ELSE %s END AS %s",
            GOODS[name],
            column,
            SQL.identifier(name),
        )
