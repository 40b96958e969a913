from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    reminder_automation = fields.Selection(
        related="company_id.reminder_automation", readonly=False, required=True
    )
    reminder_plan_private_id = fields.Many2one(
        related="company_id.reminder_plan_private_id", readonly=False
    )
    reminder_plan_business_id = fields.Many2one(
        related="company_id.reminder_plan_business_id", readonly=False
    )
    reminder_user_id = fields.Many2one(
        related="company_id.reminder_user_id", readonly=False
    )
    reminder_window = fields.Selection(
        related="company_id.reminder_window", readonly=False
    )
    reminder_address_left = fields.Float(
        related="company_id.reminder_address_left", readonly=False
    )
    reminder_address_top = fields.Float(
        related="company_id.reminder_address_top", readonly=False
    )
