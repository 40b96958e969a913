from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    return_credit_policy = fields.Selection(
        [
            ("none", "None: made from the order or the return"),
            ("draft", "A draft"),
            ("approve", "A draft that a manager approves"),
            ("post", "Posted at once"),
        ],
        string="Credit Note of a Received Return",
        default="none",
        required=True,
        help="What is made when the warehouse has received goods that a customer sends"
        " back. Returns of marketplaces follow the policy of their account.",
    )
    return_credit_refused = fields.Boolean(
        "Credit Refused Goods",
        help="Goods that are not taken back, and go to the customer again, are credited"
        " all the same.",
    )
    return_credit_user_id = fields.Many2one(
        "res.users",
        "Accountant for Returns",
        domain="[('share', '=', False), ('company_ids', 'in', id)]",
        help="Is told when a credit note could not be made. Left empty, a manager of"
        " returns and refunds is.",
    )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    return_credit_policy = fields.Selection(
        related="company_id.return_credit_policy", readonly=False, required=True
    )
    return_credit_refused = fields.Boolean(
        related="company_id.return_credit_refused", readonly=False
    )
    return_credit_user_id = fields.Many2one(
        related="company_id.return_credit_user_id", readonly=False
    )
