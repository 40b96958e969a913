from odoo import fields, models
from odoo.tools import SQL


class MarketplaceReconciliation(models.Model):
    """Orders of marketplaces: what came back beside what was paid back.

    Returned counts what a warehouse received, here or at the marketplace, never what
    was only announced.
    """

    _name = "marketplace.reconciliation"
    _description = "Returns against Refunds"
    _auto = False
    _order = "days desc, id"
    _rec_name = "order_ref"

    account_id = fields.Many2one("marketplace.account", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    order_external_id = fields.Char("Order at the Marketplace", readonly=True)
    order_ref = fields.Char("Order Number", readonly=True)
    sale_order_id = fields.Many2one("sale.order", "Sales Order", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    refunded = fields.Monetary(
        "Paid Back", readonly=True, groups="avoir.group_refund_user"
    )
    quantity_refunded = fields.Float(
        "Pieces Paid Back", digits="Product Unit", readonly=True
    )
    quantity_returned = fields.Float(
        "Pieces Returned", digits="Product Unit", readonly=True
    )
    first_refund = fields.Datetime(readonly=True)
    first_return = fields.Datetime(readonly=True)
    days = fields.Integer(
        readonly=True, help="Since the refund, or the return, without the other."
    )
    status = fields.Selection(
        [
            ("refunded", "Refunded, never returned"),
            ("returned", "Returned, never refunded"),
            ("partial", "Partly returned"),
            ("both", "Returned and refunded"),
        ],
        readonly=True,
    )

    @property
    def _table_query(self):
        return SQL(
            """
            WITH line AS (
                SELECT line.return_id,
                       SUM(line.quantity) AS told,
                       SUM(CASE WHEN line.goods_expected
                                THEN line.quantity ELSE 0 END) AS goods,
                       SUM(COALESCE((SELECT SUM(move.quantity)
                                       FROM stock_move move
                                      WHERE move.marketplace_return_line_id = line.id
                                        AND move.state = 'done'), 0)) AS received
                  FROM marketplace_return_line line
              GROUP BY line.return_id),
            per_order AS (
                SELECT MIN(r.id) AS id,
                       r.account_id,
                       r.company_id,
                       COALESCE(NULLIF(r.order_external_id, ''), r.order_ref)
                           AS order_external_id,
                       MAX(r.order_ref) AS order_ref,
                       MAX(r.sale_order_id) AS sale_order_id,
                       MAX(r.currency_id) AS currency_id,
                       SUM(CASE WHEN r.kind = 'refund' THEN r.amount_total ELSE 0 END)
                           AS refunded,
                       SUM(CASE WHEN r.kind = 'refund'
                                THEN COALESCE(line.goods, 0) ELSE 0 END)
                           AS quantity_refunded,
                       COUNT(*) FILTER (WHERE r.kind = 'refund') AS refunds,
                       SUM(CASE WHEN r.kind = 'return'
                                 AND r.fulfilled_by = 'marketplace'
                                 AND r.marketplace_state = 'closed'
                                THEN COALESCE(line.told, 0)
                                ELSE COALESCE(line.received, 0) END)
                           AS quantity_returned,
                       MIN(r.occurred_at) FILTER (WHERE r.kind = 'refund')
                           AS first_refund,
                       MIN(r.occurred_at) FILTER (WHERE r.kind = 'return')
                           AS first_return
                  FROM marketplace_return r
             LEFT JOIN line ON line.return_id = r.id
                 WHERE r.state NOT IN ('declined', 'cancelled')
                   AND COALESCE(r.marketplace_state, '') NOT IN
                       ('pending', 'declined', 'cancelled')
              GROUP BY r.account_id, r.company_id,
                       COALESCE(NULLIF(r.order_external_id, ''), r.order_ref)),
            judged AS (
                SELECT *,
                       CASE WHEN refunds = 0 AND quantity_returned > 0 THEN 'returned'
                            WHEN quantity_refunded > 0 AND quantity_returned = 0
                            THEN 'refunded'
                            WHEN quantity_refunded > quantity_returned THEN 'partial'
                            ELSE 'both' END AS status
                  FROM per_order
                 WHERE refunds > 0 OR quantity_returned > 0)
            SELECT judged.id, account_id, company_id, order_external_id, order_ref,
                   sale_order_id, currency_id, refunded, quantity_refunded,
                   quantity_returned, first_refund, first_return, status,
                   CASE WHEN status = 'both' THEN 0
                        ELSE GREATEST(0, EXTRACT(DAY FROM
                             (now() AT TIME ZONE 'UTC')
                             - COALESCE(first_refund, first_return)))::int END AS days
              FROM judged
            """
        )

    def action_view_returns(self):
        """Open the returns and refunds of these orders."""
        returns = self.env["marketplace.return"].search(
            [
                ("account_id", "in", self.account_id.ids),
                "|",
                ("order_external_id", "in", self.mapped("order_external_id")),
                ("order_ref", "in", self.mapped("order_external_id")),
            ]
        )
        return returns._open(returns)
