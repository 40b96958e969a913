from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..tools import oss


class OssCorrection(models.Model):
    """What a credit note takes back of VAT that was declared in the one-stop shop.

    One for each credit note, invoice, member state and rate, kept with the period of
    the invoice: that is what the correction is declared under (Regulation 282/2011
    art. 61), whenever the credit note is made.
    """

    _name = "oss.correction"
    _description = "OSS Correction"
    _order = "period desc, country_id, original_period, rate desc, id"
    _check_company_auto = True

    move_id = fields.Many2one(
        "account.move",
        string="Credit Note",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
        check_company=True,
    )
    invoice_id = fields.Many2one("account.move", readonly=True, check_company=True)
    company_id = fields.Many2one(
        related="move_id.company_id", store=True, index=True, readonly=True
    )
    country_id = fields.Many2one(
        "res.country", string="Member State", required=True, readonly=True
    )
    period = fields.Char(
        string="Declared With",
        required=True,
        readonly=True,
        index=True,
        help="The quarter of the credit note, with whose return it is declared.",
    )
    original_period = fields.Char(
        string="Corrected Period",
        required=True,
        readonly=True,
        help="The quarter of the invoice.",
    )
    rate = fields.Float(
        string="Rate (%)",
        digits=(5, 2),
        required=True,
        readonly=True,
        aggregator=False,
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    base = fields.Monetary(
        string="Taxable Amount", readonly=True, help="In euros, negative: taken back."
    )
    vat = fields.Monetary(
        string="VAT", readonly=True, help="In euros, negative: taken back."
    )
    last_day = fields.Date(
        string="Until",
        readonly=True,
        help="Last day on which a return may correct that period.",
    )
    kind = fields.Selection(
        [
            ("same", "Same Quarter"),
            ("correction", "Correction"),
            ("late", "Too Late"),
        ],
        required=True,
        readonly=True,
        index=True,
    )
    declared_on = fields.Date(readonly=True, copy=False)
    advice = fields.Text(string="What to Do", compute="_compute_advice")

    @api.depends("kind", "declared_on")
    @api.depends_context("lang")
    def _compute_advice(self):
        for correction in self:
            country = correction.country_id.name
            if correction.declared_on:
                correction.advice = self.env._("Declared.")
            elif correction.kind == "late":
                correction.advice = self.env._(
                    "More than three years after the return of %(period)s was due: ask "
                    "the tax administration of %(country)s itself.",
                    period=correction.original_period,
                    country=country,
                )
            elif correction.kind == "same":
                correction.advice = self.env._(
                    "Subtract it from the sales of %(period)s; it is no correction.",
                    period=correction.period,
                )
            else:
                correction.advice = self.env._(
                    "Enter it in the return of %(period)s, due on %(due)s, as a "
                    "correction of %(original)s.",
                    period=correction.period,
                    due=format_date(self.env, oss.due_date(correction.period)),
                    original=correction.original_period,
                )

    def write(self, vals):
        """Keep what was computed from the posted documents."""
        if set(vals) - {"declared_on"}:
            raise UserError(
                self.env._("OSS corrections follow their credit notes: change these.")
            )
        return super().write(vals)

    def action_declare(self):
        """Mark these as declared: their credit notes then stay as they are."""
        self.filtered(lambda one: not one.declared_on).write(
            {"declared_on": fields.Date.context_today(self)}
        )

    def action_undeclare(self):
        """Take the mark back, where the return was not submitted after all."""
        self.write({"declared_on": False})


class AccountTax(models.Model):
    _inherit = "account.tax"

    oss_country_id = fields.Many2one(
        "res.country",
        string="OSS Member State",
        compute="_compute_oss_country_id",
        store=True,
        readonly=False,
        help="The member state whose VAT this is, declared through the one-stop shop. "
        "Empty: VAT of your own declaration.",
    )

    @api.depends(
        "fiscal_position_ids.country_id", "invoice_repartition_line_ids.tag_ids"
    )
    def _compute_oss_country_id(self):
        """Take it from the taxes that Odoo's module for the one-stop shop made."""
        tag = self.env.ref("l10n_eu_oss.tag_oss", raise_if_not_found=False)
        for tax in self:
            country = tax.oss_country_id
            if tag and tag in tax.invoice_repartition_line_ids.tag_ids:
                found = tax.fiscal_position_ids.country_id
                country = found if len(found) == 1 else country
            tax.oss_country_id = country


class AccountMove(models.Model):
    _inherit = "account.move"

    oss_correction_ids = fields.One2many(
        "oss.correction", "move_id", string="OSS Corrections", readonly=True
    )

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted.filtered(
            lambda move: move.move_type == "out_refund"
        )._create_oss_corrections()
        return posted

    def button_draft(self):
        """A credit note that was declared stays as it is.

        :raise UserError: naming it and its return
        """
        # Kept by the system for the document, whoever resets it.
        corrections = self.sudo().oss_correction_ids
        for correction in corrections.filtered("declared_on"):
            raise UserError(
                self.env._(
                    "%(credit_note)s was declared in the OSS return of %(period)s. "
                    "Leave it as it is and correct it by a new invoice.",
                    credit_note=correction.move_id.name,
                    period=correction.period,
                )
            )
        result = super().button_draft()
        corrections.unlink()
        return result

    def _create_oss_corrections(self):
        """Keep what these credit notes take back of each member state's VAT."""
        with_oss = self.filtered(
            lambda move: (
                move.invoice_line_ids.tax_ids.flatten_taxes_hierarchy().filtered(
                    "oss_country_id"
                )
            )
        )
        vals_list = []
        for move in with_oss:
            for key, amounts in move._get_oss_amounts().items():
                vals_list.append(move._prepare_oss_correction(*key, *amounts))
        # Users who post need no right to write the register.
        self.env["oss.correction"].sudo().create(vals_list)

    def _get_oss_amounts(self):
        """Return base and VAT that this credit note takes back, positive and in its
        currency, by ``(invoice, country, rate)``."""
        self.ensure_one()
        base_lines, _tax_lines = self._get_rounded_base_and_tax_lines()
        amounts = defaultdict(lambda: [0.0, 0.0])
        for base_line in base_lines:
            invoice = base_line["record"].reversed_line_id.move_id
            invoice = invoice or self.reversed_entry_id
            for tax_data in base_line["tax_details"]["taxes_data"]:
                tax = tax_data["tax"]
                if tax.oss_country_id:
                    key = (invoice, tax.oss_country_id, tax.amount)
                    amounts[key][0] += tax_data["base_amount_currency"]
                    amounts[key][1] += tax_data["tax_amount_currency"]
        return amounts

    def _prepare_oss_correction(self, invoice, country, rate, base, vat):
        period = oss.quarter(self.date)
        original = oss.quarter((invoice or self).invoice_date or self.date)
        last_day = oss.last_day_to_correct(original)
        kind = "correction"
        if original == period:
            kind = "same"
        elif self.date > last_day:
            kind = "late"
        euro = self.env.ref("base.EUR")
        day = oss.bounds(original)[1]
        in_euros = [
            -self.currency_id._convert(amount, euro, self.company_id, day)
            for amount in (base, vat)
        ]
        return {
            "move_id": self.id,
            "invoice_id": invoice.id,
            "country_id": country.id,
            "period": period,
            "original_period": original,
            "rate": rate,
            "currency_id": euro.id,
            "base": in_euros[0],
            "vat": in_euros[1],
            "last_day": last_day,
            "kind": kind,
        }
