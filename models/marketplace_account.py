import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError, ValidationError

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

    _webhook_key_unique = models.UniqueIndex("(webhook_key)")
    _max_body_size_positive = models.Constraint(
        "CHECK (max_body_size > 0)", "The largest delivery must be above zero."
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
            translate = self.env._
            account.credential_help = "\n".join(
                " ".join(
                    filter(
                        None,
                        [
                            f"{label['string']}: {translate(c.label)}.",
                            c.help and translate(c.help),
                        ],
                    )
                )
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

    @api.constrains("active", "code", "base_url")
    def _check_credentials(self):
        for account in self.filtered("active"):
            needed = [c.name for c in account._get_credentials() if c.required]
            if "base_url" in needed and not account.base_url:
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

    def copy_data(self, default=None):
        """A copy has no address and no secrets yet: it waits, archived, for them."""
        values_list = super().copy_data(default)
        if not (default or {}).get("base_url"):
            for account, values in zip(self, values_list, strict=True):
                values["active"] = False
                if "name" not in (default or {}):
                    values["name"] = self.env._("%s (copy)", account.name)
        return values_list

    def write(self, vals):
        if "company_id" in vals:
            self._check_company_can_change(vals["company_id"])
        if not all(self._fields[name].exportable for name in vals):
            self._lock_for_secrets()
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
        if self._get_webhook_fields() & vals.keys():
            self.env.registry.clear_cache()
        return result

    def _lock_for_secrets(self):
        """Let nobody else write these accounts while a secret is stored.

        An UPDATE that meets the cron's is logged by Odoo with its values: a query that
        holds none of the secrets has to meet it first.

        :raises UserError: when the cron is just writing
        """
        self.check_access("write")
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError:
            raise UserError(
                self.env._(
                    "%(accounts)s: the shop is being asked right now. Save once more "
                    "in a moment.",
                    accounts=", ".join(self.mapped("name")),
                )
            ) from None

    @api.model
    def _get_webhook_fields(self):
        """The fields that the webhook knows by heart."""
        return {
            "active",
            "code",
            "company_id",
            "max_body_size",
            "options",
            "take_over_from",
            "webhook_key",
            "webhook_secret_previous_until",
            *(
                credential.name
                for shop in marketplaces.registry.values()
                for credential in shop.credential_fields
            ),
        }

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
