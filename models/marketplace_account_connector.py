import logging
from collections import namedtuple
from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.tools import ormcache

from ..connectors import marketplaces
from ..connectors.errors import ConnectorError, TryAgainLater

_logger = logging.getLogger(__name__)

# What a poll asks for again, as the clocks of shop and server differ.
OVERLAP = timedelta(minutes=10)
KIBIBYTE = 1024

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
        return {name: account[name] for name in account._get_credential_names()}

    def _get_connector(self):
        """The connector of this account, to be used in a ``with`` block."""
        self.ensure_one()
        return marketplaces.get(self.code, self._get_settings())

    # ------------------------------------------------------------------
    # Polling
    # ------------------------------------------------------------------

    @api.model
    def _cron_poll(self):
        """Fetch what no webhook told, as messages of the inbox."""
        accounts = self.search([("code", "in", list(marketplaces.registry))])
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(accounts))
        for account in accounts:
            account._poll()
            if not cron._commit_progress(1):
                break

    def _poll(self):
        """Store what changed in the shop since the last poll."""
        self.ensure_one()
        started = fields.Datetime.now()
        since = (self.last_poll or self.create_date) - OVERLAP
        try:
            with self._get_connector() as shop:
                fetched = list(shop.poll(since.replace(tzinfo=timezone.utc)))
        except TryAgainLater as error:
            _logger.info("Polling of account %s postponed: %s", self.id, error)
        except ConnectorError as error:
            self._tell_problem(self.env._("The shop refuses: %s", error))
        except Exception as error:
            _logger.exception("Polling of account %s failed", self.id)
            self._tell_problem(self.env._("Polling failed: %s", repr(error)))
        else:
            # What webhooks stored meanwhile is to be in sight.
            self.env["ir.cron"]._commit_progress()
            self.env["marketplace.message"]._store(self, fetched)
            self.last_poll = started
            self._get_problem_activities().unlink()

    # ------------------------------------------------------------------
    # Telling people
    # ------------------------------------------------------------------

    def _tell_problem(self, summary):
        """Tell the people of the account, once until they have dealt with it."""
        self.ensure_one()
        if self._get_problem_activities():
            return
        for user in self.user_ids or self.create_uid:
            self.activity_schedule(
                "mail.mail_activity_data_warning", summary=summary, user_id=user.id
            )

    def _get_problem_activities(self):
        return self.activity_ids.filtered("automated")
