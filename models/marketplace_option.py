from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..connectors import marketplaces


class MarketplaceOptionChoice(models.Model):
    """What can be chosen for an option: made from what the connectors say."""

    _name = "marketplace.option.choice"
    _description = "Choice of a Marketplace's Option"
    _order = "id"

    code = fields.Char(required=True)
    option = fields.Char(required=True)
    value = fields.Char(required=True)
    name = fields.Char(required=True)

    _unique = models.UniqueIndex("(code, option, value)")

    @api.depends("name")
    def _compute_display_name(self):
        for choice in self:
            # The connectors' English, marked there to be translated here.
            choice.display_name = self.env._(choice.name)

    @api.model
    def _sync(self, code):
        """Add what the connector of a marketplace offers and is not here yet."""
        known = {(c.option, c.value): c for c in self.search([("code", "=", code)])}
        shop = marketplaces.registry.get(code)
        new = []
        for option in shop.option_fields if shop else ():
            for value, label in option.choices:
                if (option.name, value) not in known:
                    new.append(
                        {
                            "code": code,
                            "option": option.name,
                            "value": value,
                            "name": label,
                        }
                    )
        return self.create(new)


class MarketplaceOption(models.Model):
    """How an account deals with something that only its marketplace has."""

    _name = "marketplace.option"
    _description = "Option of a Marketplace Account"
    _order = "account_id, id"

    account_id = fields.Many2one(
        "marketplace.account", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    code = fields.Selection(related="account_id.code")
    name = fields.Char(required=True, readonly=True)
    label = fields.Char("Setting", compute="_compute_label")
    help = fields.Char("What It Does", compute="_compute_label")
    kind = fields.Char(compute="_compute_label")
    choice_ids = fields.Many2many(
        "marketplace.option.choice",
        domain="[('code', '=', code), ('option', '=', name)]",
    )
    text = fields.Char("Value")
    is_on = fields.Boolean("Yes")

    _unique = models.UniqueIndex("(account_id, name)")

    @api.depends("name", "code")
    def _compute_label(self):
        for option in self:
            told = option._get_told()
            label, text = (told.label, told.help) if told else (option.name, "")
            # The connectors' English, marked there to be translated here.
            option.label = self.env._(label)
            option.help = self.env._(text) if text else False
            option.kind = told.kind if told else "text"

    def _get_told(self):
        """What the connector says of this option, or None."""
        shop = marketplaces.registry.get(self.code)
        options = shop.option_fields if shop else ()
        return next((one for one in options if one.name == self.name), None)

    @api.constrains("choice_ids", "text")
    def _check_value(self):
        for option in self:
            if option.kind == "choice" and len(option.choice_ids) > 1:
                raise ValidationError(
                    self.env._("%(option)s: choose one only.", option=option.label)
                )
            if option.kind == "number" and option.text:
                try:
                    float(option.text)
                except ValueError as error:
                    raise ValidationError(
                        self.env._("%(option)s: enter a number.", option=option.label)
                    ) from error

    def _get_value(self):
        """The value as the connector takes it: text."""
        if self.kind in ("choice", "multiple"):
            return ",".join(self.choice_ids.mapped("value"))
        if self.kind == "boolean":
            return "1" if self.is_on else ""
        return self.text or ""

    def _prepare(self, value):
        """The values of an option that has this value."""
        values = set(filter(None, (value or "").split(",")))
        choices = self.env["marketplace.option.choice"].search(
            [("code", "=", self.code), ("option", "=", self.name)]
        )
        return {
            "text": value,
            "is_on": value == "1",
            "choice_ids": choices.filtered(lambda choice: choice.value in values).ids,
        }

    @api.model_create_multi
    def create(self, vals_list):
        options = super().create(vals_list)
        options._write_settings()
        return options

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"choice_ids", "text", "is_on"}:
            self._write_settings()
        return result

    def _write_settings(self):
        for account in self.account_id:
            account.options = {
                option.name: option._get_value() for option in account.option_ids
            }


class MarketplaceAccount(models.Model):
    _inherit = "marketplace.account"

    options = fields.Json(
        "Values of the Options",
        copy=False,
        readonly=True,
        groups="avoir.group_refund_manager",
    )
    option_ids = fields.One2many("marketplace.option", "account_id", string="Options")

    @api.model_create_multi
    def create(self, vals_list):
        accounts = super().create(vals_list)
        accounts._sync_options()
        return accounts

    def write(self, vals):
        result = super().write(vals)
        if "code" in vals:
            self._sync_options()
        return result

    def _sync_options(self):
        """Give accounts the options of their marketplace, with their defaults."""
        options = self.env["marketplace.option"].sudo()
        for code, accounts in self.grouped("code").items():
            shop = marketplaces.registry.get(code)
            told = {one.name: one for one in (shop.option_fields if shop else ())}
            self.env["marketplace.option.choice"].sudo()._sync(code)
            for account in accounts.sudo():
                account.option_ids.filtered(lambda o, t=told: o.name not in t).unlink()
                for name in told.keys() - set(account.option_ids.mapped("name")):
                    option = options.create({"account_id": account.id, "name": name})
                    option.write(option._prepare(told[name].default))

    @api.model
    def _sync_all_options(self):
        """Give all accounts what their connectors offer by now, at each update."""
        accounts = self.with_context(active_test=False)
        accounts.search([])._sync_options()  # pylint: disable=no-search-all

    def _get_option(self, name):
        """The value of an option, as text."""
        return (self.sudo().options or {}).get(name, "")

    def _get_capability(self, name, default=False):
        """What the connector of this account says it can do."""
        shop = marketplaces.registry.get(self.code)
        return getattr(shop, name, default) if shop else default
