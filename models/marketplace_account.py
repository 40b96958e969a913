import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..connectors import marketplaces

# How long deliveries signed with the old secret are taken after a new one was entered.
ROTATION = timedelta(days=2)


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
    credential_help = fields.Text(compute="_compute_credential_names")
    webhook_topics = fields.Char(
        "Topics",
        compute="_compute_credential_names",
        help="What to have the shop send to this address.",
    )
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
        check_company=True,
        help="Where goods come back; empty: to where they left from.",
    )
    journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        domain="[('type', '=', 'sale'), ('company_id', '=', company_id)]",
        help="Of the credit notes; empty: the journal of the invoice.",
    )
    fee_product_id = fields.Many2one(
        "product.product",
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
        labels = self.fields_get(attributes=["string"])
        for account in self:
            account.credential_names = account._get_credential_names()
            shop = marketplaces.registry.get(account.code)
            account.webhook_topics = ", ".join(shop.webhook_topics if shop else ())
            account.credential_help = "\n".join(
                " ".join(filter(None, [f"{label['string']}: {c.label}.", c.help]))
                for c in account._get_credentials()
                if c.name != "webhook_secret_previous"
                and (label := labels.get(c.name))
                and (label["string"] != c.label or c.help)
            )

    def _get_credentials(self):
        """What this account has to hold, for its marketplace."""
        provider = marketplaces.registry.get(self.code)
        return provider.credential_fields if provider else ()

    def _get_credential_names(self):
        return [credential.name for credential in self._get_credentials()]

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
        if "company_id" in vals:
            self._check_company_can_change(vals["company_id"])
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

    def _check_company_can_change(self, company_id):
        """Refuse to take what was told, and its credit notes, to another company."""
        used = self.filtered(
            lambda account: (
                account.company_id.id != company_id
                and (account.return_count or account.last_contact)
            )
        )
        if used:
            raise UserError(
                self.env._(
                    "%(account)s has messages of %(company)s: archive it, and create "
                    "an account for the other company.",
                    account=used[0].name,
                    company=used[0].company_id.name,
                )
            )

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

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

    def action_view_returns(self):
        return self._open("marketplace_return_action", search_default_open=1)

    def action_view_waiting(self):
        return self._open("marketplace_return_action", search_default_waiting=1)

    def action_view_messages(self):
        return self._open("marketplace_message_action")

    def action_view_errors(self):
        return self._open("marketplace_message_action", search_default_error=1)

    def _open(self, name, **context):
        """Open a list of what belongs to these accounts."""
        action = self.env["ir.actions.act_window"]._for_xml_id(f"avoir.{name}")
        action["domain"] = [("account_id", "in", self.ids)]
        action["context"] = context
        return action
