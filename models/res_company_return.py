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

    def _get_refund_manager(self):
        """Return who decides on credit notes of this company, where nobody was chosen.

        First those whose company it is, then those who work in it as well; who
        administers the system only where there is nobody else.

        :return: one ``res.users`` who can see the company, or none
        """
        self.ensure_one()
        # sudo: who asks need not be able to read the users
        managers = self.env.ref("avoir.group_refund_manager").sudo().all_user_ids
        return managers.filtered(
            lambda user: (
                user.active and not user._is_superuser() and self in user.company_ids
            )
        ).sorted(
            lambda user: (
                user.company_id != self,
                user.has_group("base.group_system"),
                user.id,
            )
        )[:1]

    def _get_return_accountant(self):
        """Return who is told of what could not be credited, or nobody."""
        chosen = self.return_credit_user_id
        if chosen.active and self in chosen.company_ids:
            return chosen
        return self._get_refund_manager()


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
