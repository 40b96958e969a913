from odoo import api, fields, models


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
    interest_rate = fields.Float(
        "Interest Rate (% a year)",
        digits=(6, 3),
        help="The statutory rate of the present half-year.",
    )
    rate_date = fields.Date(
        "Rate in Force Since",
        help="Statutory rates change on 1 January and 1 July: check them then.",
    )
    indemnity = fields.Float(
        "Fixed Indemnity (EUR)", help="For the costs of collection, for each invoice."
    )
    interest_basis = fields.Char(
        "Legal Basis of the Interest", required=True, translate=True
    )
    indemnity_basis = fields.Char("Legal Basis of the Indemnity", translate=True)

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
