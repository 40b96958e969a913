from odoo import api, http
from odoo.http import Response, content_disposition, request
from odoo.modules.registry import Registry

TYPES = {"csv": "text/csv; charset=utf-8", "xml": "application/xml"}


class CreditNoteExport(http.Controller):
    @http.route("/avoir/credit_notes/<int:export_id>", auth="user")
    def export(self, export_id):
        """Give the credit notes of an export while they are read, page by page."""
        export = request.env["credit.note.export"].browse(export_id).exists()
        if not export:
            return request.not_found()
        export.check_access("read")
        export._check_export()
        export._tell_export()
        request.env.cr.flush()
        return Response(
            stream(request.env.cr.dbname, export.env.uid, export.env.context, export),
            headers=[
                ("Content-Type", TYPES[export.file_format]),
                ("Content-Disposition", content_disposition(export._get_file_name())),
                ("X-Accel-Buffering", "no"),
            ],
        )


def stream(dbname, uid, context, export):
    """Yield the file of ``export`` over a cursor of its own.

    The request's is closed before the browser has read the last page.
    """
    with Registry(dbname).cursor() as cr:
        env = api.Environment(cr, uid, dict(context))
        yield from env["credit.note.export"].browse(export.id)._stream()
