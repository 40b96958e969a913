import base64
import logging
from io import BytesIO

import qrcode
from markupsafe import Markup, escape

from odoo import api, fields, models
from odoo.tools import format_date, formatLang
from odoo.tools.image import image_data_uri

_logger = logging.getLogger(__name__)

# Of the paper format of the letter, in mm.
MARGIN_TOP, MARGIN_LEFT = 30, 20
# The address has room for six lines; the text starts below any window.
ADDRESS_HEIGHT, TEXT_TOP = 30, 95


class AccountReminderLetter(models.Model):
    """What a letter says, in the language of the environment."""

    _inherit = "account.reminder.letter"

    def _get_letter_values(self, mail=False):
        """Return all that letter and mail print, as a dictionary.

        :param mail: the text of the mail and not that of the paper
        """
        self.ensure_one()
        lines = self._get_told().sorted(
            lambda line: (
                line.currency_id.name,
                line.amount_residual < 0,
                line.date_maturity,
                line.id,
            )
        )
        totals = self._get_totals(lines)
        bank = self._get_bank()
        level = self.level_id
        charged = lines.filtered(
            lambda line: line.interest or line.fee or line.indemnity
        )
        values = {
            "subject": self._get_subject(),
            "body": self._fill(
                (level.mail_body if mail else level.letter_body)
                or self._get_standard_body()
            ),
            "closing": self._fill(level.letter_closing)
            or Markup("<p>%s</p>") % self.env._("Yours sincerely,"),
            "lines": lines,
            "charged": charged,
            "interest_basis": any(charged.mapped("interest"))
            and self._join_basis(charged),
            "indemnity_basis": any(charged.mapped("indemnity"))
            and level.plan_id.law_id.indemnity_basis,
            "totals": totals,
            "bank": bank,
            "reference": self._get_reference(),
            "window": self._get_window(),
            "url": self.get_base_url() + self._get_portal_link() if mail else "",
        }
        return values | ({} if mail else self._get_qr_code(totals, bank))

    def _join_basis(self, charged):
        bases = {
            line.level_id._get_interest_basis() for line in charged if line.interest
        }
        return "; ".join([*sorted(filter(None, bases)), *self._get_rates_used(charged)])

    def _get_rates_used(self, charged):
        """Return the rates in words where more than one was reckoned with."""
        told = []
        for level, lines in charged.filtered("interest").grouped("level_id").items():
            since = fields.Date.subtract(
                self.date, days=max(lines.mapped("interest_days"))
            )
            used = [
                (max(day, since), rate)
                for day, until, rate in level._get_rates()
                if day < self.date and until > since
            ]
            told += used if len(used) > 1 else []
        return [
            self.env._(
                "%(rate)s %% from %(date)s",
                rate=self._format_rate(rate),
                date=format_date(self.env, day),
            )
            for day, rate in sorted(set(told))
        ]

    def _format_rate(self, rate):
        """Return a rate in per cent as the language of the environment writes it."""
        return formatLang(self.env, rate, digits=2)

    def _get_portal_link(self):
        # The language: the visitor's browser may speak another one.
        token = self.sudo().access_token
        return f"{self.access_url}?access_token={token}&lang={self._get_lang()}"

    def _get_subject(self):
        self.ensure_one()
        subject = self.level_id.subject or self.env._("Your overdue invoices: {amount}")
        for name, value in self._get_placeholders().items():
            subject = subject.replace(f"{{{name}}}", value)
        return subject

    def _get_standard_body(self):
        """Return the text of a letter without a level."""
        return Markup("<p>%s</p><p>%s</p><p>%s</p>") % (
            self.env._("Dear {customer},"),
            self.env._(
                "Below is what is overdue on your account. We ask you to pay {amount} "
                "by {pay_before}."
            ),
            self.env._(
                "If your payment is on its way already, please disregard this. If "
                "something is wrong with an invoice, please tell us."
            ),
        )

    def _get_placeholders(self):
        """Return what stands between braces in the texts."""
        totals = self._get_totals(self._get_told())
        return {
            "customer": self.contact_id.name or self.partner_id.name or "",
            "company": self.company_id.name,
            "amount": " + ".join(
                formatLang(self.env, total["amount"], currency_obj=total["currency"])
                for total in totals
            ),
            "pay_before": format_date(self.env, self.pay_before),
            "date": format_date(self.env, self.date),
            "days_late": str(self.days_late),
        }

    def _fill(self, html):
        """Replace the placeholders of a text; other braces stay as they are."""
        if not html:
            return Markup("")
        text = str(html)
        for name, value in self._get_placeholders().items():
            text = text.replace(f"{{{name}}}", str(escape(value)))
        return Markup(text)

    # -- sums ----------------------------------------------------------------------

    def _get_totals(self, lines):
        """Return what is to pay, by currency, with its parts.

        Fees and indemnities are in the company's currency; interest that was booked
        is too, interest that is only shown is in that of its invoice.
        """
        own = self.currency_id
        sums = {}
        for line in lines:
            mine = sums.setdefault(line.currency_id, dict.fromkeys(PARTS, 0.0))
            part = "overdue" if line.amount_residual > 0 else "credits"
            mine[part] += line.amount_residual
            if not self.charge_move_id:
                mine["interest"] += line.interest
                extra = sums.setdefault(own, dict.fromkeys(PARTS, 0.0))
                extra["indemnity"] += line.indemnity
                extra["fee"] += line.fee
        if self.charge_move_id:
            sums.setdefault(own, dict.fromkeys(PARTS, 0.0))["charged"] += (
                self.charge_move_id.sudo().amount_residual
            )
        labels = self._get_part_labels()
        totals = []
        for currency, parts in sorted(sums.items(), key=lambda item: item[0].name):
            shown = [
                (labels[part], currency.round(amount))
                for part, amount in parts.items()
                if not currency.is_zero(amount)
            ]
            if shown:
                totals.append(
                    {
                        "currency": currency,
                        "amount": currency.round(sum(parts.values())),
                        "parts": shown if len(shown) > 1 else [],
                        "extra": [
                            (labels[part], currency.round(amount))
                            for part, amount in parts.items()
                            if part not in ("overdue", "credits")
                            and not currency.is_zero(amount)
                        ],
                    }
                )
        return totals

    def _get_part_labels(self):
        return {
            "overdue": self.env._("Overdue"),
            "credits": self.env._("Open credits"),
            "interest": self.env._("Interest"),
            "indemnity": self.env._("Indemnity"),
            "fee": self.env._("Costs"),
            "charged": self.env._("Costs and interest charged"),
        }

    # -- payment -------------------------------------------------------------------

    def _get_bank(self):
        """Return the bank account of the invoices, else the company's first."""
        # sudo: the account is printed on each invoice as well
        letter = self.sudo()
        banks = (
            letter._get_told()
            .move_id.filtered(lambda move: move.move_type == "out_invoice")
            .partner_bank_id
        )
        banks = banks.filtered(
            lambda bank: bank.partner_id == letter.company_id.partner_id
        )
        return banks[:1] or letter.company_id.bank_ids[:1]

    def _get_reference(self):
        """Return what to write on the transfer: one invoice's own reference."""
        lines = self._get_told().filtered(lambda line: line.amount_residual > 0)
        moves = lines.move_id.sudo()
        if len(moves) == 1 and not self.charge_move_id:
            return moves.payment_reference or moves.name
        return f"{self.name} {self.partner_id.ref or ''}".strip()

    def _get_qr_code(self, totals, bank):
        """Return the code that banks' apps read, where core can make one.

        With several currencies it is that of the first that a code exists for.
        """
        none = {"qr_code": False, "qr_amount": 0.0, "qr_currency": self.currency_id}
        if not bank:
            return none
        reference = self._get_reference()
        for total in totals:
            values = bank._build_qr_code_vals(
                total["amount"],
                reference,
                reference,
                total["currency"],
                self.partner_id,
                silent_errors=True,
            )
            code = values and self._draw_qr_code(bank, values)
            if code:
                return {
                    "qr_code": code,
                    "qr_amount": total["amount"],
                    "qr_currency": total["currency"],
                }
        return none

    @api.model
    def _draw_qr_code(self, bank, values):
        """Draw core's code; where its library cannot draw, with that of core's TOTP.

        Recent versions of reportlab draw no bitmap without the cairo library.
        """
        try:
            return bank._get_qr_code_base64(**values)
        except Exception:
            _logger.debug("reportlab draws no code", exc_info=True)
        content = bank._get_qr_code_generation_params(**values)["value"]
        # The error correction that the European Payments Council asks for.
        code = qrcode.QRCode(border=0, error_correction=qrcode.ERROR_CORRECT_M)
        code.add_data(content.encode())
        image = BytesIO()
        code.make_image().save(image, format="PNG")
        return image_data_uri(base64.b64encode(image.getvalue()))

    def _get_window(self):
        """Return where the address stands, in mm from the top left of the text."""
        company = self.company_id
        left = max(company.reminder_address_left, MARGIN_LEFT) - MARGIN_LEFT
        top = max(company.reminder_address_top, MARGIN_TOP) - MARGIN_TOP
        at_left = company.reminder_address_left < 90
        return {
            "left": left,
            "top": top,
            "height": max(top + ADDRESS_HEIGHT, TEXT_TOP - MARGIN_TOP),
            "with_sender": company.reminder_window == "din",
            "sender_top": top - 5,
            "info_left": 104 if at_left else 0,
            "info_top": top,
        }


PARTS = ("overdue", "credits", "interest", "indemnity", "fee", "charged")
