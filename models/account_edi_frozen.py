import hashlib
import logging

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..tools import einvoice

_logger = logging.getLogger(__name__)


class AccountMove(models.Model):
    """The e-invoice of a credit note, made when it is posted and never again.

    What is sent tomorrow is what was posted today, whatever happens to the customer's
    address, to payments and to the invoice in between. It lies in core's own field for
    it, so that the send wizard, the portal and Peppol take it from there.
    """

    _inherit = "account.move"

    einvoice_format = fields.Selection(
        selection="_selection_einvoice_format",
        string="E-Invoice Format",
        copy=False,
        readonly=True,
    )
    einvoice_date = fields.Datetime(
        string="E-Invoice Made On", copy=False, readonly=True
    )
    einvoice_sha256 = fields.Char(
        string="E-Invoice SHA-256",
        copy=False,
        readonly=True,
        help="Of the file as it was made when the credit note was posted.",
    )
    einvoice_missing = fields.Text(
        string="E-Invoice to Complete",
        copy=False,
        readonly=True,
        help="What is missing for a valid e-invoice. Complete it and make it again.",
    )
    einvoice_state = fields.Selection(
        [
            ("frozen", "Frozen"),
            ("missing", "To Complete"),
            ("altered", "Altered"),
        ],
        string="E-Invoice",
        compute="_compute_einvoice_state",
    )
    einvoice_is_plain = fields.Boolean(compute="_compute_einvoice_state")

    @api.model
    def _selection_einvoice_format(self):
        """The formats that customers can have."""
        formats = self.env["res.partner"]._fields["invoice_edi_format"]
        return formats._description_selection(self.env)

    @api.depends("einvoice_sha256", "einvoice_missing")
    def _compute_einvoice_state(self):
        contents = self._get_einvoice_contents()
        formats = self.env["res.partner"]._get_ubl_cii_formats_info()
        plain = f">{einvoice.EN16931}<".encode()
        for move in self:
            on_peppol = formats.get(move.einvoice_format, {}).get("on_peppol")
            content = contents.get(move.id, b"")
            move.einvoice_is_plain = bool(on_peppol) and plain in content
            if move.einvoice_missing:
                move.einvoice_state = "missing"
            elif not move.einvoice_sha256:
                move.einvoice_state = False
            else:
                found = contents.get(move.id)
                same = found is not None and _sha256(found) == move.einvoice_sha256
                move.einvoice_state = "frozen" if same else "altered"

    def _get_einvoice_contents(self):
        """Return the frozen files by id, read past access rights: they belong to
        documents that the user sees."""
        frozen = self.filtered("einvoice_sha256")
        attachments = (
            self.env["ir.attachment"]
            .sudo()
            .with_context(bin_size=False)  # forms ask for sizes in place of contents
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "ubl_cii_xml_file"),
                    ("res_id", "in", frozen.ids),
                ]
            )
        )
        return {attachment.res_id: attachment.raw or b"" for attachment in attachments}

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted.filtered(lambda move: move.move_type == "out_refund")._freeze_einvoices()
        return posted

    def button_draft(self):
        """The file goes with the draft: it is posted, and made, again.

        Core keeps it in the document's attachments under another name.
        """
        result = super().button_draft()
        self.filtered("einvoice_format")._forget_einvoices()
        return result

    def _forget_einvoices(self):
        self.write(
            {
                "einvoice_format": False,
                "einvoice_date": False,
                "einvoice_sha256": False,
                "einvoice_missing": False,
            }
        )

    def action_make_einvoice(self):
        """Make the e-invoices that could not be made when these were posted.

        :raise UserError: naming what is still missing
        :raise AccessError: for who only reads
        """
        todo = self.filtered(
            lambda move: (
                move.move_type == "out_refund"
                and move.state == "posted"
                and not move.einvoice_sha256
            )
        )
        todo.check_access("write")
        todo._freeze_einvoices()
        if len(todo) == 1 and todo.einvoice_missing:
            raise UserError(todo.einvoice_missing)
        return True

    def _freeze_einvoices(self):
        """Make and keep the e-invoices of these credit notes, where their customers
        have a format. What cannot be made is told on the document and stops nothing.
        """
        attachments, now = [], fields.Datetime.now()
        self._read_for_einvoices()
        for move in self:
            partner = move.commercial_partner_id.with_company(move.company_id)
            builder = (
                not move.ubl_cii_xml_id
                and partner.invoice_edi_format
                and partner._get_edi_builder(partner.invoice_edi_format)
            )
            # A model without records is false: None means no builder.
            if builder is None or isinstance(builder, (bool, str)):
                continue
            content, missing = move._make_einvoice(builder)
            move._keep_einvoice(partner.invoice_edi_format, content, missing, now)
            if not missing:
                attachments.append(
                    {
                        "name": builder._export_invoice_filename(move),
                        "raw": content,
                        "mimetype": "application/xml",
                        "res_model": move._name,
                        "res_id": move.id,
                        "res_field": "ubl_cii_xml_file",
                    }
                )
        if attachments:
            # As core does when sending: users may not write files of this kind.
            self.env["ir.attachment"].with_user(SUPERUSER_ID).create(attachments)
            self.invalidate_recordset(["ubl_cii_xml_id", "ubl_cii_xml_file"])

    def _read_for_einvoices(self):
        """Read at once what the builders would read document by document."""
        lines = (self | self._get_corrected_invoices()).line_ids
        lines.fetch(["tax_ids", "tax_tag_ids", "sale_line_ids", "product_uom_id"])

    def _keep_einvoice(self, einvoice_format, content, missing, now):
        """Put the results into the fields past ``account.move.write``.

        That would add up the document's lines again, for each document.
        """
        values = {
            "einvoice_format": einvoice_format,
            "einvoice_date": False if missing else now,
            "einvoice_missing": missing,
            "einvoice_sha256": False if missing else _sha256(content),
        }
        for name, value in values.items():
            field = self._fields[name]
            field.write(self, field.convert_to_cache(value, self))
        self.modified(values)

    def _make_einvoice(self, builder):
        """Return the file and None, or None and what is missing, one a line."""
        self.ensure_one()
        try:
            content, errors = builder._export_invoice(self)
        except (UserError, ValidationError) as error:
            return None, str(error)
        except Exception:
            # A posting that fails for its e-invoice would stop the whole run.
            _logger.exception("No e-invoice of %s", self.name)
            return None, self.env._(
                "The e-invoice could not be made, and the log of the server says why."
            )
        return content, "\n".join(sorted(map(str, errors))) or None


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    def _hook_invoice_document_before_pdf_report_render(self, invoice, invoice_data):
        """Send the frozen Factur-X inside the PDF, and not one made anew."""
        result = super()._hook_invoice_document_before_pdf_report_render(
            invoice, invoice_data
        )
        if (
            invoice.einvoice_sha256
            and invoice.einvoice_format == "facturx"
            and invoice_data.get("invoice_edi_format") == "facturx"
            and "ubl_cii_xml_attachment_values" not in invoice_data
        ):
            content = invoice._get_einvoice_contents().get(invoice.id)
            if content:
                invoice_data["ubl_cii_xml_options"] = {
                    "ubl_cii_format": "facturx",
                    "builder": self.env["account.edi.xml.cii"],
                }
                invoice_data["ubl_cii_xml_attachment_values"] = {"raw": content}
        return result

    def _link_invoice_documents(self, invoices_data):
        """The frozen file is there already: it is not stored a second time."""
        kept = {
            invoice: invoice_data.pop("ubl_cii_xml_attachment_values")
            for invoice, invoice_data in invoices_data.items()
            if invoice.einvoice_sha256
            and invoice_data.get("ubl_cii_xml_attachment_values")
        }
        result = super()._link_invoice_documents(invoices_data)
        for invoice, values in kept.items():
            invoices_data[invoice]["ubl_cii_xml_attachment_values"] = values
        return result
