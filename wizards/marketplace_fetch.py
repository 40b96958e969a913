from odoo import fields, models


class MarketplaceFetch(models.TransientModel):
    """Asks a shop once more for what happened in a range of time."""

    _name = "marketplace.fetch"
    _description = "Fetch Again from a Marketplace"

    account_id = fields.Many2one(
        "marketplace.account",
        required=True,
        default=lambda self: self.env.context.get("active_id"),
    )
    since = fields.Datetime("From", required=True)
    until = fields.Datetime(required=True, default=fields.Datetime.now)

    def action_fetch(self):
        """Have the cron ask for the range, beside what is new."""
        for wizard in self:
            wizard.account_id._fetch_again(wizard.since, wizard.until)
        return self.account_id.action_fetch_now()
