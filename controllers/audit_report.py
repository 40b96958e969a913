from odoo import http
from odoo.http import content_disposition, request

from ..report.audit_report_xlsx import make_fec, make_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class AuditReport(http.Controller):
    @http.route("/avoir/audit_report/<int:report_id>/<string:kind>", auth="user")
    def audit_report(self, report_id, kind):
        """Give the auditor's report as a spreadsheet, or its lines of a FEC."""
        report = request.env["audit.report"].browse(report_id).exists()
        if not report or kind not in ("xlsx", "fec"):
            return request.not_found()
        report.check_access("read")
        report._check_made()
        if kind == "xlsx":
            content, mimetype, name = make_xlsx(report), XLSX, "auditor_report.xlsx"
        else:
            siren = (report.company_id.vat or report.company_id.name)[-9:]
            name = f"{siren}FEC{report.date_to:%Y%m%d}.txt"
            content, mimetype = make_fec(report), "text/plain; charset=utf-8"
        report._tell_export(kind)
        return request.make_response(
            content,
            headers=[
                ("Content-Type", mimetype),
                ("Content-Disposition", content_disposition(name)),
            ],
        )
