import base64
import csv
import io
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import oss

# Headings as the declarations of each country name the figures, and the form of numbers
# there: what is shown can be typed, or pasted, as it is.
LAYOUTS = {
    "fr": (
        "État membre de consommation",
        "Période corrigée",
        "Taux de TVA (%)",
        "Base hors TVA (EUR)",
        "Montant de la correction de TVA (EUR)",
        "Total",
    ),
    "nl": (
        "Lidstaat van verbruik",
        "Gecorrigeerd tijdvak",
        "Btw-tarief (%)",
        "Maatstaf van heffing (EUR)",
        "Correctie btw-bedrag (EUR)",
        "Totaal",
    ),
    "de": (
        "Mitgliedstaat des Verbrauchs",
        "Berichtigter Besteuerungszeitraum",
        "Steuersatz (%)",
        "Bemessungsgrundlage (EUR)",
        "Berichtigung des Steuerbetrags (EUR)",
        "Summe",
    ),
}
PERIOD = {
    "fr": "{year} T{number}",
    "nl": "{year} kwartaal {number}",
    "de": "{number}. Quartal {year}",
}


class OssCorrectionExport(models.TransientModel):
    """The corrections of a quarter, as figures for the declaration."""

    _name = "oss.correction.export"
    _description = "OSS Correction List"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    period = fields.Selection(
        selection="_selection_period", required=True, default=lambda s: s._last()
    )
    layout = fields.Selection(
        [("fr", "France"), ("nl", "Netherlands"), ("de", "Germany")],
        required=True,
        default=lambda self: self._default_layout(),
    )
    correction_ids = fields.Many2many(
        "oss.correction", compute="_compute_correction_ids"
    )
    late_count = fields.Integer(compute="_compute_correction_ids")
    due_on = fields.Date(string="Return Due On", compute="_compute_due_on")
    preview = fields.Html(compute="_compute_preview", sanitize=False)
    file = fields.Binary(readonly=True, attachment=False)
    filename = fields.Char(readonly=True)

    @api.model
    def _selection_period(self):
        today = fields.Date.context_today(self)
        year, number = today.year, (today.month + 2) // 3
        periods = []
        for _position in range(20):
            periods.append(f"{year}-Q{number}")
            year, number = (year - 1, 4) if number == 1 else (year, number - 1)
        return [(period, period) for period in periods]

    @api.model
    def _last(self):
        """The quarter whose return is being made: the one before this."""
        return self._selection_period()[1][0]

    @api.model
    def _default_layout(self):
        code = (self.env.company.account_fiscal_country_id.code or "").lower()
        return code if code in LAYOUTS else "nl"

    @api.depends("company_id", "period")
    def _compute_correction_ids(self):
        for wizard in self:
            found = self.env["oss.correction"].search(
                [
                    ("company_id", "=", wizard.company_id.id),
                    ("period", "=", wizard.period),
                    ("kind", "in", ("correction", "late")),
                ]
            )
            wizard.correction_ids = found.filtered(lambda o: o.kind == "correction")
            wizard.late_count = len(found) - len(wizard.correction_ids)

    @api.depends("period")
    def _compute_due_on(self):
        for wizard in self:
            wizard.due_on = wizard.period and oss.due_date(wizard.period)

    @api.depends("correction_ids", "layout")
    def _compute_preview(self):
        for wizard in self:
            wizard.preview = self.env["ir.qweb"]._render(
                "avoir.oss_correction_list", {"rows": wizard._get_rows()}
            )

    def _get_rows(self):
        """Return the list as texts: headings, then for each member state and corrected
        period a row a rate, and their total, which is what declarations ask for."""
        self.ensure_one()
        layout = self.layout or "nl"
        details = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
        for one in self.correction_ids:
            code = oss.declarable_country(one.country_id.code)
            sums = details[code, one.original_period][one.rate]
            sums[0] += one.base
            sums[1] += one.vat
        *headings, total = LAYOUTS[layout]
        rows = [headings]
        for (code, period), rates in sorted(details.items()):
            shown = self._format_period(period)
            for rate, (base, vat) in sorted(rates.items(), reverse=True):
                rows.append([code, shown, *map(self._format_number, (rate, base, vat))])
            vat = sum(sums[1] for sums in rates.values())
            base = sum(sums[0] for sums in rates.values())
            rows.append([code, shown, total, *map(self._format_number, (base, vat))])
        return rows

    def _format_period(self, period):
        year, number = period.split("-Q")
        return PERIOD[self.layout or "nl"].format(year=year, number=number)

    @api.model
    def _format_number(self, amount):
        """Two decimals and a comma, as the three countries write them."""
        return f"{amount:.2f}".replace(".", ",").replace("-0,00", "0,00")

    def action_export(self):
        """Put the list into a file to download.

        :raise UserError: where there is nothing to correct
        """
        self.ensure_one()
        if not self.correction_ids:
            raise UserError(
                self.env._(
                    "There is nothing to correct in the return of %(period)s.",
                    period=self.period,
                )
            )
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(
            self._get_rows()
        )
        self.write(
            {
                # Spreadsheets recognise UTF-8 by its mark.
                "file": base64.b64encode(text.getvalue().encode("utf-8-sig")),
                "filename": f"oss_corrections_{self.period}_{self.layout}.csv",
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_declare(self):
        """Mark what the list shows as declared."""
        self.correction_ids.action_declare()
        return {"type": "ir.actions.act_window_close"}
