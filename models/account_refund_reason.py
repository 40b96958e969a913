from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountRefundReason(models.Model):
    """Why money is given back: asked in the refund wizard and on returns."""

    _name = "account.refund.reason"
    _description = "Credit Note Reason"
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, index=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", help="Leave empty to share the reason among companies."
    )
    refund_method = fields.Selection(
        [
            ("partial", "Partial credit"),
            ("cancel", "Full cancel"),
            ("redraft", "Cancel and redraft"),
        ],
        string="Default Method",
        default="partial",
        required=True,
    )
    invoice_again = fields.Boolean(
        help="Proposes to put what is credited back to what is to invoice on the "
        "sales order."
    )
    return_goods = fields.Boolean(help="Proposes to have the goods returned.")
    note_required = fields.Boolean(help="The wizard then asks for a note.")
    approval_amount = fields.Monetary(
        help="A credit note whose total, in the company's currency, is above this "
        "waits as a draft for a manager. Zero: no approval is needed."
    )
    approver_id = fields.Many2one(
        "res.users",
        domain="[('share', '=', False)]",
        help="Asked to approve; left empty, a manager of the company is.",
    )
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", string="Company Currency"
    )

    _code_company_unique = models.UniqueIndex(
        "(code, COALESCE(company_id, 0))", "A reason's code is unique per company."
    )

    def _compute_currency_id(self):
        for reason in self:
            company = reason.company_id or self.env.company
            reason.currency_id = company.currency_id

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        """A posted credit note keeps its reason."""
        # sudo: whoever deletes it, and whichever companies' documents they see
        used = self.env["account.move"].sudo()
        used = used.search(
            [("refund_reason_id", "in", self.ids), ("posted_before", "=", True)]
        )
        if used:
            raise UserError(
                self.env._(
                    "%(reasons)s is the reason of posted credit notes: archive it.",
                    reasons=", ".join(used.refund_reason_id.mapped("name")),
                )
            )
