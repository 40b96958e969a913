from collections import defaultdict

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_round

from ..tools.reminder import OpenLine, Step, remind


class AccountReminderDue(models.AbstractModel):
    """Finds what customers are late with, for all of them in two statements."""

    _name = "account.reminder.due"
    _description = "What Is Due"

    @api.model
    def _get_reminders(
        self, company, today, partners=None, own=None, standard=False, forced=None
    ):
        """Return the letters that are due in a company.

        :param partners: only these customers (commercial partners)
        :param own: letters that are looked at again: what they took themselves does
            not count as taken
        :param standard: letters without a level, for all that is overdue
        :param forced: level by customer's id, chosen by the accountant
        :return: a list of ``(customer, reminder)``: a dictionary of the customer's
            id, lang, contact and channel, and its ``Reminder``
        """
        lines = self._get_open_lines(company, today, partners, own)
        plans = self._get_plans(company)
        # As currency.round does, without reading the currency each time.
        decimals = {
            currency.id: currency.rounding
            for currency in self.env["res.currency"]
            .with_context(active_test=False)
            .search([])
        }
        decimals[0] = company.currency_id.rounding

        def round_amount(currency_id, amount):
            return float_round(amount, precision_rounding=decimals[currency_id])

        reminders = []
        for customer in self._get_customers(company, list(lines), own):
            plan = plans.get(customer["plan"])
            if not plan and not standard:
                continue
            if self._is_left_out(customer, plan, today, standard):
                continue
            level = (forced or {}).get(customer["id"])
            reminder = remind(
                lines[customer["id"]],
                [] if standard else plan["steps"],
                today,
                round_amount,
                minimum=0.0 if standard else plan["minimum"],
                business=bool(plan and plan["business"]),
                forced=self._get_forced_position(plan, level),
            )
            if reminder:
                reminders.append((customer, reminder))
        return reminders

    @api.model
    def _get_forced_position(self, plan, level_id):
        """Return where a level that was chosen by hand stands in its plan."""
        if not level_id:
            return None
        if level_id not in plan["by_id"]:
            level = self.env["account.reminder.level"].browse(level_id)
            raise UserError(
                self.env._(
                    "%(level)s of %(plan)s: choose a level of the customer's plan.",
                    level=level.name,
                    plan=level.plan_id.name,
                )
            )
        return plan["steps"].index(plan["by_id"][level_id])

    @api.model
    def _is_left_out(self, customer, plan, today, standard):
        if standard:
            return False
        if customer["excluded"]:
            return True
        last = customer["last"]
        return bool(last and (today - last).days < plan["gap"])

    # -- customers and plans -----------------------------------------------------

    @api.model
    def _get_plans(self, company):
        """Return the plans of a company as plain values, by id."""
        plans = self.env["account.reminder.plan"].search(
            [("company_id", "=", company.id)]
        )
        found = {}
        for plan in plans:
            steps = [
                Step(
                    id=level.id,
                    days=level.days,
                    interval=level.interval,
                    minimum=level.minimum_amount,
                    fee=level.fee,
                    rate=level._get_rate(),
                    indemnity=level._get_indemnity(),
                )
                for level in plan.level_ids
            ]
            if steps:
                found[plan.id] = {
                    "steps": steps,
                    "by_id": {step.id: step for step in steps},
                    "minimum": plan.minimum_amount,
                    "gap": plan.gap,
                    "business": plan.customer_type == "business",
                }
        for kind in ("private", "business"):
            plan = company[f"reminder_plan_{kind}_id"]
            found[kind] = found.get(plan.id)
        return found

    @api.model
    def _get_customers(self, company, partner_ids, own):
        """Return what is needed of customers, by name, as dictionaries.

        The contact is the one for invoices; the channel that of the customer, else
        the way in which invoices are sent; what has no address for it goes on paper.
        """
        if not partner_ids:
            return []
        key = str(company.id)
        self.env["res.partner"].flush_model()
        self.env["account.reminder.letter"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
            SELECT partner.id, partner.is_company,
                   COALESCE(contact.id, partner.id) AS contact,
                   COALESCE(contact.lang, partner.lang) AS lang,
                   COALESCE(NULLIF(contact.email, ''), partner.email) AS email,
                   (partner.reminder_plan_id->>%(key)s)::int AS own_plan,
                   partner.reminder_channel->>%(key)s AS own_channel,
                   partner.invoice_sending_method->>%(key)s AS sending_method,
                   COALESCE((partner.reminder_excluded->>%(key)s)::bool, FALSE)
                   OR COALESCE((partner.reminder_collection->>%(key)s)::bool, FALSE)
                   AS excluded,
                   letter.last
              FROM res_partner partner
         LEFT JOIN (SELECT DISTINCT ON (parent_id) id, parent_id, lang, email
                      FROM res_partner
                     WHERE type = 'invoice' AND active AND parent_id = ANY(%(ids)s)
                     ORDER BY parent_id, id) contact ON contact.parent_id = partner.id
         LEFT JOIN (SELECT partner_id, MAX(date) AS last
                      FROM account_reminder_letter
                     WHERE company_id = %(company)s AND level_id IS NOT NULL
                       AND state IN ('queued', 'sent', 'failed')
                       AND NOT id = ANY(%(own)s)
                     GROUP BY partner_id) letter ON letter.partner_id = partner.id
             WHERE partner.id = ANY(%(ids)s)
             ORDER BY partner.complete_name, partner.id
                """,
                key=key,
                ids=partner_ids,
                company=company.id,
                own=own.ids if own else [],
            )
        )
        for row in rows:
            row["plan"] = row["own_plan"] or (
                "business" if row["is_company"] else "private"
            )
            row["channel"] = row["own_channel"] or (
                "paper" if row["sending_method"] in ("manual", "snailmail") else "mail"
            )
        return rows

    # -- lines -------------------------------------------------------------------

    @api.model
    def _get_open_lines(self, company, today, partners=None, own=None):
        """Return ``OpenLine`` of overdue lines and open credits by customer's id.

        Left out is what is disputed, promised, blocked, being paid or under a credit
        note that is still a draft; a customer who has only credits is not there.
        """
        self.env["res.partner"].flush_model()
        self.env["account.move"].flush_model()
        self.env["account.move.line"].flush_model()
        self.env["account.reminder.letter.line"].flush_model()
        lines = defaultdict(list)
        late = set()
        for partner_id, *row in self.env.execute_query(
            self._get_open_lines_query(company, today, partners, own)
        ):
            line = OpenLine(*row)
            lines[partner_id].append(line)
            if line.residual > 0:
                late.add(partner_id)
        return {
            partner_id: found
            for partner_id, found in lines.items()
            if partner_id in late
        }

    @api.model
    def _get_open_lines_query(self, company, today, partners, own):
        domain = [
            ("company_id", "=", company.id),
            ("parent_state", "=", "posted"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("account_id.non_trade", "=", False),
            ("reconciled", "=", False),
            ("amount_residual_currency", "!=", 0),
            ("partner_id", "!=", False),
        ]
        if partners is not None:
            domain.append(("partner_id.commercial_partner_id", "in", partners.ids))
        query = self.env["account.move.line"]._search(domain, order="id")
        line = SQL.identifier(query.table)
        query.add_join("JOIN", "m", "account_move", SQL("m.id = %s.move_id", line))
        query.add_join("JOIN", "p", "res_partner", SQL("p.id = %s.partner_id", line))
        query.add_join(
            "LEFT JOIN",
            "told",
            self._get_told_query(company, own),
            SQL("told.move_line_id = %s.id", line),
        )
        query.add_join(
            "LEFT JOIN",
            "booked",
            self._get_indemnity_query(company, own),
            SQL("booked.move_id = %s.move_id", line),
        )
        query.add_where(self._get_askable(line, today))
        return query.select(
            SQL("p.commercial_partner_id"),
            SQL("%s.id", line),
            SQL("%s.move_id", line),
            SQL("%s.currency_id", line),
            SQL("COALESCE(%(line)s.date_maturity, %(line)s.date)", line=line),
            SQL("%s.amount_currency::float", line),
            SQL("%s.amount_residual_currency::float", line),
            SQL("%s.amount_residual::float", line),
            SQL("COALESCE(told.step, -1)"),
            SQL("told.last"),
            SQL("booked.move_id IS NOT NULL"),
            SQL("told.interest_until"),
            SQL("COALESCE(m.is_reminder_charge, FALSE)"),
        )

    @api.model
    def _get_told_query(self, company, own):
        """How far each line was reminded, and up to when interest was booked.

        A cancelled letter was no reminder, but what it booked stays booked.
        """
        return SQL(
            """(
            SELECT move_line_id,
                   MAX(step) FILTER (WHERE state <> 'cancelled') AS step,
                   MAX(date) FILTER (WHERE state <> 'cancelled') AS last,
                   MAX(date) FILTER (WHERE charged AND interest > 0) AS interest_until
              FROM account_reminder_letter_line
             WHERE company_id = %s AND level_id IS NOT NULL
               AND (state IN ('queued', 'sent', 'failed') OR charged)
               AND NOT letter_id = ANY(%s)
             GROUP BY move_line_id)""",
            company.id,
            own.ids if own else [],
        )

    @api.model
    def _get_indemnity_query(self, company, own):
        return SQL(
            """(
            SELECT DISTINCT move_id FROM account_reminder_letter_line
             WHERE company_id = %s AND charged AND indemnity > 0
               AND NOT letter_id = ANY(%s))""",
            company.id,
            own.ids if own else [],
        )

    @api.model
    def _get_askable(self, line, today):
        """Say which lines count: all open credits, and what may be asked for."""
        return SQL(
            """(
            %(line)s.amount_residual_currency < 0
            AND m.payment_state IS DISTINCT FROM 'in_payment'
         OR %(line)s.amount_residual_currency > 0
            AND COALESCE(%(line)s.date_maturity, %(line)s.date) < %(today)s
            AND NOT COALESCE(%(line)s.no_followup, FALSE)
            AND m.payment_state NOT IN ('in_payment', 'blocked')
            AND NOT COALESCE(m.reminder_disputed, FALSE)
            AND (m.reminder_promise_date IS NULL
                 OR m.reminder_promise_date < %(today)s)
            AND NOT EXISTS (SELECT FROM account_move credit
                             WHERE credit.reversed_entry_id = m.id
                               AND credit.state = 'draft')
            AND NOT EXISTS (SELECT FROM account_invoice_transaction_rel paying
                              JOIN payment_transaction transaction
                                ON transaction.id = paying.transaction_id
                             WHERE paying.invoice_id = m.id
                               AND transaction.state IN ('pending', 'authorized')))
            """,
            line=line,
            today=today,
        )
