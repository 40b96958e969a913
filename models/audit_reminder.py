from odoo import api, models

from .audit_documents import _stored_names


class AccountReminderLetter(models.Model):
    """The charges of reminders: booked, and waived."""

    _name = "account.reminder.letter"
    _inherit = ["account.reminder.letter", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return ("charge_move_id", "waived_move_id")

    def _audit_filter(self):
        return self.filtered("charge_move_id")  # thousands of letters charge nothing

    def _audit_title(self):
        return self.display_name

    @api.model
    def _audit_actions(self, old, new):
        if new.get("waived_move_id") and not old.get("waived_move_id"):
            return [("waived", None)]
        if new.get("charge_move_id") and not old.get("charge_move_id"):
            return [("charged", None)]
        return [("changed", None)]

    def _audit_details(self, action):
        """Name what is charged, which the letter says in words."""
        return {"charges": self.charges} if action == "charged" else {}


class AccountReminderLevel(models.Model):
    """The policy of reminders: when, and what they charge."""

    _name = "account.reminder.level"
    _inherit = ["account.reminder.level", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return tuple(
            name
            for name in _stored_names(self)
            if self._fields[name].type not in ("html", "text")
        )
