from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

FORMATS = [("csv", "CSV"), ("xml", "XML")]


class CreditNoteExport(models.TransientModel):
    """Exports the posted credit notes of a period, with their originals."""

    _name = "credit.note.export"
    _inherit = ["audit.mixin"]
    _description = "Export of Credit Notes"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    date_from = fields.Date(
        "From", required=True, default=lambda self: self._default_period()[0]
    )
    date_to = fields.Date(
        "To", required=True, default=lambda self: self._default_period()[1]
    )
    file_format = fields.Selection(FORMATS, required=True, default="csv")
    document_count = fields.Integer("Credit Notes", compute="_compute_count")
    line_count = fields.Integer("Lines", compute="_compute_count")

    def _audit_filter(self):
        return self.browse()

    def _audit_title(self):
        return f"{self.date_from} – {self.date_to} {self.file_format}"

    @api.model
    def _default_period(self):
        """Return the last whole month."""
        end = fields.Date.context_today(self).replace(day=1) - timedelta(days=1)
        return end.replace(day=1), end

    @api.depends("company_id", "date_from", "date_to")
    def _compute_count(self):
        moves = self.env["account.move"]
        for export in self:
            domain = export._get_domain()
            export.document_count = moves.search_count(domain)
            export.line_count = self.env["account.move.line"].search_count(
                [("display_type", "=", "product"), ("move_id", "any", domain)]
            )

    def _get_domain(self):
        return self.env["account.move"]._export_domain(
            self.company_id, self.date_from, self.date_to
        )

    def _check_export(self):
        """Raise where there is nothing to export, or what the user may not see."""
        self.ensure_one()
        self.env["account.move"].check_access("read")
        if self.company_id not in self.env.user.company_ids:
            raise UserError(
                self.env._(
                    "%(company)s is not one of your companies.",
                    company=self.company_id.name,
                )
            )
        if not self.document_count:
            raise UserError(
                self.env._(
                    "There is no posted credit note from %(start)s to %(stop)s: choose "
                    "another period.",
                    start=self.date_from,
                    stop=self.date_to,
                )
            )

    def action_export(self):
        """Return the file to the browser, while it is made."""
        self._check_export()
        return {
            "type": "ir.actions.act_url",
            "url": f"/avoir/credit_notes/{self.id}",
            "target": "download",
        }

    def _get_file_name(self):
        return f"credit_notes_{self.date_from}_{self.date_to}.{self.file_format}"

    def _stream(self):
        """Yield the file, bytes, page by page."""
        moves = self.env["account.move"].with_company(self.company_id)
        make = moves._export_csv if self.file_format == "csv" else moves._export_xml
        return make(self._get_domain())

    def _tell_export(self):
        self._audit(
            "exported",
            after={
                "format": self.file_format,
                "from": str(self.date_from),
                "to": str(self.date_to),
                "credit notes": self.document_count,
            },
        )

    # -- by cron -----------------------------------------------------------------------

    @api.model
    def _cron_export(self):
        """Export last month's credit notes of the companies that want it.

        The file is attached to the company, once a month and format; each is kept
        before the next is made.
        """
        cron = self.env["ir.cron"]
        companies = self.env["res.company"].search(
            [("credit_note_export_format", "!=", False)]
        )
        cron._commit_progress(remaining=len(companies))
        for company in companies:
            export = self.with_company(company).create(
                {
                    "company_id": company.id,
                    "file_format": company.credit_note_export_format,
                }
            )
            if export.document_count and not export._get_made():
                export._attach()
            if not cron._commit_progress(1):
                break

    def _get_made(self):
        return self.env["ir.attachment"].search_count(
            [
                ("res_model", "=", "res.company"),
                ("res_id", "=", self.company_id.id),
                ("name", "=", self._get_file_name()),
            ],
            limit=1,
        )

    def _attach(self):
        self.env["ir.attachment"].create(
            {
                "name": self._get_file_name(),
                "raw": b"".join(self._stream()),
                "res_model": "res.company",
                "res_id": self.company_id.id,
                "company_id": self.company_id.id,
                "mimetype": f"text/{self.file_format}",
            }
        )
        self._tell_export()
