from odoo import fields, models


class AccountReminderLetter(models.Model):
    """The mails of reminders: put into the queue with the letter and the invoices."""

    _inherit = "account.reminder.letter"

    def _mail(self):
        """Put a mail for each letter into the queue, with letter and invoices."""
        if not self:
            return
        self._cancel_mails()
        invoices = self._get_invoice_attachments()
        values = [letter._prepare_mail(invoices) for letter in self]
        # sudo: the queue of mails is not an accountant's to write
        mails = self.env["mail.mail"].sudo().create(values)
        for letter, mail in zip(self, mails, strict=True):
            letter._write_own({"mail_id": mail.id})
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _cancel_mails(self):
        """Keep mails that failed from being tried once more beside a new one."""
        # sudo: as in _mail
        self.mail_id.sudo().filtered(
            lambda mail: mail.state in ("outgoing", "exception")
        ).state = "cancel"

    def _message_receive_bounce(self, email, partner):
        """Show that the mail came back, and have somebody see to it.

        A letter that went on paper too has arrived all the same.
        """
        result = super()._message_receive_bounce(email, partner)
        reason = self.env._("The mail to %s came back.", email)
        sent = self.filtered(lambda letter: letter.state == "sent")
        sent._message_log_batch(bodies=dict.fromkeys(sent.ids, reason))
        failed = sent.filtered(lambda letter: letter.channel == "mail")
        failed._write_own({"state": "failed", "failure": reason})
        for letter in failed:
            letter.activity_schedule(
                "avoir.mail_activity_type_reminder",
                summary=reason,
                user_id=letter._get_user().id,
            )
        return result

    def _prepare_mail(self, invoices):
        self.ensure_one()
        letter = self.with_context(lang=self._get_lang())
        # sudo: the token is readable with the letter, but is written by the first use
        letter.sudo()._portal_ensure_token()
        attachments = self.attachment_id
        if self.level_id.attach_invoices or not self.level_id:
            for move in self.line_ids.filtered(
                lambda line: line.amount_residual > 0
            ).move_id:
                attachments |= invoices.get(move.id, attachments.browse())
        attachments |= invoices.get(self.charge_move_id.id, attachments.browse())
        body = self.env["ir.qweb"]._render(
            "avoir.reminder_mail", {"o": letter}, lang=letter.env.lang
        )
        return {
            "subject": letter._get_subject(),
            "body_html": body,
            "model": self._name,
            "res_id": self.id,
            "author_id": self.env.user.partner_id.id,
            "email_from": self.company_id.email_formatted
            or self.env.user.email_formatted,
            "email_to": self._get_email(),
            "attachment_ids": [fields.Command.set(attachments.ids)],
            "auto_delete": False,
        }

    def _get_invoice_attachments(self):
        """Return the PDFs of the invoices by their id, made in one call if missing."""
        wanted = self.filtered(
            lambda letter: letter.level_id.attach_invoices or not letter.level_id
        )
        moves = wanted.line_ids.move_id.filtered(
            lambda move: move.move_type in ("out_invoice", "out_refund")
        )
        moves |= self.charge_move_id
        moves.fetch(["invoice_pdf_report_id"])
        found = {
            move.id: move.invoice_pdf_report_id
            for move in moves
            if move.invoice_pdf_report_id
        }
        missing = moves.filtered(lambda move: move.id not in found)
        if missing:
            streams, kind = self.env["ir.actions.report"]._pre_render_qweb_pdf(
                "account.account_invoices", res_ids=missing.ids
            )
            if kind == "pdf":
                there = missing.filtered(
                    lambda move: streams.get(move.id) and streams[move.id]["stream"]
                )
                values = [
                    {
                        "name": move._get_invoice_report_filename(),
                        "raw": streams[move.id]["stream"].getvalue(),
                    }
                    for move in there
                ]
                # sudo: copies for the mails, which only the queue reads
                made = self.env["ir.attachment"].sudo().create(values)
                found |= dict(zip(there.ids, made, strict=True))
        return found


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Show on the reminder that its mail could not be sent."""
        failed = self.filtered(lambda mail: mail.state == "exception")
        if failed or failure_type:
            # sudo: the queue is worked off by whoever triggers it
            letters = (
                self.env["account.reminder.letter"]
                .sudo()
                .search([("mail_id", "in", (failed or self).ids)])
            )
            letters.write(
                {
                    "state": "failed",
                    "failure": (failure_reason or failed[:1].failure_reason or "")[:250]
                    or self.env._("The mail could not be sent."),
                }
            )
        else:
            # The queue was tried again, past Send Again: that worked.
            self.env["account.reminder.letter"].sudo().search(
                [("mail_id", "in", self.ids), ("state", "=", "failed")]
            ).write({"state": "sent", "failure": False})
        return super()._postprocess_sent_message(
            success_pids,
            success_emails,
            failure_reason=failure_reason,
            failure_type=failure_type,
        )
