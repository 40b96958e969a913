from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date, format_datetime

from .account_move_locked import OPEN

PAGE = 200
PERIOD = ("date_from", "date_to", "company_id")
# What the report finds: nobody writes it but the report.
RESULTS = (
    "made_at",
    "is_sound",
    "chain_text",
    "chain_number",
    "chain_hash",
    "gaps",
    "overcredited",
    "without_invoice_count",
    "cancelled_count",
    "line_ids",
    "rate_ids",
)


class AuditReport(models.TransientModel):
    """The auditor's report of a period: on screen, as PDF and as XLSX."""

    _name = "audit.report"
    _inherit = ["audit.mixin"]
    _description = "Auditor's Report"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    date_from = fields.Date(
        "From", required=True, default=lambda self: self._default_period()[0]
    )
    date_to = fields.Date(
        "To", required=True, default=lambda self: self._default_period()[1]
    )
    made_at = fields.Datetime(readonly=True)
    is_sound = fields.Boolean(readonly=True)
    chain_text = fields.Text("State of the Audit Journal", readonly=True)
    chain_number = fields.Integer("Last Entry", readonly=True)
    chain_hash = fields.Char("Hash of the Last Entry", readonly=True)
    gaps = fields.Text("Missing Numbers", readonly=True)
    overcredited = fields.Text("Credited beyond the Invoice", readonly=True)
    without_invoice_count = fields.Integer("Without Original Invoice", readonly=True)
    cancelled_count = fields.Integer("Cancelled or Reset", readonly=True)
    line_ids = fields.One2many("audit.report.line", "report_id", readonly=True)
    rate_ids = fields.One2many("audit.report.rate", "report_id", readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._refuse_results(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Another period is another report: what was found is not of it."""
        self._refuse_results(vals)
        if any(name in vals for name in PERIOD):
            vals = {**vals, "made_at": False}
        return super().write(vals)

    def _refuse_results(self, vals):
        if self.env.context.get("avoir_locked") is OPEN:
            return
        if any(vals.get(name) for name in RESULTS):
            raise UserError(
                self.env._("The report is filled in by “Make the Report” alone.")
            )

    def _audit_filter(self):
        return self.browse()  # it is no document itself

    def _audit_title(self):
        return f"{self.date_from} – {self.date_to}"

    @api.model
    def _default_period(self):
        """Return the fiscal year, to its end: a document may bear tomorrow's date,
        because of a time zone or on purpose."""
        today = fields.Date.context_today(self)
        year = self.env.company.sudo().compute_fiscalyear_dates(today)
        return year["date_from"], year["date_to"]

    @api.depends("date_from", "date_to")
    def _compute_display_name(self):
        for report in self:
            report.display_name = report._get_title()

    def _get_title(self):
        return self.env._(
            "Auditor's report %(start)s – %(stop)s",
            start=format_date(self.env, self.date_from),
            stop=format_date(self.env, self.date_to),
        )

    def _get_credit_notes(self):
        """Return the credit notes of the period, by date and number."""
        self.ensure_one()
        moves = self.env["account.move"]
        moves.check_access("read")
        if self.date_from > self.date_to:
            raise UserError(self.env._("The period ends before it begins."))
        if self.company_id not in self.env.user.company_ids:
            raise UserError(
                self.env._(
                    "%(company)s is not one of your companies.",
                    company=self.company_id.name,
                )
            )
        return moves.search(
            moves._audited_domain(self.company_id, self.date_from, self.date_to),
            order="invoice_date, name, id",
        )

    def action_make(self):
        """Fill the report in; the form then shows it."""
        self.ensure_one()
        moves = self._get_credit_notes()
        # sudo: nobody writes the rows, auditors and managers neither
        opened = self.sudo().with_context(avoir_locked=OPEN)
        opened.line_ids.unlink()
        opened.rate_ids.unlink()
        rates, overcredited, values = {}, set(), []
        for row in self._iter_rows(moves):
            values.append(Command.create(self._prepare_line(row)))
            overcredited.update(row["overcredited"])
            if row["state"] == "posted":
                for rate, base, tax in row["vat"]:
                    total = rates.setdefault(rate, [0.0, 0.0])
                    total[0] += base
                    total[1] += tax
        opened.write(
            {
                **self._prepare_head(moves),
                "overcredited": ", ".join(sorted(overcredited)),
                "line_ids": values,
                "rate_ids": [
                    Command.create({"rate": rate, "base": base, "tax": tax})
                    for rate, (base, tax) in sorted(rates.items())
                ],
            }
        )
        return True

    def _iter_rows(self, moves):
        """Yield the rows of ``moves``, some at a time so that memory stays flat."""
        for position in range(0, len(moves), PAGE):
            page = moves[position : position + PAGE]
            yield from page._audit_rows()

    def _prepare_head(self, moves):
        entries = self.env["audit.entry"]
        state = entries._check_chains(self.company_id)[0]
        gaps = moves._audit_gaps(self.company_id, self.date_from, self.date_to)
        return {
            "made_at": fields.Datetime.now(),
            "is_sound": state.is_sound,
            "chain_text": entries._describe_state(state),
            "chain_number": state.number,
            "chain_hash": state.hash if state.number else False,
            "gaps": ", ".join(gaps),
            "without_invoice_count": len(moves.filtered("is_without_invoice")),
            "cancelled_count": len(moves.filtered(lambda m: m.state != "posted")),
        }

    def _prepare_line(self, row):
        return {
            "move_id": row["move"].id,
            "invoices": "\n".join(
                " ".join(filter(None, (name, format_date(self.env, date))))
                for name, date, _total in row["invoices"]
            ),
            "why": "\n".join(filter(None, (row["reason"], row["note"]))),
            "who": self._join_told(row["user"], row["time"]),
            "approval": self._join_told(row["approved_by"], row["approved_at"]),
            "vat": "\n".join(
                self.env._(
                    "%(rate)s %%: %(base)s, VAT %(tax)s",
                    rate=f"{rate:g}",
                    base=self._amount(base),
                    tax=self._amount(tax),
                )
                for rate, base, tax in row["vat"]
            ),
            "goods": row["goods_note"]
            or "\n".join(
                f"{name} {format_date(self.env, day) if day else '…'}"
                for name, day in row["returns"]
            ),
            "money": "\n".join(
                f"{name} {self._amount(amount)}" for name, amount in row["payments"]
            ),
            "untaxed": row["untaxed"],
            "tax": row["tax"],
            "total": row["total"],
        }

    def _amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)

    def _join_told(self, name, time):
        if not name:
            return ""
        return f"{name} {format_datetime(self.env, time, tz='UTC')} UTC"

    # -- what is taken away ------------------------------------------------------------

    def action_print(self):
        """Return the report as PDF."""
        self._check_made()
        self._tell_export("pdf")
        return self.env.ref("avoir.audit_report_pdf").report_action(self)

    def action_xlsx(self):
        """Return the report as a spreadsheet."""
        self._check_made()
        return self._download("xlsx")

    def action_fec(self):
        """Return the journal items of the credit notes as lines of a FEC."""
        self._check_made()
        return self._download("fec")

    def action_entries(self):
        """Open the journal of the period."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "avoir.audit_entry_action"
        )
        action["domain"] = [
            ("company_id", "=", self.company_id.id),
            ("recorded_at", ">=", self.date_from),
            ("recorded_at", "<", self.date_to + timedelta(days=1)),
        ]
        return action

    def _check_made(self):
        self.ensure_one()
        if not self.made_at:
            raise UserError(self.env._("Press “Make the Report” first."))

    def _download(self, kind):
        return {
            "type": "ir.actions.act_url",
            "url": f"/avoir/audit_report/{self.id}/{kind}",
            "target": "download",
        }

    def _tell_export(self, kind):
        self._audit(
            "exported",
            after={
                "format": kind,
                "from": str(self.date_from),
                "to": str(self.date_to),
                "credit notes": len(self.line_ids),
            },
        )


class AuditReportLine(models.TransientModel):
    _name = "audit.report.line"
    _description = "Credit Note in the Auditor's Report"

    report_id = fields.Many2one("audit.report", required=True, ondelete="cascade")
    move_id = fields.Many2one("account.move", "Credit Note", ondelete="cascade")
    number = fields.Char(related="move_id.name")
    date = fields.Date(related="move_id.invoice_date")
    state = fields.Selection(related="move_id.state")
    payment_state = fields.Selection(related="move_id.payment_state")
    partner_id = fields.Many2one(related="move_id.partner_id")
    currency_id = fields.Many2one(related="report_id.currency_id")
    invoices = fields.Text("Corrects")
    why = fields.Text("Reason")
    who = fields.Text("Posted by")
    approval = fields.Text("Approved by")
    vat = fields.Text("VAT by Rate")
    goods = fields.Text("Returned Goods")
    money = fields.Text("Set Off or Refunded")
    untaxed = fields.Monetary()
    tax = fields.Monetary("VAT")
    total = fields.Monetary()

    def action_open(self):
        """Open the credit note."""
        return self.move_id._get_records_action()


class AuditReportRate(models.TransientModel):
    _name = "audit.report.rate"
    _description = "VAT Rate in the Auditor's Report"
    _order = "rate"

    report_id = fields.Many2one("audit.report", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="report_id.currency_id")
    rate = fields.Float("Rate %", digits=(5, 2))
    base = fields.Monetary()
    tax = fields.Monetary("VAT")
