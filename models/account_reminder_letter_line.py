from io import StringIO

from odoo import api, fields, models


class AccountReminderLetterLine(models.Model):
    """One due-dated line of an invoice, or one open credit, in a reminder."""

    _name = "account.reminder.letter.line"
    _description = "Line of a Reminder"
    _order = "letter_id, currency_id, date_maturity, id"

    letter_id = fields.Many2one(
        "account.reminder.letter", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="letter_id.company_id", store=True)
    partner_id = fields.Many2one(related="letter_id.partner_id")
    state = fields.Selection(related="letter_id.state", store=True)
    date = fields.Date(related="letter_id.date", store=True)
    # Lost when the invoice is taken back to draft and its due dates change.
    move_line_id = fields.Many2one("account.move.line", index=True, ondelete="set null")
    move_id = fields.Many2one(
        "account.move", "Document", required=True, index=True, ondelete="cascade"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    date_maturity = fields.Date("Due Date", required=True)
    amount_total = fields.Monetary("Amount")
    amount_paid = fields.Monetary("Paid", compute="_compute_amount_paid")
    amount_residual = fields.Monetary("Open")
    amount_credited = fields.Monetary(
        "Covered by Open Credits", help="The customer's credits, on the oldest first."
    )
    days_late = fields.Integer()
    level_id = fields.Many2one("account.reminder.level", ondelete="restrict")
    step = fields.Integer()
    fee = fields.Monetary(currency_field="company_currency_id")
    interest = fields.Monetary()
    interest_days = fields.Integer()
    interest_rate = fields.Float(digits=(6, 3))
    indemnity = fields.Monetary(currency_field="company_currency_id")
    charged = fields.Boolean(help="Booked on a document of its own.")

    _once_per_level = models.UniqueIndex(
        "(move_line_id, level_id)"
        " WHERE level_id IS NOT NULL AND state IN ('queued', 'sent', 'failed')",
        "An invoice is reminded once at each level.",
    )

    @api.depends("amount_total", "amount_residual")
    def _compute_amount_paid(self):
        for line in self:
            line.amount_paid = line.currency_id.round(
                line.amount_total - line.amount_residual
            )

    def _get_key(self):
        self.ensure_one()
        return self.letter_id.id, self.move_line_id.id, self.level_id.id

    def _get_charges(self):
        """Return what was booked, for the line that takes this one's place."""
        self.ensure_one()
        return {
            "charged": True,
            "fee": self.fee,
            "interest": self.interest,
            "interest_days": self.interest_days,
            "interest_rate": self.interest_rate,
            "indemnity": self.indemnity,
        }

    @api.model
    def _prepare(self, letter, row):
        """Return the values of a line that ``account.reminder.due`` has found."""
        return {
            "letter_id": letter.id,
            "company_id": letter.company_id.id,
            "state": letter.state,
            "date": letter.date,
            "move_line_id": row["id"],
            "move_id": row["move"],
            "currency_id": row["currency"],
            "date_maturity": row["due"],
            "amount_total": row["total"],
            "amount_residual": row["residual"],
            "amount_credited": row["credited"],
            "days_late": row["days_late"],
            "level_id": row["level"],
            "step": row["step"],
            "fee": row["fee"],
            "interest": row["interest"],
            "interest_days": row["interest_days"],
            "interest_rate": row["interest_rate"],
            "indemnity": row["indemnity"],
        }

    @api.model
    def _insert(self, found):
        """Store the lines of letters as rows.

        :param found: lists of rows by letter, as ``_find_lines`` gives them
        """
        rows = [
            self._prepare(letter, row) for letter, rows in found.items() for row in rows
        ]
        if not rows:
            return
        # COPY takes a third of the time that INSERT takes.
        text = "\n".join(
            "\t".join("\\N" if value is None else str(value) for value in row.values())
            for row in rows
        )
        self.env.cr.copy_from(StringIO(text), self._table, columns=tuple(rows[0]))
        self.env.invalidate_all()
