from datetime import timedelta

from odoo import fields, models

# Over how many days the share of messages with an error is counted.
ERROR_RATE_DAYS = 30


class MarketplaceAccount(models.Model):
    """What is going on in an account, in numbers that can be clicked."""

    _inherit = "marketplace.account"

    last_contact = fields.Datetime(
        compute="_compute_messages", help="The last message, or answer to a poll."
    )
    message_new_count = fields.Integer("To Read", compute="_compute_messages")
    message_error_count = fields.Integer(
        "Messages with an Error", compute="_compute_messages"
    )
    error_rate = fields.Float(
        compute="_compute_messages",
        help="Messages of the last 30 days that could not be read.",
    )
    return_count = fields.Integer("Returns", compute="_compute_returns")
    return_open_count = fields.Integer("Open Returns", compute="_compute_returns")
    return_waiting_count = fields.Integer(
        "Waiting for a Person", compute="_compute_returns"
    )
    return_unmatched_count = fields.Integer("Unmatched", compute="_compute_returns")
    return_approval_count = fields.Integer("To Approve", compute="_compute_returns")
    return_goods_count = fields.Integer("Waiting for Goods", compute="_compute_returns")
    return_credit_count = fields.Integer("To Credit", compute="_compute_returns")
    return_done_count = fields.Integer("Done", compute="_compute_returns")
    reason_unknown_count = fields.Integer(
        "Reasons to Map", compute="_compute_reason_unknown_count"
    )

    def _compute_messages(self):
        since = fields.Datetime.now() - timedelta(days=ERROR_RATE_DAYS)
        messages = self.env["marketplace.message"]
        domain = [("account_id", "in", self.ids)]
        rows = messages._read_group(
            domain, ["account_id", "state"], ["create_date:max", "__count"]
        )
        recent = messages._read_group(
            [*domain, ("create_date", ">=", since)],
            ["account_id", "state"],
            ["__count"],
        )
        for account in self:
            mine = [row[1:] for row in rows if row[0] == account]
            moments = [row[1] for row in mine] + [account.last_poll]
            account.last_contact = max(filter(None, moments), default=False)
            by_state = {state: count for state, _last, count in mine}
            account.message_new_count = by_state.get("new", 0)
            account.message_error_count = by_state.get("error", 0)
            counts = {state: count for some, state, count in recent if some == account}
            total = sum(counts.values())
            account.error_rate = counts.get("error", 0) / total if total else 0.0

    def _compute_returns(self):
        rows = self.env["marketplace.return"]._read_group(
            [("account_id", "in", self.ids)],
            ["account_id", "state", "is_waiting"],
            ["__count"],
        )
        for account in self:
            mine = [row[1:] for row in rows if row[0] == account]

            def count(*states, mine=mine):
                return sum(row[2] for row in mine if row[0] in states)

            closed = count("done", "declined", "cancelled")
            account.return_count = sum(row[2] for row in mine)
            account.return_open_count = account.return_count - closed
            account.return_waiting_count = sum(row[2] for row in mine if row[1])
            account.return_unmatched_count = count("unmatched")
            account.return_approval_count = count("matched")
            account.return_goods_count = count("waiting")
            account.return_credit_count = count("received")
            account.return_done_count = count("done")

    def _compute_reason_unknown_count(self):
        rows = self.env["marketplace.reason"]._read_group(
            [("account_id", "in", self.ids), ("refund_reason_id", "=", False)],
            ["account_id"],
            ["__count"],
        )
        counts = dict(rows)
        for account in self:
            account.reason_unknown_count = counts.get(account, 0)

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_view_returns(self):
        """Open the returns of these accounts that go on."""
        return self._open("marketplace_return_action", search_default_open=1)

    def action_view_waiting(self):
        """Open the returns that wait for a person."""
        return self._open("marketplace_return_action", search_default_waiting=1)

    def action_view_unmatched(self):
        return self._open("marketplace_return_action", search_default_unmatched=1)

    def action_view_to_approve(self):
        return self._open("marketplace_return_action", search_default_to_approve=1)

    def action_view_goods(self):
        return self._open(
            "marketplace_return_action", search_default_waiting_for_goods=1
        )

    def action_view_to_credit(self):
        return self._open("marketplace_return_action", search_default_to_credit=1)

    def action_view_messages(self):
        """Open the inbox of these accounts."""
        return self._open("marketplace_message_action")

    def action_view_errors(self):
        """Open the messages that could not be read."""
        return self._open("marketplace_message_action", search_default_error=1)

    def action_view_reasons(self):
        """Open the reasons that the marketplace gives, to map them."""
        return self._open("marketplace_reason_action", search_default_unknown=1)

    def _open(self, name, **context):
        """Open a list of what belongs to these accounts."""
        action = self.env["ir.actions.act_window"]._for_xml_id(f"avoir.{name}")
        action["domain"] = [("account_id", "in", self.ids)]
        action["context"] = context
        return action
