from operator import methodcaller

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import email_normalize, formatLang


class MarketplaceAccount(models.Model):
    """The brand of a shop, as its customers know it."""

    _inherit = "marketplace.account"

    mail_template_id = fields.Many2one(
        "mail.template",
        "Mail to the Customer",
        domain="[('model', '=', 'marketplace.return')]",
        help="Sent once what was paid back is credited. Empty: no mail.",
    )
    mail_from = fields.Char(
        "Sender", help="Empty: the address of the company.", tracking=True
    )
    mail_lang = fields.Selection(
        selection=lambda self: self.env["res.lang"].get_installed(),
        string="Language",
        help="Where the shop does not tell the customer's language.",
    )
    logo = fields.Image(max_width=512, max_height=256)


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    mail_state = fields.Selection(
        [("none", "None"), ("to_send", "To Send"), ("sent", "Sent")],
        "Mail to the Customer",
        default="none",
        readonly=True,
        copy=False,
    )

    def _set_state(self, state):
        result = super()._set_state(state)
        if state == "done":
            self.filtered(
                lambda record: record._is_mail_wanted()
            ).mail_state = "to_send"
        return result

    def _is_mail_wanted(self):
        return (
            self.kind == "refund"
            and self.mail_state == "none"
            and self.account_id.sudo().mail_template_id
            and any(self.line_ids.mapped("is_credited"))
        )

    @api.model
    def _mail_all(self):
        """Write to the customers whose refund is credited.

        :return: whether there was time for all
        """
        domain = Domain("mail_state", "=", "to_send") & Domain("state", "=", "done")
        return self._run_queue(domain, methodcaller("_mail_customers"))

    def _mail_customers(self):
        """Make the mails, in the transaction that notes that they are made."""
        for template, returns in self.grouped(
            lambda record: record.account_id.mail_template_id
        ).items():
            known = returns.filtered(
                lambda r: (
                    r._get_mail_to()
                    and r.credit_note_ids.filtered(lambda move: move.state == "posted")
                )
            )
            if template and known:
                template.send_mail_batch(known.ids)
        self.mail_state = "sent"

    def _get_mail_to(self):
        """The customer's address: as the shop told it, else as it is known here."""
        told = email_normalize(self.customer_email or "")
        return told or self.partner_id.email_normalized or ""

    def _get_mail_from(self):
        company = self.company_id
        return self.account_id.mail_from or company.email_formatted or ""

    def _get_mail_lang(self):
        """The language of the order, the nearest that is installed."""
        installed = [code for code, _name in self.env["res.lang"].get_installed()]
        told = (self.customer_language or "").replace("-", "_")
        short = told.split("_")[0].lower()
        for code in installed:
            if code.lower() == told.lower():
                return code
        for code in installed:
            if short and code.split("_")[0].lower() == short:
                return code
        lang = self.account_id.mail_lang or self.partner_id.lang
        return lang or self.company_id.partner_id.lang or installed[0]

    def _format_credited(self):
        """What was credited, as the customer reads it."""
        currency = self.credit_note_ids[:1].currency_id or self.currency_id
        return currency and formatLang(
            self.env, self.amount_credited, currency_obj=currency
        )

    def _get_logo_url(self):
        """Where a mail finds the logo of the shop; empty where it has none."""
        if not self.account_id.sudo().logo:
            return ""
        account = self.account_id
        return f"{account.get_base_url()}/avoir/logo/{account.id}"
