from odoo import api, models
from odoo.exceptions import UserError

from .account_move_post import REFUND_TYPES

# What a message says, when, by whom and on what.
TOLD = {
    "body",
    "subject",
    "date",
    "author_id",
    "email_from",
    "message_type",
    "subtype_id",
    "model",
    "res_id",
    "attachment_ids",
    "tracking_value_ids",
}
XML_FIELDS = ("ubl_cii_xml_file",)


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        """Tell which credit notes were printed; not of those that are being sent."""
        result = super()._render_qweb_pdf(report_ref, res_ids=res_ids, data=data)
        if (
            res_ids
            and not self.env.context.get("avoir_sending")
            and self._is_invoice_report(report_ref)
        ):
            ids = [res_ids] if isinstance(res_ids, int) else list(res_ids)
            moves = self.env["account.move"].browse(ids)
            moves.filtered(lambda move: move.move_type in REFUND_TYPES)._audit(
                "printed"
            )
        return result


class AccountMove(models.Model):
    _inherit = "account.move"

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        """Keep auditors from posting on documents: who reads them may, in Odoo.

        Who also may write them keeps what that right gives.
        """
        if message_operation == "create" and self.env.user.has_group(
            "avoir.group_auditor"
        ):
            return dict.fromkeys(self, "write")
        return super()._mail_get_operation_for_mail_message_operation(message_operation)


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _generate_and_send_invoices(self, moves, *args, **kwargs):
        sender = self.with_context(avoir_sending=True)
        return super(AccountMoveSend, sender)._generate_and_send_invoices(
            moves, *args, **kwargs
        )

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, data in moves_data.items():
            if move.move_type in REFUND_TYPES:
                methods = sorted(data.get("sending_methods") or ())
                move._audit("sent", after={"sending_methods": methods})
        return result


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        """Tell of electronic documents that were made of a credit note."""
        attachments = super().create(vals_list)
        files = attachments.filtered(
            lambda file: (
                file.res_model == "account.move" and file.res_field in XML_FIELDS
            )
        )
        for file in files:
            move = self.env["account.move"].browse(file.res_id)
            if move.move_type in REFUND_TYPES:
                move._audit(
                    "exported", after={"file": file.name, "checksum": file.checksum}
                )
        return attachments


class MailMessage(models.Model):
    """What was said and sent on a posted document is not taken back by RPC.

    Odoo's own editing of a comment, and what goes with a deleted draft, are sudo.
    """

    _inherit = "mail.message"

    def write(self, vals):
        if not (self.env.su or TOLD.isdisjoint(vals)):
            self._check_not_locked()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_locked(self):
        if not self.env.su:
            self._check_not_locked()

    def _check_not_locked(self):
        """Raise where these messages belong to a document that is closed.

        :raise UserError: naming the document
        """
        # sudo: the answer is the same for who does not see the document
        own = self.sudo().filtered(lambda message: message.model == "account.move")
        for move in self.env["account.move"].sudo().browse(own.mapped("res_id")):
            if move.exists() and move._is_locked():
                raise UserError(
                    self.env._(
                        "%(document)s is posted: its messages are kept as they are.",
                        document=move.display_name,
                    )
                )
