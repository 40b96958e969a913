from odoo import api, fields, models
from odoo.tools import SQL

from .account_reminder_due import _table


class AccountReminderLeftOut(models.TransientModel):
    """What is late and in no letter of a run, with the reason."""

    _name = "account.reminder.left.out"
    _description = "Late but Not Reminded"
    _order = "partner_id, date_maturity, id"
    _rec_name = "move_id"

    run_id = fields.Many2one("account.reminder.run", readonly=True)
    partner_id = fields.Many2one("res.partner", "Customer", readonly=True)
    move_id = fields.Many2one("account.move", "Document", readonly=True)
    date_maturity = fields.Date("Due Date", readonly=True)
    days_late = fields.Integer(readonly=True, aggregator=None)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount_residual = fields.Monetary("Open", readonly=True, aggregator=None)
    company_currency_id = fields.Many2one("res.currency", readonly=True)
    amount_company = fields.Monetary(
        "In the Company's Currency",
        currency_field="company_currency_id",
        readonly=True,
    )
    reason = fields.Selection(
        [
            ("payment", "Payment under way"),
            ("disputed", "Disputed"),
            ("promised", "Payment promised"),
            ("blocked", "Payment blocked on the invoice"),
            ("no_followup", "No follow-up of this invoice"),
            ("credit_draft", "Credit note in draft"),
            ("excluded", "Taken out of this run"),
            ("other_run", "In another open run"),
            ("customer", "Customer gets no reminders"),
            ("collection", "Handed over to collection"),
            ("no_plan", "Customer has no plan"),
            ("recent", "Reminded lately"),
            ("credit", "Covered by open credits"),
            ("minimum", "Below the minimum"),
            ("last_level", "Had the last level"),
            ("early", "Not late enough for a level"),
            ("new", "Due by now: look again"),
        ],
        string="Why No Letter",
        readonly=True,
    )
    from_date = fields.Date(
        "Next Reminder From",
        readonly=True,
        help="When this reason ends, where it ends by itself.",
    )
    letter_id = fields.Many2one("account.reminder.letter", "Reminder", readonly=True)

    def action_open(self):
        """Open the invoice, or the letter that is the reason."""
        self.ensure_one()
        return (self.letter_id or self.move_id).get_formview_action()

    @api.model
    def _insert(self, run):
        """Store what a run leaves out, in place of what was stored before.

        :return: the action of the list
        """
        self.env.execute_query(
            SQL(
                "DELETE FROM account_reminder_left_out"
                " WHERE create_uid = %s AND run_id = %s RETURNING id",
                self.env.uid,
                run.id,
            )
        )
        self.env["account.reminder.due"]._execute(
            SQL(
                """
            INSERT INTO account_reminder_left_out (
                   run_id, partner_id, move_id, date_maturity, days_late, currency_id,
                   amount_residual, company_currency_id, amount_company, reason,
                   from_date, letter_id, create_uid, create_date)
            SELECT %(run)s, partner, move, due, %(date)s::date - due, currency,
                   residual, %(currency)s, residual_company, reason,
                   from_date, letter, %(uid)s, now() AT TIME ZONE 'UTC'
              FROM (%(query)s) told
         RETURNING id
                """,
                run=run.id,
                date=run.date,
                currency=run.company_id.currency_id.id,
                uid=self.env.uid,
                query=self._get_query(run),
            )
        )
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "avoir.account_reminder_left_out_action"
            ),
            "domain": [("run_id", "=", run.id)],
        }

    @api.model
    def _count_customers(self, run):
        """Return how many customers of a run have something late in no letter."""
        [(number,)] = self.env["account.reminder.due"]._execute(
            SQL("SELECT COUNT(DISTINCT partner) FROM (%s) told", self._get_query(run))
        )
        return number

    @api.model
    def _get_query(self, run):
        """Return the statement that tells what is late and why it is in no letter.

        Who gets a letter is decided by ``account.reminder.due``: this says why others
        do not. What has no reason here is due by now.
        """
        due = self.env["account.reminder.due"]
        for model in (
            *("account.move", "account.move.line", "payment.transaction"),
            *("account.reminder.letter", "account.reminder.letter.line"),
            "res.partner",
        ):
            self.env[model].flush_model()
        steps, _rates = due._get_steps(run.company_id)
        return SQL(
            """
            WITH step AS (%(steps)s), told AS (%(told)s), line AS (%(lines)s),
                 asked AS (%(asked)s)
            SELECT partner, move, due, currency, residual, residual_company, reason,
                   from_date, NULL::int AS letter
              FROM line WHERE residual > 0 AND reason IS NOT NULL AND due < %(today)s
         UNION ALL
            SELECT asked.partner, asked.move, asked.due, asked.currency,
                   asked.residual, asked.residual_company, why.*
              FROM asked
              JOIN (%(customers)s) customer ON customer.id = asked.partner
         LEFT JOIN told ON told.line = asked.id
         LEFT JOIN step next ON next.plan = customer.plan
                            AND next.step = COALESCE(told.taken, -1) + 1
        CROSS JOIN LATERAL (%(why)s) why
             WHERE asked.residual > 0 AND customer.has_letter IS NOT TRUE
            """,
            today=run.date,
            steps=_table(
                "id int, plan int, step int, days int, interval int, minimum numeric,"
                " plan_minimum numeric, gap int",
                steps,
            ),
            told=due._get_told_query(run.company_id, []),
            lines=self._get_line_query(run),
            asked=self._get_asked_query(),
            customers=self._get_customer_query(run),
            why=self._get_reason_query(run),
        )

    @api.model
    def _get_line_query(self, run):
        """Open lines of customers, those that are not asked for with the reason."""
        domain = [
            ("company_id", "=", run.company_id.id),
            ("parent_state", "=", "posted"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("account_id.non_trade", "=", False),
            ("reconciled", "=", False),
            ("amount_residual_currency", "!=", 0),
            ("partner_id", "!=", False),
        ]
        if run.partner_ids:
            partners = run.partner_ids.commercial_partner_id
            domain.append(("partner_id.commercial_partner_id", "in", partners.ids))
        query = self.env["account.move.line"]._search(domain, order="id")
        query.order = None
        line = SQL.identifier(query.table)
        query.add_join("JOIN", "m", "account_move", SQL("m.id = %s.move_id", line))
        query.add_join("JOIN", "p", "res_partner", SQL("p.id = %s.partner_id", line))
        due = SQL("COALESCE(%(line)s.date_maturity, %(line)s.date)", line=line)
        return query.select(
            SQL("%s.id AS id", line),
            SQL("m.id AS move"),
            SQL("p.commercial_partner_id AS partner"),
            SQL("%s.currency_id AS currency", line),
            SQL("%s AS due", due),
            SQL("%s.amount_residual_currency AS residual", line),
            SQL("%s.amount_residual AS residual_company", line),
            SQL("m.reminder_promise_date + 1 AS from_date"),
            SQL(
                """
                CASE WHEN m.payment_state = 'in_payment' THEN 'payment'
                     WHEN %(line)s.amount_residual_currency < 0 THEN NULL
                     WHEN %(due)s >= %(today)s THEN 'not_due'
                     WHEN m.reminder_disputed THEN 'disputed'
                     WHEN m.reminder_promise_date >= %(today)s THEN 'promised'
                     WHEN m.payment_state = 'blocked' THEN 'blocked'
                     WHEN %(line)s.no_followup THEN 'no_followup'
                     WHEN EXISTS (SELECT FROM account_move credit
                                   WHERE credit.reversed_entry_id = m.id
                                     AND credit.state = 'draft') THEN 'credit_draft'
                     WHEN EXISTS (SELECT FROM account_invoice_transaction_rel paying
                                    JOIN payment_transaction transaction
                                      ON transaction.id = paying.transaction_id
                                   WHERE paying.invoice_id = m.id
                                     AND transaction.state IN ('pending', 'authorized'))
                     THEN 'payment' END AS reason
                """,
                line=line,
                due=due,
                today=run.date,
            ),
        )

    @api.model
    def _get_asked_query(self):
        """Lines that may be asked for, with the customer's credits and debt."""
        return SQL(
            """
            SELECT counted.*, credit - before >= residual AS covered,
                   SUM(residual_company) FILTER (WHERE owed > credit)
                   OVER (PARTITION BY partner) AS debt
              FROM (SELECT line.*,
                           SUM(GREATEST(residual, 0)) OVER mine AS owed,
                           -SUM(LEAST(residual, 0)) OVER mine AS credit,
                           SUM(GREATEST(residual, 0)) OVER
                               (PARTITION BY partner, currency ORDER BY due, id)
                           - residual AS before
                      FROM line
                     WHERE reason IS NULL
                    WINDOW mine AS (PARTITION BY partner, currency)) counted
            """
        )

    @api.model
    def _get_customer_query(self, run):
        """Customers with their plan, and the letters that they have."""
        company = run.company_id
        return SQL(
            """
            SELECT partner.id, plan.plan, plan.plan_minimum, plan.gap,
                   (partner.reminder_excluded->>%(key)s)::bool AS no_reminders,
                   (partner.reminder_collection->>%(key)s)::bool AS collection,
                   mine.excluded AS is_out, NOT mine.excluded AS has_letter,
                   mine.id AS own_letter, other.id AS other_letter,
                   last.id AS last_letter, last.date AS last_date
              FROM res_partner partner
         LEFT JOIN step plan ON plan.step = 0 AND plan.plan = COALESCE(
                   (partner.reminder_plan_id->>%(key)s)::int,
                   CASE WHEN partner.is_company THEN %(business)s ELSE %(private)s END)
         LEFT JOIN (SELECT id, partner_id, COALESCE(excluded, FALSE) AS excluded
                      FROM account_reminder_letter
                     WHERE run_id = %(run)s AND state = 'draft') mine
                ON mine.partner_id = partner.id
         LEFT JOIN (SELECT DISTINCT ON (partner_id) id, partner_id
                      FROM account_reminder_letter
                     WHERE company_id = %(company)s AND run_id <> %(run)s
                       AND state IN ('draft', 'queued') AND excluded IS NOT TRUE
                     ORDER BY partner_id, id) other ON other.partner_id = partner.id
         LEFT JOIN (SELECT DISTINCT ON (partner_id) id, partner_id, date
                      FROM account_reminder_letter
                     WHERE company_id = %(company)s AND level_id IS NOT NULL
                       AND state IN ('queued', 'sent', 'failed')
                     ORDER BY partner_id, date DESC) last
                ON last.partner_id = partner.id
             WHERE partner.id IN (SELECT partner FROM asked)
            """,
            key=str(company.id),
            business=company.reminder_plan_business_id.id or None,
            private=company.reminder_plan_private_id.id or None,
            run=run.id,
            company=company.id,
        )

    @api.model
    def _get_reason_query(self, run):
        """Why a customer gets no letter about a line that may be asked for."""
        by_plan = SQL(
            """
            SELECT 4 AS turn, 'customer', NULL::date, NULL::int
             WHERE customer.no_reminders
         UNION ALL SELECT 5, 'collection', NULL, NULL WHERE customer.collection
         UNION ALL SELECT 6, 'no_plan', NULL, NULL WHERE customer.plan IS NULL
         UNION ALL SELECT 7, 'recent', customer.last_date + customer.gap, last_letter
                    WHERE customer.last_date + customer.gap > %(today)s
         UNION ALL SELECT 8, 'minimum', NULL, NULL
                    WHERE asked.debt < customer.plan_minimum
         UNION ALL SELECT 9, 'last_level', NULL, last_letter
                    WHERE next.id IS NULL AND told.taken >= 0
         UNION ALL SELECT 10, 'early', asked.due + next.days, last_letter
                    WHERE asked.due + next.days > %(today)s
         UNION ALL SELECT 11, 'recent', told.last + next.interval, last_letter
                    WHERE told.last + next.interval > %(today)s
         UNION ALL SELECT 12, 'minimum', NULL, NULL WHERE asked.debt < next.minimum
            """,
            today=run.date,
        )
        return SQL(
            """
            SELECT reason, from_date, letter FROM (
                SELECT 1, 'excluded', NULL::date, own_letter WHERE customer.is_out
             UNION ALL SELECT 2, 'other_run', NULL, other_letter
                        WHERE other_letter IS NOT NULL
             UNION ALL SELECT 3, 'credit', NULL, NULL
                        WHERE asked.covered OR asked.owed <= asked.credit
             UNION ALL %s
             UNION ALL SELECT 99, 'new', NULL, NULL)
                   given(turn, reason, from_date, letter)
             ORDER BY turn LIMIT 1
            """,
            by_plan if run.kind == "plan" else SQL("SELECT 99, 'new', NULL, NULL"),
        )


class AccountReminderRun(models.Model):
    _inherit = "account.reminder.run"

    prepared_date = fields.Datetime("Looked At", readonly=True, copy=False)
    left_out_count = fields.Integer(
        compute="_compute_left_out_count",
        help="Customers who are late, told where the preview is empty.",
    )

    @api.depends("prepared_date", "letter_ids.excluded")
    def _compute_left_out_count(self):
        for run in self:
            empty = run.state == "draft" and run.prepared_date and not run.letter_count
            run.left_out_count = (
                self.env["account.reminder.left.out"]._count_customers(run)
                if empty
                else 0
            )

    def _prepare(self):
        """Look at what is due, and keep when that was."""
        result = super()._prepare()
        self._write_own({"prepared_date": fields.Datetime.now()})
        return result

    def action_open_left_out(self):
        """List what is late and in no letter of this run, and why.

        :raises UserError: when it is no preview any more
        """
        self.ensure_one()
        self.check_access("read")
        self._check_draft()
        return self.env["account.reminder.left.out"]._insert(self)
