from collections import namedtuple
from datetime import datetime

from odoo import api, fields, models
from odoo.tools import ormcache

from ..connectors import marketplaces

KIBIBYTE = 1024
# Tokens and public keys, kept by this process for all accounts.
_memory = marketplaces.Memory()

# What the webhook needs of an account, as plain values that can be cached.
WebhookAccount = namedtuple(
    "WebhookAccount", "id company_id code max_size settings previous_until"
)


class MarketplaceAccount(models.Model):
    _inherit = "marketplace.account"

    # ------------------------------------------------------------------
    # The connector
    # ------------------------------------------------------------------

    @api.model
    def _find_webhook_account(self, key):
        """The account that a delivery is for, or None.

        :return: a :class:`WebhookAccount`, without any query most of the time
        """
        account = self._get_webhook_accounts().get(key)
        if account and account.previous_until < fields.Datetime.now():
            settings = {**account.settings, "webhook_secret_previous": False}
            account = account._replace(settings=settings)
        return account

    @api.model
    @ormcache()
    def _get_webhook_accounts(self):
        """The active accounts by their webhook key."""
        accounts = self.sudo().search([("webhook_key", "!=", False)])
        return {
            account.webhook_key: WebhookAccount(
                account.id,
                account.company_id.id,
                account.code,
                account.max_body_size * KIBIBYTE,
                account._get_settings(),
                account.webhook_secret_previous_until or datetime.min,
            )
            for account in accounts
        }

    def _get_settings(self):
        """What the connector is told of this account, secrets included."""
        self.ensure_one()
        account = self.sudo()
        settings = {name: account[name] for name in account._get_credential_names()}
        # Nothing older is looked for, unless somebody fetches it again.
        start = account.take_over_from and str(account.take_over_from)
        return {**(account.options or {}), **settings, "start": start}

    def _get_connector(self):
        """The connector of this account, to be used in a ``with`` block."""
        self.ensure_one()
        return self._open_connector(self.code, self._get_settings())

    @api.model
    def _open_connector(self, code, settings):
        """A connector with the tokens and keys that this process keeps."""
        return marketplaces.get(code, settings, _memory)
