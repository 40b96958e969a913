from odoo import Command, api, models

from .marketplace_return_notice import UNDECIDED


class MarketplaceReturn(models.Model):
    """What notices have to do with each other and with their messages."""

    _inherit = "marketplace.return"

    def _link_messages(self, notices):
        by_key = {(record.account_id, record.external_id): record for record in self}
        links = {}
        for message, notice in notices:
            record = by_key.get((message.account_id, notice.external_id))
            if record:
                links.setdefault(message, self.browse())
                links[message] |= record
        for message, records in links.items():
            message.return_ids = [Command.link(record.id) for record in records]

    def _link_parents(self):
        """Join refunds with the returns that they belong to, whichever came first."""
        refunds = self.filtered(lambda r: r.return_external_id and not r.parent_id)
        external_ids = set(refunds.mapped("return_external_id"))
        goods = self.filtered(lambda r: r.kind == "return")
        accounts = self.account_id.ids
        if external_ids:
            parents = self.search(
                [
                    ("account_id", "in", accounts),
                    ("kind", "=", "return"),
                    ("external_id", "in", list(external_ids)),
                ]
            )
            goods |= parents
        if goods:
            refunds |= self.search(
                [
                    ("account_id", "in", accounts),
                    ("kind", "=", "refund"),
                    ("parent_id", "=", False),
                    ("return_external_id", "in", goods.mapped("external_id")),
                ]
            )
        by_key = {(record.account_id, record.external_id): record for record in goods}
        for record in refunds:
            parent = by_key.get((record.account_id, record.return_external_id))
            if parent:
                record.parent_id = parent

    # ------------------------------------------------------------------
    # Orders that end
    # ------------------------------------------------------------------

    @api.model
    def _end_orders(self, orders):
        """An order was deleted or cancelled: what was only asked for ends with it.

        Money that went back stays to be credited, as the order's invoice stands.
        """
        for account, pairs in _by_account(orders).items():
            returns = self.search(
                [
                    ("account_id", "=", account.id),
                    ("order_external_id", "in", [n.order_external_id for n in pairs]),
                    ("is_open", "=", True),
                ]
            )
            asked = returns.filtered(
                lambda r: r.state in UNDECIDED and r.marketplace_state != "refunded"
            )
            asked._set_state("cancelled")
            body = self.env._("The order was deleted or cancelled at the marketplace.")
            returns._message_log_batch(bodies=dict.fromkeys(returns.ids, body))


def _by_account(orders):
    result = {}
    for message, notice in orders:
        result.setdefault(message.account_id, []).append(notice)
    return result
