from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountRefundRefusal(models.TransientModel):
    """Why credit notes that wait for approval are refused."""

    _name = "account.refund.refusal"
    _description = "Refusal of Credit Notes"

    move_ids = fields.Many2many("account.move", string="Credit Notes", required=True)
    asked_by = fields.Many2many(
        "res.users", string="Asked For By", compute="_compute_asked_by"
    )
    reason = fields.Text("Why", required=True)

    @api.depends("move_ids")
    def _compute_asked_by(self):
        for wizard in self:
            wizard.asked_by = wizard.move_ids.create_uid

    def action_refuse(self):
        """Cancel the credit notes and tell who asked for them.

        :raise UserError: without a reason, or when somebody has decided meanwhile
        """
        self.ensure_one()
        reason = self.reason.strip()
        if not reason:
            raise UserError(self.env._("Say why: who asked for it is told."))
        self.move_ids._refuse_refund(reason)
        return {"type": "ir.actions.act_window_close"}
