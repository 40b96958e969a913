from markupsafe import Markup

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import AccessError, UserError

from .account_move_locked import OPEN
from .account_move_post import REFUND_TYPES

APPROVAL_ACTIVITY = "avoir.mail_activity_type_approval"


class AccountMove(models.Model):
    """Credit notes above the amount of their reason wait for a manager."""

    _inherit = "account.move"

    @api.model_create_multi
    def create(self, vals_list):
        if any(vals.get("refund_approval", "none") != "none" for vals in vals_list):
            self._check_approves_by_button()
        return super().create(vals_list)

    def write(self, vals):
        if "refund_approval" in vals:
            self._check_approves_by_button()
        return super().write(vals)

    def _check_approves_by_button(self):
        """Raise an ``AccessError`` for an approval that is written past the buttons."""
        if self.env.context.get("avoir_locked") is not OPEN and not self.env.su:
            raise AccessError(
                self.env._("A credit note is approved by the button, nothing else.")
            )

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

    def _request_approval(self):
        """Mark the credit notes that a manager has to post, and tell one."""
        if self._may_approve_refunds():
            return
        self.filtered(lambda move: move._is_above_approval_amount())._ask_for_approval()

    def _ask_for_approval(self):
        """Have a manager approve these drafts, whatever they amount to."""
        waiting = self.filtered(lambda move: move.state == "draft")
        waiting._open_lock().refund_approval = "to_approve"
        for approver, moves in waiting.grouped(lambda m: m._refund_approver()).items():
            if approver:
                inside = self.with_context(lang=approver.lang).env
                moves.activity_schedule(
                    APPROVAL_ACTIVITY,
                    summary=inside._("Credit note to approve"),
                    user_id=approver.id,
                )

    @api.model
    def _may_approve_refunds(self):
        """Tell whether the user approves by posting: a manager, and a person.

        What a cron makes waits like anyone's, though OdooBot has all roles.
        """
        user = self.env.user
        is_person = user.id != SUPERUSER_ID
        return is_person and user.has_group("avoir.group_refund_manager")

    def _is_above_approval_amount(self):
        reason = self.refund_reason_id
        # sudo: the limits are the manager's, and hold for who cannot read them
        limit = reason.sudo().approval_amount
        if not limit:
            return False
        amount = abs(self.amount_total_signed)
        amount += self.reversed_entry_id._credited_without_approval(reason)
        return self.company_currency_id.compare_amounts(amount, limit) > 0

    def _credited_without_approval(self, reason):
        """Return what was credited of these invoices for a reason, approved by nobody.

        It counts with the next credit note: else any amount could be credited in parts.

        :return: an amount with taxes, in the currency of the company
        """
        # sudo: it counts for who may not read all credit notes
        credit_notes = self.sudo().reversal_move_ids.filtered(
            lambda move: (
                move.state == "posted"
                and move.refund_approval == "none"
                and move.refund_reason_id == reason
            )
        )
        return sum(abs(move.amount_total_signed) for move in credit_notes)

    def _refund_approver(self):
        """Return the user who is asked to approve this credit note."""
        self.ensure_one()
        # sudo: the approver is the manager's choice, and holds for who cannot read it
        chosen = self.refund_reason_id.sudo().approver_id
        if self.company_id in chosen.company_ids:
            return chosen
        return self.company_id._get_refund_manager()

    def _check_refund_approval(self):
        """Approve what waits for it by posting it.

        :raise UserError: when the user is no manager
        """
        self._refunds_to_ask_for()._request_approval()
        waiting = self.filtered(lambda move: move.refund_approval == "to_approve")
        if not waiting:
            return
        if not self._may_approve_refunds():
            raise UserError(
                self.env._(
                    "%(credit_notes)s: a credit note of this amount needs the approval "
                    "of a manager, who has been asked to post it.",
                    credit_notes=", ".join(waiting.mapped("display_name")),
                )
            )
        waiting._open_lock().refund_approval = "approved"
        waiting.activity_feedback([APPROVAL_ACTIVITY])

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
        """Ask why these credit notes are refused.

        :raise UserError: when the user is no manager
        """
        self._check_can_decide_refund()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Refuse"),
            "res_model": "account.refund.refusal",
            "view_mode": "form",
            "target": "new",
            "context": {"default_move_ids": self.ids},
        }

    def _refuse_refund(self, reason):
        """Cancel these credit notes; who asked for them is told why.

        What they credited can be credited again.

        :param reason: in words
        :raise UserError: when the user is no manager
        """
        self._check_can_decide_refund()
        self.activity_feedback([APPROVAL_ACTIVITY], feedback=reason)
        for move in self:
            # In the language of who asked for it, who is told.
            asker = move.create_uid
            move.message_post(
                body=move.with_context(lang=asker.lang).env._(
                    "%(user)s has refused this credit note, it is cancelled: "
                    "%(reason)s",
                    user=self.env.user.name,
                    reason=reason,
                ),
                partner_ids=asker.partner_id.ids,
            )
        return self.button_cancel()

    @api.model
    @api.readonly
    def action_open_to_approve(self):
        """Open what waits for approval, and name the companies that are switched off
        and of which something waits as well: the activity may be of one of those."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "avoir.account_move_action_to_approve"
        )
        others = self.env.user.company_ids - self.env.companies
        waiting = self.with_context(allowed_company_ids=others.ids)._read_group(
            [
                ("refund_approval", "=", "to_approve"),
                ("state", "=", "draft"),
                ("company_id", "in", others.ids),
            ],
            ["company_id"],
            ["__count"],
        )
        if waiting:
            where = {
                "count": sum(count for _company, count in waiting),
                "companies": ", ".join(company.name for company, _count in waiting),
            }
            action["name"] = action["display_name"] = self.env._(
                "Credit Notes to Approve (%(count)s more in %(companies)s)", **where
            )
            action["help"] = Markup(
                '<p class="o_view_nocontent_smiling_face">%s</p>'
            ) % self.env._(
                "Waiting in %(companies)s: %(count)s. Switch to it, at the top right.",
                **where,
            )
        return action

    def _check_can_decide_refund(self):
        if not self._may_approve_refunds():
            raise UserError(
                self.env._("Only a manager approves or refuses credit notes.")
            )
        decided = self.filtered(
            lambda move: move.state != "draft" or move.refund_approval != "to_approve"
        )
        if decided:
            raise UserError(
                self.env._(
                    "Nothing is left to decide on %(credit_notes)s: somebody was "
                    "quicker. Reload the page.",
                    credit_notes=", ".join(decided.mapped("display_name")),
                )
            )

    def button_draft(self):
        """Ask again: what was approved or refused may be changed in draft."""
        result = super().button_draft()
        self.filtered(
            lambda move: move.refund_approval in ("approved", "to_approve")
        )._open_lock().refund_approval = "none"
        return result
