from odoo import api, models
from odoo.exceptions import UserError

from .account_move_post import REFUND_TYPES


class AccountMove(models.Model):
    """Credit notes above the amount of their reason wait for a manager."""

    _inherit = "account.move"

    @api.depends("refund_approval")
    def _compute_hide_post_button(self):
        result = super()._compute_hide_post_button()
        # Approving posts it: one button, for those who may.
        self.filtered(
            lambda move: move.refund_approval == "to_approve"
        ).hide_post_button = True
        return result

    def action_post(self):
        """Ask for approval, in place of posting, where a credit note needs it.

        Those made or changed by hand are found out here. Code that posts gets a
        ``UserError`` of ``_post``: it must not take them for posted.
        """
        asked = self._refunds_to_ask_for()
        asked._request_approval()
        waiting = asked.filtered(lambda move: move.refund_approval == "to_approve")
        result = super(AccountMove, self - waiting).action_post()
        return result or waiting._tell_waiting_for_approval()

    def _check_refund_approval(self):
        self._refunds_to_ask_for()._request_approval()
        return super()._check_refund_approval()

    def _refunds_to_ask_for(self):
        """Return the drafts for which no approval was asked since they were drafts."""
        return self.filtered(
            lambda move: (
                move.move_type in REFUND_TYPES
                and move.state == "draft"
                and move.refund_approval != "to_approve"
            )
        )

    def _tell_waiting_for_approval(self):
        if not self:
            return False
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "%(credit_notes)s: a manager has been asked to approve.",
                    credit_notes=", ".join(self.mapped("display_name")),
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_approve_refund(self):
        """Approve these credit notes and post them.

        :raise UserError: when the user is no manager
        """
        self._check_can_decide_refund()
        return self.action_post()

    def action_refuse_refund(self):
        """Cancel these credit notes; who asked for them is told.

        What they credited can be credited again.

        :raise UserError: when the user is no manager
        """
        self._check_can_decide_refund()
        self.activity_feedback(
            ["mail.mail_activity_data_todo"], feedback=self.env._("Refused")
        )
        for move in self:
            move.message_post(
                body=self.env._("This credit note was refused and is cancelled."),
                partner_ids=move.create_uid.partner_id.ids,
            )
        return self.button_cancel()

    def _check_can_decide_refund(self):
        if not self.env.user.has_group("avoir.group_refund_manager"):
            raise UserError(
                self.env._("Only a manager approves or refuses credit notes.")
            )
        decided = self.filtered(
            lambda move: move.state != "draft" or move.refund_approval != "to_approve"
        )
        if decided:
            raise UserError(
                self.env._(
                    "%(credit_notes)s: no approval is waited for. Reload the page.",
                    credit_notes=", ".join(decided.mapped("display_name")),
                )
            )

    def button_draft(self):
        """Ask again: what was approved or refused may be changed in draft."""
        result = super().button_draft()
        self.filtered(
            lambda move: move.refund_approval in ("approved", "to_approve")
        ).refund_approval = "none"
        return result
