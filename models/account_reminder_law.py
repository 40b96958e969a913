from datetime import date

from odoo import api, fields, models


def get_half_year(day):
    """Return the first day of the half-year in which statutory rates hold."""
    return day.replace(month=1 if day.month < 7 else 7, day=1)


class AccountReminderLaw(models.Model):
    """What the law of a country lets a business ask of a business that pays late.

    Directive 2011/7/EU gives all of the Union interest of at least eight points above
    the rate of the central bank and an indemnity of at least EUR 40; the countries
    differ in the points, and their rates change with each half-year.
    """

    _name = "account.reminder.law"
    _description = "Law on Late Payment"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    country_ids = fields.Many2many(
        "res.country", help="Of the company. No country: wherever no other law fits."
    )
    rate_ids = fields.One2many("account.reminder.rate", "law_id", string="Rates")
    interest_rate = fields.Float(
        "Interest Rate (% a year)",
        digits=(6, 3),
        compute="_compute_rate",
        help="The statutory rate of today.",
    )
    rate_date = fields.Date("Rate in Force Since", compute="_compute_rate")
    rate_outdated = fields.Boolean(
        compute="_compute_rate",
        help="Statutory rates change on 1 January and 1 July; that of the present "
        "half-year is missing.",
    )
    indemnity = fields.Float(
        "Fixed Indemnity (EUR)", help="For the costs of collection, for each invoice."
    )
    interest_basis = fields.Char(
        "Legal Basis of the Interest", required=True, translate=True
    )
    indemnity_basis = fields.Char("Legal Basis of the Indemnity", translate=True)

    @api.depends("rate_ids.date", "rate_ids.rate")
    @api.depends_context("tz")
    def _compute_rate(self):
        today = fields.Date.context_today(self)
        for law in self:
            rates = law.rate_ids.filtered(lambda rate: rate.date and rate.date <= today)
            last = rates.sorted("date")[-1:]
            law.interest_rate = last.rate
            law.rate_date = last.date
            law.rate_outdated = not last or last.date < get_half_year(today)

    @api.model
    def _get_for(self, company):
        """Return the law of the company's country, else the one of no country."""
        country = company.account_fiscal_country_id or company.country_id
        laws = self.search(
            [
                "|",
                ("country_ids", "in", country.ids),
                ("country_ids", "=", False),
            ]
        )
        return (laws.filtered("country_ids") or laws)[:1]

    def _get_periods(self):
        """Return the rates with the days on which each of them was in force.

        Before the first rate that is known, that one counts; half-years in which the
        rate stayed the same are one period.

        :return: a list of ``(since, until, rate)``; ``until`` is not of the period
        """
        periods = []
        for rate in self.rate_ids.sorted("date"):
            if not periods:
                periods.append((date.min, date.max, rate.rate))
            elif periods[-1][2] != rate.rate:
                since, _until, before = periods[-1]
                periods[-1] = (since, rate.date, before)
                periods.append((rate.date, date.max, rate.rate))
        return periods


class AccountReminderRate(models.Model):
    """A statutory rate of late-payment interest, from a day on."""

    _name = "account.reminder.rate"
    _description = "Rate of Late-Payment Interest"
    _order = "law_id, date desc"
    _rec_name = "date"

    law_id = fields.Many2one(
        "account.reminder.law", required=True, index=True, ondelete="cascade"
    )
    date = fields.Date("In Force Since", required=True)
    rate = fields.Float("Interest Rate (% a year)", digits=(6, 3), required=True)
    source = fields.Char(help="Where the rate was published.")

    _date_unique = models.Constraint(
        "UNIQUE(law_id, date)", "A law has one rate from a day on."
    )
    _rate_not_negative = models.Constraint(
        "CHECK(rate >= 0 AND rate < 1000)", "A rate of interest is not negative."
    )
