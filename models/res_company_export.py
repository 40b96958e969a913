from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    credit_note_export_format = fields.Selection(
        [("csv", "CSV"), ("xml", "XML")],
        string="Monthly Export of Credit Notes",
        help="On the first of a month the credit notes of the last one are exported "
        "into a file that is attached to the company.",
    )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    credit_note_export_format = fields.Selection(
        related="company_id.credit_note_export_format", readonly=False
    )

    def action_open_credit_note_exports(self):
        """Open the files that were made."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Exports of Credit Notes"),
            "res_model": "ir.attachment",
            "view_mode": "list,form",
            "domain": [
                ("res_model", "=", "res.company"),
                ("res_id", "=", self.env.company.id),
                ("name", "=like", "credit\\_notes\\_%"),
            ],
        }
