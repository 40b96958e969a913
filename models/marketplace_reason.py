from odoo import api, fields, models
from odoo.tools import SQL

LONGEST = 200


class MarketplaceReason(models.Model):
    """A reason as a marketplace words it, and the reason here that it stands for.

    One that was never heard adds itself; until somebody maps it, the account's own
    reason is taken.
    """

    _name = "marketplace.reason"
    _description = "Reason of a Marketplace"
    _order = "account_id, name, id"
    _check_company_auto = True

    account_id = fields.Many2one(
        "marketplace.account", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    name = fields.Char("As the Marketplace Says", required=True)
    refund_reason_id = fields.Many2one(
        "account.refund.reason",
        "Reason Here",
        check_company=True,
        help="Empty: the reason of the account.",
    )
    return_count = fields.Integer("Returns", compute="_compute_return_count")

    _name_unique = models.UniqueIndex(
        "(account_id, lower(name))", "The account has this reason already."
    )

    def _compute_return_count(self):
        rows = self.env["marketplace.return"]._read_group(
            [("marketplace_reason_id", "in", self.ids)],
            ["marketplace_reason_id"],
            ["__count"],
        )
        counts = dict(rows)
        for reason in self:
            reason.return_count = counts.get(reason, 0)

    def write(self, vals):
        """Returns that are not done follow, unless a person chose another reason."""
        before = {reason: reason._get_refund_reason() for reason in self}
        result = super().write(vals)
        if "refund_reason_id" in vals:
            for reason, old in before.items():
                reason._apply(old)
        return result

    def _apply(self, old):
        # sudo: a manager maps; returns of all stages, whoever may see them
        returns = (
            self.env["marketplace.return"]
            .sudo()
            .search(
                [
                    ("marketplace_reason_id", "=", self.id),
                    ("is_open", "=", True),
                    ("refund_reason_id", "in", [old.id, False]),
                ]
            )
        )
        returns.refund_reason_id = self._get_refund_reason()

    def _get_refund_reason(self):
        """The reason of the credit notes for this one."""
        self.ensure_one()
        return self.refund_reason_id or self.account_id.refund_reason_id

    @api.model
    def _find_or_add(self, told):
        """The reasons of what accounts were told, unknown ones added.

        :param told: a set of ``(account, text)``
        :return: ``{(account, text): marketplace.reason}``
        """
        keys = {(account, text): _clean(text) for account, text in told if _clean(text)}
        if not keys:
            return {}
        self._add_unknown({(account.id, name) for (account, _), name in keys.items()})
        accounts = {account.id for account, _text in keys}
        found = self.search([("account_id", "in", list(accounts))])
        by_name = {(reason.account_id, reason.name.lower()): reason for reason in found}
        return {
            key: by_name[key[0], name.lower()]
            for key, name in keys.items()
            if (key[0], name.lower()) in by_name
        }

    @api.model
    def _add_unknown(self, names):
        """By SQL: two workers may hear of the same reason at once."""
        rows = SQL(", ").join(
            SQL(
                "(%s, (SELECT company_id FROM marketplace_account WHERE id = %s), %s,"
                " now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')",
                account_id,
                account_id,
                name,
            )
            for account_id, name in sorted(names)
        )
        self.env.cr.execute(
            SQL(
                """INSERT INTO marketplace_reason
                          (account_id, company_id, name, create_date, write_date)
                   VALUES %s
              ON CONFLICT (account_id, lower(name)) DO NOTHING""",
                rows,
            )
        )

    def action_view_returns(self):
        """Open the returns with this reason."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "avoir.marketplace_return_action"
        )
        action["domain"] = [("marketplace_reason_id", "in", self.ids)]
        action["context"] = {}
        return action


def _clean(text):
    """A reason in one line of bounded length."""
    return " ".join((text or "").replace("\0", " ").split())[:LONGEST]
