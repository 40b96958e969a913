from odoo import fields, models
from odoo.tools import SQL

# What is flushed before rows of the reports are read.
DEPENDS = {
    "account.move.line": ["amount_residual", "balance", "date_maturity"],
    "account.move": ["state", "payment_state", "reminder_disputed"],
    "account.partial.reconcile": ["amount"],
    "account.reminder.letter.line": ["level_id", "state", "step"],
}


class AccountReminderReport(models.Model):
    """What customers owe, by age, last level and salesperson."""

    _name = "account.reminder.report"
    _description = "Aged Receivables by Reminder Level"
    _auto = False
    _order = "date_maturity, id"
    _depends = DEPENDS

    move_line_id = fields.Many2one("account.move.line", readonly=True)
    move_id = fields.Many2one("account.move", "Document", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", "Company Currency", readonly=True)
    partner_id = fields.Many2one("res.partner", "Customer", readonly=True)
    user_id = fields.Many2one("res.users", "Salesperson", readonly=True)
    level_id = fields.Many2one("account.reminder.level", "Last Level", readonly=True)
    level_name = fields.Char("Level", related="level_id.name")
    reminded_date = fields.Date("Last Reminded", readonly=True)
    date_maturity = fields.Date("Due Date", readonly=True)
    days_late = fields.Integer(readonly=True, aggregator="avg")
    age = fields.Selection(
        [
            ("0", "Not due"),
            ("1", "1 to 30 days"),
            ("2", "31 to 60 days"),
            ("3", "61 to 90 days"),
            ("4", "More than 90 days"),
            ("credit", "Open credits"),
        ],
        readonly=True,
    )
    amount = fields.Monetary("Open", readonly=True)
    stopped = fields.Selection(
        [("disputed", "Disputed"), ("promised", "Promised"), ("blocked", "Blocked")],
        readonly=True,
    )

    @property
    def _table_query(self):
        return SQL(
            """
        SELECT line.id, line.id AS move_line_id, line.move_id, line.company_id,
               company.currency_id, partner.commercial_partner_id AS partner_id,
               move.invoice_user_id AS user_id, told.level_id,
               told.date AS reminded_date,
               COALESCE(line.date_maturity, line.date) AS date_maturity,
               GREATEST(%(today)s - COALESCE(line.date_maturity, line.date), 0)
               AS days_late,
               CASE WHEN line.amount_residual < 0 THEN 'credit'
                    WHEN line.date_maturity >= %(today)s THEN '0'
                    WHEN line.date_maturity >= %(today)s - 30 THEN '1'
                    WHEN line.date_maturity >= %(today)s - 60 THEN '2'
                    WHEN line.date_maturity >= %(today)s - 90 THEN '3'
                    ELSE '4' END AS age,
               line.amount_residual AS amount,
               CASE WHEN move.reminder_disputed THEN 'disputed'
                    WHEN move.reminder_promise_date >= %(today)s THEN 'promised'
                    WHEN move.payment_state = 'blocked' THEN 'blocked' END AS stopped
          FROM account_move_line line
          JOIN account_move move ON move.id = line.move_id
          JOIN account_account account ON account.id = line.account_id
          JOIN res_company company ON company.id = line.company_id
          JOIN res_partner partner ON partner.id = line.partner_id
     LEFT JOIN (SELECT DISTINCT ON (move_line_id) move_line_id, level_id, date
                  FROM account_reminder_letter_line
                 WHERE state = 'sent' AND level_id IS NOT NULL
                 ORDER BY move_line_id, step DESC, date DESC) told
            ON told.move_line_id = line.id
         WHERE account.account_type = 'asset_receivable' AND NOT account.non_trade
           AND line.parent_state = 'posted' AND NOT line.reconciled
           AND line.amount_residual != 0
            """,
            today=fields.Date.context_today(self),
        )


class AccountReminderIncome(models.Model):
    """What came in, and which reminder was the last before."""

    _name = "account.reminder.income"
    _description = "Paid After Reminders"
    _auto = False
    _order = "date desc, id desc"
    _depends = DEPENDS

    date = fields.Date("Paid On", readonly=True)
    move_id = fields.Many2one("account.move", "Invoice", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", "Company Currency", readonly=True)
    partner_id = fields.Many2one("res.partner", "Customer", readonly=True)
    user_id = fields.Many2one("res.users", "Salesperson", readonly=True)
    level_id = fields.Many2one(
        "account.reminder.level", "After the Level", readonly=True
    )
    stage = fields.Selection(
        [
            ("time", "In time"),
            ("late", "Late, not reminded"),
            ("1", "After the first level"),
            ("2", "After the second level"),
            ("3", "After the third level or later"),
        ],
        readonly=True,
    )
    days_after = fields.Integer(
        "Days After the Reminder", readonly=True, aggregator="avg"
    )
    days_late = fields.Integer(readonly=True, aggregator="avg")
    amount = fields.Monetary(readonly=True)

    @property
    def _table_query(self):
        return SQL(
            """
        SELECT paid.id, paid.max_date AS date, line.move_id, line.company_id,
               company.currency_id, partner.commercial_partner_id AS partner_id,
               move.invoice_user_id AS user_id, told.level_id,
               CASE WHEN told.step >= 2 THEN '3' WHEN told.step = 1 THEN '2'
                    WHEN told.step = 0 THEN '1'
                    WHEN paid.max_date > line.date_maturity THEN 'late'
                    ELSE 'time' END AS stage,
               paid.max_date - told.date AS days_after,
               GREATEST(paid.max_date - line.date_maturity, 0) AS days_late,
               paid.amount
          FROM account_partial_reconcile paid
          JOIN account_move_line line ON line.id = paid.debit_move_id
          JOIN account_move move ON move.id = line.move_id
          JOIN account_move_line other ON other.id = paid.credit_move_id
          JOIN account_move counterpart ON counterpart.id = other.move_id
          JOIN account_account account ON account.id = line.account_id
          JOIN res_company company ON company.id = line.company_id
          JOIN res_partner partner ON partner.id = line.partner_id
     LEFT JOIN LATERAL (
               SELECT letter.level_id, letter.step, letter.date
                 FROM account_reminder_letter_line letter
                WHERE letter.move_line_id = line.id AND letter.state = 'sent'
                  AND letter.level_id IS NOT NULL AND letter.date <= paid.max_date
                ORDER BY letter.step DESC LIMIT 1) told ON TRUE
         WHERE account.account_type = 'asset_receivable'
           AND move.move_type IN ('out_invoice', 'out_receipt')
           AND counterpart.move_type = 'entry'
            """
        )


class AccountReminderDso(models.Model):
    """Days sales outstanding at the end of each month of the last two years.

    Receivables ÷ invoiced with VAT in the 90 days before × 90.
    """

    _name = "account.reminder.dso"
    _description = "Days Sales Outstanding"
    _auto = False
    _order = "date desc"
    _depends = DEPENDS

    date = fields.Date("At the End Of", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", "Company Currency", readonly=True)
    receivable = fields.Monetary("Receivables", readonly=True)
    invoiced = fields.Monetary("Invoiced in 90 Days", readonly=True)
    dso = fields.Float(
        "Days Sales Outstanding", readonly=True, aggregator="avg", digits=(16, 1)
    )

    @property
    def _table_query(self):
        return SQL(
            """
        WITH months AS (
            SELECT LEAST((month + INTERVAL '1 month - 1 day')::date, %(today)s) AS date
              FROM generate_series(date_trunc('month', %(today)s::date)
                                   - INTERVAL '23 months',
                                   %(today)s, INTERVAL '1 month') month),
        booked AS (
            SELECT line.company_id, line.date, SUM(line.balance) AS balance,
                   SUM(line.balance) FILTER (WHERE move.move_type IN
                       ('out_invoice', 'out_refund', 'out_receipt')) AS invoiced
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
             WHERE account.account_type = 'asset_receivable'
               AND NOT account.non_trade AND line.parent_state = 'posted'
             GROUP BY line.company_id, line.date),
        sums AS (
            SELECT months.date, company.id AS company_id, company.currency_id,
                   SUM(booked.balance) AS receivable,
                   COALESCE(SUM(booked.invoiced)
                            FILTER (WHERE booked.date > months.date - 90), 0)
                   AS invoiced
              FROM months
              JOIN booked ON booked.date <= months.date
              JOIN res_company company ON company.id = booked.company_id
             GROUP BY months.date, company.id, company.currency_id)
        SELECT company_id * 100000 + (date - DATE '2000-01-01') AS id, date, company_id,
               currency_id, receivable, invoiced,
               CASE WHEN invoiced > 0
                    THEN (receivable / invoiced * 90)::float END AS dso
          FROM sums
            """,
            today=fields.Date.context_today(self),
        )
