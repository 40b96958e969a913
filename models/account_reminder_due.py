import json

from odoo import api, models
from odoo.tools import SQL


class AccountReminderDue(models.AbstractModel):
    """Finds what customers are late with: one statement for all of them.

    The preview stores its letters with ``INSERT … SELECT`` from it; what a letter says
    line by line is read from it when a preview is looked at, and when it is sent.
    """

    _name = "account.reminder.due"
    _description = "What Is Due"

    @api.model
    def _get_lines(
        self, company, today, partners, own=None, standard=False, forced=None
    ):
        """Return what the letters of customers say today, line by line.

        :param partners: commercial partners
        :param own: letters that are looked at again: what they took themselves does
            not count as taken
        :param standard: letters without a level, for all that is overdue
        :param forced: level's id by customer's id, chosen by the accountant
        :return: lists of dictionaries by customer's id, none for who gets no letter;
            ``letter_amount``, ``letter_oldest``, ``letter_step`` and ``letter_level``
            are those of the letter
        """
        found = {}
        if not partners:
            return found
        for row in self.env.execute_query_dict(
            SQL(
                "%s SELECT * FROM (%s) said ORDER BY residual < 0, currency, due, id",
                self._get_query(
                    company,
                    today,
                    partners,
                    self._get_open_query(),
                    own=own,
                    standard=standard,
                    forced=forced,
                ),
                self._get_charged_query(company, today, own),
            )
        ):
            found.setdefault(row["partner"], []).append(row)
        return found

    @api.model
    def _get_letters_query(self, company, today, partners=None, standard=False):
        """Return the statement that finds the letters, in the order of the names.

        Its columns: partner, contact, lang, has_mail, channel, level, step, amount,
        oldest. What has no address for mails goes on paper.

        :param partners: as in ``_get_lines``; None for all customers
        """
        return SQL(
            """%s
            SELECT letter.partner, letter.contact, letter.lang, letter.has_mail,
                   CASE WHEN chosen.channel IN ('mail', 'both')
                             AND NOT letter.has_mail THEN 'paper'
                        ELSE chosen.channel END AS channel,
                   letter.letter_level AS level, letter.letter_step AS step,
                   letter.letter_amount AS amount, letter.letter_oldest AS oldest
              FROM letter
         LEFT JOIN step ON step.id = letter.letter_level
        CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(step.channel, 'customer'),
                                            letter.channel) AS channel) chosen
          ORDER BY letter.name, letter.partner
            """,
            self._get_query(
                company,
                today,
                partners,
                self._get_gathered_query(),
                standard=standard,
            ),
        )

    @api.model
    def _get_query(
        self, company, today, partners, opened, own=None, standard=False, forced=None
    ):
        """Return the parts of the statement, each of them resting on those before.

        Of these are ``stepped``, one row for each of ``open``, and ``letter``, one row
        a customer.

        :param opened: the part ``open``: each line, or lines that are alike together
        """
        for model in (
            "account.move",
            "account.move.line",
            "account.reminder.letter",
            "account.reminder.letter.line",
            "payment.transaction",
            "res.partner",
        ):
            self.env[model].flush_model()
        steps, rates = self._get_steps(company)
        own_ids = own.ids if own else []
        return SQL(
            """
            WITH step AS (%(steps)s), rate AS (%(rates)s), forced AS (%(forced)s),
                 silent AS (%(silent)s),
                 line AS NOT MATERIALIZED (%(lines)s),
                 told AS (%(told)s),
                 %(opened)s,
                 customer AS (%(customers)s),
                 timely AS (%(timely)s),
                 stepped AS (%(stepped)s),
                 letter AS (%(letters)s)
            """,
            steps=_table(
                "id int, plan int, step int, days int, interval int, minimum numeric,"
                " plan_minimum numeric, gap int, business bool, channel text,"
                " fee numeric, indemnity numeric",
                steps,
            ),
            rates=_table("step int, since date, until date, rate numeric", rates),
            forced=_table(
                "partner int, level int",
                [{"partner": key, "level": id_} for key, id_ in (forced or {}).items()],
            ),
            silent=self._get_silent_query(today),
            lines=self._get_line_query(company, today, partners),
            told=self._get_told_query(company, own_ids),
            opened=opened,
            customers=self._get_customers_query(company, today, own_ids, standard),
            timely=self._get_timely_query(today),
            stepped=self._get_stepped_query(forced),
            letters=self._get_reminded_query(standard),
        )

    @api.model
    def _execute(self, statement):
        """Run a statement over all customers and return its rows.

        PostgreSQL takes each part for a row or two, and would go through thousands of
        customers again for each of their lines.
        """
        self.env.cr.execute("SET LOCAL enable_nestloop = off")
        rows = self.env.execute_query(statement)
        self.env.cr.execute("RESET enable_nestloop")
        return rows

    @api.model
    def _get_steps(self, company):
        """Return the levels of a company's plans, and their rates, as plain values."""
        plans = self.env["account.reminder.plan"].search(
            [("company_id", "=", company.id)]
        )
        steps, rates = [], []
        for plan in plans:
            for position, level in enumerate(plan.level_ids):
                steps.append(
                    {
                        "id": level.id,
                        "plan": plan.id,
                        "step": position,
                        "days": level.days,
                        "interval": level.interval,
                        "minimum": level.minimum_amount,
                        "plan_minimum": plan.minimum_amount,
                        "gap": plan.gap,
                        "business": plan.customer_type == "business",
                        "channel": level.channel,
                        "fee": level.fee,
                        "indemnity": level._get_indemnity(),
                    }
                )
                rates += [
                    {"step": level.id, "since": since, "until": until, "rate": rate}
                    for since, until, rate in level._get_rates()
                ]
        return steps, rates

    # -- the parts of the statement ----------------------------------------------------

    @api.model
    def _get_silent_query(self, today):
        """Invoices that are not asked for.

        They are disputed, promised, blocked, being paid or under a credit note that is
        still a draft.
        """
        return SQL(
            """
            SELECT id FROM account_move
             WHERE payment_state IN ('in_payment', 'blocked')
                OR reminder_disputed
                OR reminder_promise_date >= %s
         UNION ALL
            SELECT reversed_entry_id FROM account_move
             WHERE state = 'draft' AND reversed_entry_id IS NOT NULL
         UNION ALL
            SELECT paying.invoice_id
              FROM account_invoice_transaction_rel paying
              JOIN payment_transaction transaction
                ON transaction.id = paying.transaction_id
             WHERE transaction.state IN ('pending', 'authorized')
            """,
            today,
        )

    @api.model
    def _get_line_query(self, company, today, partners):
        """Overdue lines that may be asked for, and all open credits."""
        # sudo: which accounts are receivables is no secret
        accounts = self.env["account.account"].sudo()
        domain = [
            ("company_id", "=", company.id),
            ("parent_state", "=", "posted"),
            (
                "account_id",
                "in",
                accounts.search(
                    [
                        ("account_type", "=", "asset_receivable"),
                        ("non_trade", "=", False),
                    ]
                ).ids,
            ),
            ("reconciled", "=", False),
            ("amount_residual_currency", "!=", 0),
            ("partner_id", "!=", False),
        ]
        if partners is not None:
            domain.append(("partner_id.commercial_partner_id", "in", partners.ids))
        query = self.env["account.move.line"]._search(domain, order="id")
        query.order = None
        line = SQL.identifier(query.table)
        query.add_join("JOIN", "p", "res_partner", SQL("p.id = %s.partner_id", line))
        query.add_where(
            SQL(
                """(
                %(line)s.amount_residual_currency > 0
                AND COALESCE(%(line)s.date_maturity, %(line)s.date) < %(today)s
                AND NOT COALESCE(%(line)s.no_followup, FALSE)
                AND %(line)s.move_id NOT IN (SELECT id FROM silent)
             OR %(line)s.amount_residual_currency < 0
                AND %(line)s.move_id NOT IN (SELECT id FROM account_move
                                              WHERE payment_state = 'in_payment'))
                """,
                line=line,
                today=today,
            )
        )
        return query.select(
            SQL("p.commercial_partner_id AS partner"),
            SQL("%s.id AS id", line),
            SQL("%s.move_id AS move", line),
            SQL("%s.currency_id AS currency", line),
            SQL("COALESCE(%(line)s.date_maturity, %(line)s.date) AS due", line=line),
            SQL("%s.amount_currency AS total", line),
            SQL("%s.amount_residual_currency AS residual", line),
            SQL("%s.amount_residual AS residual_company", line),
        )

    @api.model
    def _get_told_query(self, company, own_ids):
        """What letters said of lines before.

        ``taken`` is the last level that a letter took; a cancelled letter took none,
        but what it booked stays booked, and ``interest_until`` tells up to when. What
        lines took that are no more, since the invoice was taken back and posted anew,
        all lines of the invoice have taken.
        """
        return SQL(
            """
            SELECT COALESCE(said.move_line_id, heir.id) AS line,
                   MAX(step) FILTER (WHERE state <> 'cancelled') AS taken,
                   MAX(date) FILTER (WHERE state <> 'cancelled') AS last,
                   MAX(date) FILTER (WHERE charged AND interest > 0) AS interest_until
              FROM account_reminder_letter_line said
         LEFT JOIN LATERAL (SELECT id FROM account_move_line
                             WHERE said.move_line_id IS NULL
                               AND move_id = said.move_id) heir ON TRUE
             WHERE company_id = %(company)s AND level_id IS NOT NULL
               AND (state IN ('queued', 'sent', 'failed') OR charged)
               AND NOT letter_id = ANY(%(own)s)
             GROUP BY 1
            """,
            company=company.id,
            own=own_ids,
        )

    @api.model
    def _get_customers_query(self, company, today, own_ids, standard):
        """Customers who are late, with their plan, contact and channel.

        The contact is the one for invoices; the channel that of the customer, else
        the way in which invoices are sent. Left out is who gets no reminders, was
        handed over to collection, or got a letter within the plan's days.
        """
        return SQL(
            """
            SELECT partner.id, partner.complete_name AS name, plan.id AS plan,
                   COALESCE(contact.id, partner.id) AS contact,
                   COALESCE(contact.lang, partner.lang) AS lang,
                   COALESCE(NULLIF(contact.email, ''), partner.email, '') <> ''
                   AS has_mail,
                   COALESCE(partner.reminder_channel->>%(key)s,
                            CASE WHEN partner.invoice_sending_method->>%(key)s
                                      IN ('manual', 'snailmail')
                                 THEN 'paper' ELSE 'mail' END) AS channel,
                   COALESCE(plan.plan_minimum, 0) AS minimum
              FROM res_partner partner
         LEFT JOIN (SELECT DISTINCT ON (parent_id) id, parent_id, lang, email
                      FROM res_partner
                     WHERE type = 'invoice' AND active AND parent_id IS NOT NULL
                     ORDER BY parent_id, id) contact ON contact.parent_id = partner.id
         LEFT JOIN (SELECT plan AS id, plan_minimum, gap FROM step WHERE step = 0) plan
                ON plan.id = COALESCE((partner.reminder_plan_id->>%(key)s)::int,
                                      CASE WHEN partner.is_company THEN %(business)s
                                           ELSE %(private)s END)
               AND NOT %(standard)s
         LEFT JOIN (SELECT partner_id, MAX(date) AS last
                      FROM account_reminder_letter
                     WHERE company_id = %(company)s AND level_id IS NOT NULL
                       AND state IN ('queued', 'sent', 'failed')
                       AND NOT id = ANY(%(own)s)
                     GROUP BY partner_id) letter ON letter.partner_id = partner.id
             WHERE partner.id IN (SELECT partner FROM open WHERE residual > 0)
               AND (%(standard)s
                    OR plan.id IS NOT NULL
                   AND NOT COALESCE((partner.reminder_excluded->>%(key)s)::bool, FALSE)
                   AND NOT COALESCE((partner.reminder_collection->>%(key)s)::bool,
                                    FALSE)
                   AND (letter.last IS NULL
                        OR %(today)s::date - letter.last >= plan.gap))
            """,
            key=str(company.id),
            company=company.id,
            business=company.reminder_plan_business_id.id or None,
            private=company.reminder_plan_private_id.id or None,
            own=own_ids,
            standard=standard,
            today=today,
        )


def _table(columns, rows):
    """Return a table of plain values, to be joined."""
    return SQL(
        "SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given(%s)",
        json.dumps(rows, default=str),
        SQL(columns),  # pylint: disable=sql-injection
    )
