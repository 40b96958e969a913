from odoo import api, models
from odoo.tools import SQL

DAYS_OF_THE_YEAR = 365


class AccountReminderDue(models.AbstractModel):
    """The later parts of the statement: credits taken off, levels, charges."""

    _inherit = "account.reminder.due"

    @api.model
    def _get_open_query(self):
        """``open``: each line, with what was said of it before."""
        return SQL(
            "open AS MATERIALIZED (%s)",
            self._get_netted_query(
                SQL(
                    """
                    SELECT line.*, COALESCE(told.taken, -1) AS taken, told.last,
                           told.interest_until,
                           COALESCE(move.is_reminder_charge, FALSE) AS is_charge
                      FROM line
                      JOIN account_move move ON move.id = line.move
                 LEFT JOIN told ON told.line = line.id
                    """
                )
            ),
        )

    @api.model
    def _get_gathered_query(self):
        """``open``: lines of which the same was said together, as their oldest one.

        Levels come by age, so the oldest line of these reaches its next level first.
        Credits are set off line by line: with them each line stays by itself.
        """
        return SQL(
            """
            gathered AS MATERIALIZED (
                SELECT partner, currency, COALESCE(told.taken, -1) AS taken, told.last,
                       MIN(due) AS due, SUM(residual) AS residual,
                       SUM(residual_company) AS residual_company,
                       MIN(residual) < 0 AS has_credit
                  FROM line
             LEFT JOIN told ON told.line = line.id
                 GROUP BY 1, 2, 3, 4),
            apart AS (SELECT partner, currency FROM gathered WHERE has_credit),
            open AS MATERIALIZED (
                SELECT partner, taken, last, due, residual, residual_company,
                       0 AS credited
                  FROM gathered
                 WHERE (partner, currency) NOT IN (SELECT * FROM apart)
             UNION ALL
                SELECT partner, taken, last, due, residual, residual_company, credited
                  FROM (%s) netted)
            """,
            self._get_netted_query(
                SQL(
                    """
                    SELECT line.*, COALESCE(told.taken, -1) AS taken, told.last
                      FROM line
                 LEFT JOIN told ON told.line = line.id
                     WHERE (partner, currency) IN (SELECT * FROM apart)
                    """
                )
            ),
        )

    @api.model
    def _get_netted_query(self, lines):
        """Lines with the open credits taken off the oldest ones of their currency.

        Of a currency in which the customer owes nothing, nothing is told.
        """
        return SQL(
            """
            SELECT *, CASE WHEN residual > 0
                           THEN LEAST(residual, GREATEST(credit - before, 0))
                           ELSE 0 END AS credited
              FROM (SELECT *,
                           SUM(GREATEST(residual, 0)) OVER mine AS owed,
                           -SUM(LEAST(residual, 0)) OVER mine AS credit,
                           SUM(GREATEST(residual, 0)) OVER
                               (PARTITION BY partner, currency ORDER BY due, id)
                           - residual AS before
                      FROM (%s) line
                    WINDOW mine AS (PARTITION BY partner, currency)) counted
             WHERE owed > credit
            """,
            lines,
        )

    @api.model
    def _get_timely_query(self, today):
        """Lines with the next level of each whose time has come."""
        return SQL(
            """
            SELECT late.*, next.step AS next
              FROM (SELECT open.*, customer.plan, customer.minimum,
                           CASE WHEN residual > 0 THEN %(today)s::date - due
                                ELSE 0 END AS days_late,
                           SUM(residual_company) OVER (PARTITION BY partner)
                           AS letter_amount
                      FROM open
                      JOIN customer ON customer.id = open.partner) late
         LEFT JOIN step next
                ON next.plan = late.plan
               AND next.step = late.taken + 1
               AND late.residual > late.credited
               AND late.days_late >= next.days
               AND (late.last IS NULL OR %(today)s::date - late.last >= next.interval)
               AND late.letter_amount >= next.minimum
             WHERE late.letter_amount > 0
               AND late.letter_amount >= late.minimum
            """,
            today=today,
        )

    @api.model
    def _get_stepped_query(self, forced):
        """Lines with the level that they take: their next one, or the chosen one.

        To a level that was chosen go the lines that the letter is about, where they
        have not been there yet: those whose time has come, else all.
        """
        taken = SQL("SELECT timely.*, timely.next AS step FROM timely")
        if forced:
            taken = SQL(
                """
                SELECT timely.*,
                       CASE WHEN chosen.step IS NULL THEN timely.next
                            WHEN timely.residual > timely.credited
                                 AND timely.taken < chosen.step
                                 AND (timely.next IS NOT NULL
                                      OR COUNT(timely.next) OVER
                                         (PARTITION BY timely.partner) = 0)
                            THEN chosen.step END AS step
                  FROM timely
             LEFT JOIN (SELECT forced.partner, step.plan, step.step
                          FROM forced
                          JOIN step ON step.id = forced.level) chosen
                    ON chosen.partner = timely.partner AND chosen.plan = timely.plan
                """
            )
        return SQL(
            """
            SELECT judged.*, step.id AS level
              FROM (%s) judged
         LEFT JOIN step ON step.plan = judged.plan AND step.step = judged.step
            """,
            taken,
        )

    @api.model
    def _get_reminded_query(self, standard):
        """One row a customer; its level is the highest of its lines."""
        return SQL(
            """
            SELECT customer.id AS partner, customer.name, customer.contact,
                   customer.lang, customer.has_mail, customer.channel,
                   told.letter_amount, told.letter_oldest,
                   COALESCE(told.step, -1) AS letter_step, step.id AS letter_level
              FROM (SELECT partner, MAX(letter_amount) AS letter_amount,
                           MAX(step) AS step,
                           MIN(due) FILTER (WHERE residual > 0) AS letter_oldest
                      FROM stepped
                     GROUP BY partner) told
              JOIN customer ON customer.id = told.partner
         LEFT JOIN step ON step.plan = customer.plan AND step.step = told.step
             WHERE %s OR told.step IS NOT NULL
            """,
            standard,
        )

    @api.model
    def _get_charged_query(self, company, today, own):
        """Lines with interest and indemnity, and the fee on the first of a letter.

        Interest: overdue amount × rate × days / 365, for the days that were not booked
        before, each day at the rate that was in force. An indemnity is once an invoice,
        a fee once a letter. Charges bear none themselves; private customers pay no
        interest and no indemnity.
        """
        return SQL(
            """
            SELECT told.partner, told.id, told.move, told.currency, told.due,
                   told.total, told.residual, told.credited, told.days_late,
                   COALESCE(told.step, -1) AS step, told.level,
                   told.letter_step, told.letter_level, told.letter_amount,
                   told.letter_oldest,
                   CASE WHEN told.step = told.letter_step AND NOT told.is_charge
                             AND told.turn = 1
                        THEN ROUND(step.fee / own.rounding) * own.rounding
                        ELSE 0 END AS fee,
                   CASE WHEN step.business AND NOT told.is_charge AND told.part = 1
                             AND booked.move_id IS NULL
                        THEN ROUND(step.indemnity / own.rounding) * own.rounding
                        ELSE 0 END AS indemnity,
                   CASE WHEN interest.sum IS NULL THEN 0 ELSE told.days END
                   AS interest_days,
                   COALESCE(interest.sum / NULLIF(told.days, 0), interest.rate, 0)
                   AS interest_rate,
                   COALESCE(ROUND((told.residual - told.credited) * interest.sum / 100
                                  / %(year)s / currency.rounding) * currency.rounding,
                            0) AS interest
              FROM (SELECT stepped.*, letter.letter_step, letter.letter_level,
                           letter.letter_oldest,
                           GREATEST(stepped.due, stepped.interest_until) AS since,
                           GREATEST(%(today)s::date - GREATEST(stepped.due,
                                    stepped.interest_until), 0) AS days,
                           ROW_NUMBER() OVER (
                               PARTITION BY stepped.partner, stepped.step,
                                            stepped.is_charge
                               ORDER BY stepped.currency, stepped.due, stepped.id)
                           AS turn,
                           ROW_NUMBER() OVER (
                               PARTITION BY stepped.move, asks.indemnity > 0
                               ORDER BY stepped.due, stepped.id) AS part
                      FROM stepped
                      JOIN letter ON letter.partner = stepped.partner
                 LEFT JOIN step asks ON asks.id = stepped.level) told
              JOIN res_currency currency ON currency.id = told.currency
              JOIN res_currency own ON own.id = %(own_currency)s
         LEFT JOIN step ON step.id = told.level
         LEFT JOIN (SELECT DISTINCT move_id FROM account_reminder_letter_line
                     WHERE company_id = %(company)s AND charged AND indemnity > 0
                       AND NOT letter_id = ANY(%(own)s)) booked
                ON booked.move_id = told.move
         LEFT JOIN LATERAL (
                    SELECT SUM(rate.rate * GREATEST(
                               LEAST(rate.until, %(today)s::date)
                               - GREATEST(rate.since, told.since), 0)) AS sum,
                           MAX(rate.rate) AS rate
                      FROM rate
                     WHERE rate.step = told.level AND step.business
                       AND NOT told.is_charge) interest ON TRUE
            """,
            year=DAYS_OF_THE_YEAR,
            today=today,
            own_currency=company.currency_id.id,
            company=company.id,
            own=own.ids if own else [],
        )
