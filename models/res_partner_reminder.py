from odoo import fields, models

READERS = "account.group_account_invoice,account.group_account_readonly"


class ResPartner(models.Model):
    _inherit = "res.partner"

    reminder_plan_id = fields.Many2one(
        "account.reminder.plan",
        company_dependent=True,
        groups=READERS,
        domain="[('company_id', '=', current_company_id)]",
        help="Left empty: the company's plan for private customers or businesses.",
    )
    reminder_channel = fields.Selection(
        [
            ("mail", "E-mail"),
            ("paper", "Paper"),
            ("both", "E-mail and paper"),
        ],
        string="Reminders By",
        company_dependent=True,
        groups=READERS,
        help="Left empty: as invoices are sent.",
    )
    reminder_excluded = fields.Boolean(
        "No Reminders",
        company_dependent=True,
        groups=READERS,
        help="This customer is left out of the runs.",
    )
    reminder_collection = fields.Boolean(
        "Handed Over to Collection",
        company_dependent=True,
        groups=READERS,
        help="Somebody else collects: no more reminders.",
    )
    reminder_block = fields.Boolean(
        "Orders Blocked by Reminders",
        company_dependent=True,
        groups=READERS,
        readonly=True,
    )
    reminder_letter_ids = fields.One2many(
        "account.reminder.letter", "partner_id", string="Reminders", groups=READERS
    )
    reminder_letter_count = fields.Integer(
        compute="_compute_reminder_letter_count", groups=READERS
    )

    def _compute_reminder_letter_count(self):
        counts = dict(
            self.env["account.reminder.letter"]._read_group(
                [
                    ("partner_id", "in", self.commercial_partner_id.ids),
                    ("state", "!=", "cancelled"),
                ],
                ["partner_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.reminder_letter_count = counts.get(
                partner.commercial_partner_id._origin, 0
            )

    def _get_reminder_plan(self, company):
        """Return the plan by which a customer is reminded in a company."""
        self.ensure_one()
        # sudo: readers of a letter need not be readers of all of a customer
        partner = self.sudo().with_company(company)
        return (
            partner.reminder_plan_id
            or company[
                "reminder_plan_business_id"
                if partner.is_company
                else "reminder_plan_private_id"
            ]
        )

    def action_open_reminder_letters(self):
        """Open the reminders that the customer got."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "avoir.account_reminder_letter_action"
            ),
            "domain": [("partner_id", "=", self.commercial_partner_id.id)],
            "context": {},
        }

    def action_standard_reminder(self):
        """Prepare letters without a level for these customers.

        :return: the action of the run
        """
        run = self.env["account.reminder.run"].create(
            {
                "kind": "standard",
                "partner_ids": self.commercial_partner_id.ids,
            }
        )
        run._prepare()
        return run._get_action()
