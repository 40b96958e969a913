import logging
import secrets
from collections import namedtuple
from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache

from ..connectors import marketplaces
from ..connectors.errors import ConnectorError, TryAgainLater

_logger = logging.getLogger(__name__)

# How long deliveries signed with the old secret are taken after a new one was entered.
ROTATION = timedelta(days=2)
# What a poll asks for again, as the clocks of shop and server differ.
OVERLAP = timedelta(minutes=10)
KIBIBYTE = 1024

# What the webhook needs of an account, as plain values that can be cached.
WebhookAccount = namedtuple(
    "WebhookAccount", "id company_id code max_size settings previous_until"
)


def _secret(label, **attributes):
    """A field that only a manager sees, that is not copied, exported or logged."""
    return fields.Char(
        label,
        copy=False,
        exportable=False,
        groups="avoir.group_refund_manager",
        **attributes,
    )


class MarketplaceAccount(models.Model):
    """A shop on a marketplace: its address, its secrets and what to do with returns."""

    _name = "marketplace.account"
    _description = "Marketplace Account"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True)
    code = fields.Selection(
        selection="_selection_code", string="Marketplace", required=True, tracking=True
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    color = fields.Integer()

    # -- address and secrets ---------------------------------------------------
    base_url = fields.Char("Shop Address", copy=False, tracking=True)
    api_key = _secret("API Key")
    api_secret = _secret("API Secret")
    access_token = _secret("Access Token")
    webhook_secret = _secret("Webhook Secret")
    webhook_secret_previous = _secret("Previous Webhook Secret", readonly=True)
    webhook_secret_previous_until = fields.Datetime(
        "Previous Secret Accepted Until",
        copy=False,
        readonly=True,
        groups="avoir.group_refund_manager",
    )
    webhook_key = _secret(
        "Webhook Key", readonly=True, default=lambda self: self._new_webhook_key()
    )
    webhook_url = fields.Char(
        "Webhook Address",
        compute="_compute_webhook_url",
        groups="avoir.group_refund_manager",
        exportable=False,
        help="Enter this address as the webhook of the shop. Whoever knows it can "
        "still not have anything stored without the secret.",
    )
    credential_names = fields.Json(compute="_compute_credential_names")
    max_body_size = fields.Integer(
        "Largest Delivery (KiB)",
        default=1024,
        required=True,
        help="Larger deliveries are refused before they are read.",
    )

    # -- policy ----------------------------------------------------------------
    approval = fields.Selection(
        [("manual", "By hand"), ("auto", "Automatically")],
        default="manual",
        required=True,
        tracking=True,
        help="Whether a return that was matched waits for a person.",
    )
    approval_limit = fields.Monetary(
        "Automatically up to",
        tracking=True,
        help="What is paid back above this amount, with tax and in the company's "
        "currency, waits for a person. Zero: there is no limit.",
    )
    credit_when = fields.Selection(
        [
            ("receipt", "When the goods are received"),
            ("at_once", "At once"),
        ],
        "Credit Note",
        default="receipt",
        required=True,
        tracking=True,
        help="Where goods come back: credit what was received, or what was announced.",
    )
    post_credit_note = fields.Selection(
        [("post", "Post at once"), ("draft", "Leave as a draft")],
        "Posting",
        default="post",
        required=True,
        tracking=True,
    )
    user_ids = fields.Many2many(
        "res.users",
        string="Who Is Told",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="They get an activity when a return or a message waits for a person.",
    )
    refund_reason_id = fields.Many2one(
        "account.refund.reason", "Reason", check_company=True
    )
    tolerance = fields.Monetary(
        default=0.02,
        help="The credit note may differ by so much from what the marketplace paid "
        "back; it then has the marketplace's amount. Beyond it a person decides.",
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        "Warehouse",
        check_company=True,
        help="Where goods come back; empty: to where they left from.",
    )
    journal_id = fields.Many2one(
        "account.journal",
        "Journal",
        check_company=True,
        domain="[('type', '=', 'sale'), ('company_id', '=', company_id)]",
        help="Of the credit notes; empty: the journal of the invoice.",
    )
    fee_product_id = fields.Many2one(
        "product.product",
        "Fee Product",
        check_company=True,
        domain="[('type', '=', 'service')]",
        help="What the shop keeps from a refund (restocking, return shipping) is "
        "booked with the account and the taxes of this product.",
    )
    shipping_product_ids = fields.Many2many(
        "product.product",
        string="Shipping Products",
        domain="[('type', '=', 'service')]",
        help="Order lines with these products are the shipping that a shop pays back. "
        "Empty: the delivery lines, or the only service of the order.",
    )

    # -- what happened ---------------------------------------------------------
    last_poll = fields.Datetime(copy=False, readonly=True)
    last_contact = fields.Datetime(compute="_compute_counts")
    message_error_count = fields.Integer(
        "Messages with an Error", compute="_compute_counts"
    )
    return_count = fields.Integer("Returns", compute="_compute_counts")
    return_open_count = fields.Integer("Open Returns", compute="_compute_counts")
    return_waiting_count = fields.Integer(
        "Waiting for a Person", compute="_compute_counts"
    )

    _webhook_key_unique = models.UniqueIndex("(webhook_key)")
    _max_body_size_positive = models.Constraint(
        "CHECK (max_body_size > 0)", "The largest delivery must be above zero."
    )
    _amounts_positive = models.Constraint(
        "CHECK (tolerance >= 0 AND approval_limit >= 0)",
        "Tolerance and limit cannot be below zero.",
    )

    @api.model
    def _selection_code(self):
        return [(code, cls.label) for code, cls in marketplaces.registry.items()]

    @api.model
    def _new_webhook_key(self):
        return secrets.token_urlsafe(32)

    @api.depends("webhook_key")
    def _compute_webhook_url(self):
        for account in self:
            base = account.get_base_url()
            key = account.webhook_key
            account.webhook_url = key and f"{base}/avoir/webhook/{key}"

    @api.depends("code")
    def _compute_credential_names(self):
        for account in self:
            account.credential_names = account._get_credential_names()

    def _get_credential_names(self):
        """The names of what this account has to hold, for its marketplace."""
        provider = marketplaces.registry.get(self.code)
        return [c.name for c in (provider.credential_fields if provider else ())]

    def _compute_counts(self):
        messages = self.env["marketplace.message"]._read_group(
            [("account_id", "in", self.ids)],
            ["account_id", "state"],
            ["create_date:max", "__count"],
        )
        returns = self.env["marketplace.return"]._read_group(
            [("account_id", "in", self.ids)],
            ["account_id", "is_open", "is_waiting"],
            ["__count"],
        )
        for account in self:
            mine = [row[1:] for row in messages if row[0] == account]
            account.last_contact = max((row[1] for row in mine), default=False)
            account.message_error_count = sum(
                count for state, _last, count in mine if state == "error"
            )
            mine = [row[1:] for row in returns if row[0] == account]
            account.return_count = sum(row[2] for row in mine)
            account.return_open_count = sum(row[2] for row in mine if row[0])
            account.return_waiting_count = sum(row[2] for row in mine if row[1])

    @api.constrains("code", "base_url")
    def _check_credentials(self):
        for account in self:
            if "base_url" in account._get_credential_names() and not account.base_url:
                raise ValidationError(
                    self.env._(
                        "%(account)s: enter the address of the shop.",
                        account=account.name,
                    )
                )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        accounts = super().create(vals_list)
        self.env.registry.clear_cache()
        return accounts

    def write(self, vals):
        if "webhook_secret" in vals and "webhook_secret_previous" not in vals:
            for secret, accounts in self.sudo().grouped("webhook_secret").items():
                if secret and secret != vals["webhook_secret"]:
                    accounts.write(
                        {
                            "webhook_secret_previous": secret,
                            "webhook_secret_previous_until": fields.Datetime.now()
                            + ROTATION,
                        }
                    )
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

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
        accounts = self.search([])
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
        else:
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

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_new_webhook_key(self):
        """Give the account another webhook address; the old one answers no more."""
        for account in self:
            account.webhook_key = self._new_webhook_key()

    def action_forget_previous_secret(self):
        """Stop accepting what is signed with the previous secret."""
        self.write(
            {"webhook_secret_previous": False, "webhook_secret_previous_until": False}
        )
