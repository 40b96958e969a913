from odoo import api, fields, models

from .account_reminder_law import get_half_year


class AccountReminderLetter(models.Model):
    """With which statutory rate a letter reckoned, kept when it was sent."""

    _inherit = "account.reminder.letter"

    rate_date = fields.Date(
        "Rate in Force Since",
        readonly=True,
        copy=False,
        help="The last statutory rate that the interest was reckoned with.",
    )
    rate_outdated = fields.Boolean(compute="_compute_rate_outdated")

    @api.depends("rate_date", "date")
    def _compute_rate_outdated(self):
        """Say whether the rate of the letter's half-year was missing."""
        for letter in self:
            letter.rate_outdated = bool(
                letter.rate_date and letter.rate_date < get_half_year(letter.date)
            )

    def _note_rate(self):
        """Keep since when the rate was in force that these letters reckon with."""
        for date, letters in self.grouped(
            lambda letter: letter._get_rate_date()
        ).items():
            letters._write_own({"rate_date": date})

    def _get_rate_date(self):
        levels = self.line_ids.filtered("interest").level_id.filtered(
            lambda level: level.interest_mode == "law"
        )
        dates = filter(None, levels.plan_id.law_id.mapped("rate_date"))
        return max(dates, default=False)


class AccountReminderRun(models.Model):
    _inherit = "account.reminder.run"

    rate_outdated = fields.Boolean(compute="_compute_rate_outdated")

    @api.depends("state", "kind")
    def _compute_rate_outdated(self):
        """Say whether a law lacks the rate of the half-year and is reckoned with.

        Of a run that was sent: whether it was lacking then.
        """
        sent = self.letter_ids.search(
            [("run_id", "in", self.ids), ("rate_date", "!=", False)]
        ).filtered("rate_outdated")
        for run in self:
            run.rate_outdated = (
                run._is_rate_missing()
                if run.state == "draft"
                else run._origin in sent.run_id
            )

    def _is_rate_missing(self):
        self.ensure_one()
        if self.kind == "standard":
            return False
        levels = self.env["account.reminder.level"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("interest_mode", "=", "law"),
                ("plan_id.customer_type", "=", "business"),
            ]
        )
        return any(levels.plan_id.law_id.mapped("rate_outdated"))
