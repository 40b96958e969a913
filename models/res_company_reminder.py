from odoo import api, fields, models

# Where the address stands, from the left and the top edge of the paper, in mm. It is
# seen in the window wherever the folded sheet slides: DIN 5008 form B (window of
# 45 × 90 mm, 20 mm from the left), France (45 × 100 mm, 20 mm from the right and the
# bottom of a DL envelope), the Netherlands and Belgium with the window left or right.
WINDOWS = {
    "din": (25.0, 63.0),
    "fr": (112.0, 48.0),
    "left": (22.0, 50.0),
    "right": (115.0, 50.0),
}
WINDOW_OF_COUNTRY = {"FR": "fr", "BE": "right", "NL": "left", "LU": "fr"}


class ResCompany(models.Model):
    _inherit = "res.company"

    reminder_plan_private_id = fields.Many2one(
        "account.reminder.plan",
        string="Plan for Private Customers",
        check_company=True,
    )
    reminder_plan_business_id = fields.Many2one(
        "account.reminder.plan", string="Plan for Businesses", check_company=True
    )
    reminder_automation = fields.Selection(
        [
            ("manual", "Runs are started by hand"),
            ("prepare", "Prepared every day, sent by the accountant"),
            ("send", "Prepared and sent every day"),
        ],
        string="Reminder Runs",
        required=True,
        default="manual",
    )
    reminder_user_id = fields.Many2one(
        "res.users",
        string="Asked About Reminders",
        domain="[('share', '=', False)]",
        help="Gets the activities of disputes, promises, calls and collection; left "
        "empty, the salesperson of the invoice does.",
    )
    reminder_window = fields.Selection(
        [
            ("din", "DIN 5008, window left (Germany, Austria)"),
            ("fr", "France, window right"),
            ("left", "Netherlands and Belgium, window left"),
            ("right", "Netherlands and Belgium, window right"),
        ],
        string="Envelopes",
        compute="_compute_reminder_window",
        store=True,
        readonly=False,
        precompute=True,
    )
    reminder_address_left = fields.Float(
        "Address from the Left Edge (mm)",
        compute="_compute_reminder_address",
        store=True,
        readonly=False,
        precompute=True,
    )
    reminder_address_top = fields.Float(
        "Address from the Top Edge (mm)",
        compute="_compute_reminder_address",
        store=True,
        readonly=False,
        precompute=True,
    )

    @api.depends("country_id")
    def _compute_reminder_window(self):
        for company in self:
            company.reminder_window = WINDOW_OF_COUNTRY.get(
                company.country_id.code, "din"
            )

    @api.depends("reminder_window")
    def _compute_reminder_address(self):
        for company in self:
            left, top = WINDOWS[company.reminder_window or "din"]
            company.reminder_address_left = left
            company.reminder_address_top = top

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        self.env["account.reminder.plan"].sudo()._install(companies)
        return companies
