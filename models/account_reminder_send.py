import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .account_reminder_run import AT_ONCE

REPORT = "avoir.report_reminder_letter"
BATCH = 50
WAITING = [("state", "=", "queued")]
# What two workers can do to each other: the batch is run again.
TRANSIENT = (psycopg2.OperationalError, psycopg2.errors.UniqueViolation)
TRIES = 5

_logger = logging.getLogger(__name__)


class AccountReminderLetter(models.Model):
    """Sending: looked at again, charged, printed, mailed, noted — or not at all.

    A batch is one transaction: its letters are sent, with their mails in the queue,
    or untouched. Rows are locked, so that two workers or two clicks share the work.
    """

    _inherit = "account.reminder.letter"

    def _queue(self):
        """Have these letters sent: a few at once, more in the background."""
        self._write_own({"state": "queued", "failure": False})
        self.env.flush_all()
        if len(self) > AT_ONCE:
            self.env.ref("avoir.ir_cron_reminder_send")._trigger()
            return
        # What another transaction did meanwhile: the server tries the click again.
        self._send_isolated(raise_transient=True)
        self.run_id._finish()

    @api.model
    def _cron_send(self):
        """Send what waits, in batches, each of them committed.

        What another worker has locked is left to it. A process that is killed leaves
        its batch as it was: the next run takes it again.
        """
        cron = self.env["ir.cron"]
        tries = 0
        cron._commit_progress(remaining=self.search_count(WAITING))
        while True:
            try:
                letters = self._claim(BATCH)
                if not letters:
                    break
                letters._send_isolated(raise_transient=tries < TRIES)
                seconds_left = cron._commit_progress(len(letters))
            except TRANSIENT:
                self.env.cr.rollback()
                tries += 1
                if tries > TRIES:
                    raise
                _logger.info("Reminders met another worker: again")
                continue
            tries = 0
            if not seconds_left:
                break
        self.env["account.reminder.run"].search([("state", "=", "sending")])._finish()

    @api.model
    def _claim(self, size):
        """Lock the next letters that wait, in their order."""
        query = self._search(WAITING, order="id", limit=size)
        rows = self.env.execute_query(
            SQL("%s FOR NO KEY UPDATE SKIP LOCKED", query.select())
        )
        return self.browse(id_ for (id_,) in rows)

    def _send_isolated(self, raise_transient=False):
        """Send these letters; where that fails, halve them until it is one.

        That one is failed and says why, the others are sent.
        """
        try:
            with self.env.cr.savepoint():
                self._send()
        except Exception as exception:
            if raise_transient and isinstance(exception, TRANSIENT):
                raise
            if len(self) == 1:
                if not isinstance(exception, UserError):
                    _logger.warning("%s is not sent", self, exc_info=True)
                self._fail(exception)
                return
            middle = len(self) // 2
            self[:middle]._send_isolated(raise_transient)
            self[middle:]._send_isolated(raise_transient)

    def _fail(self, exception):
        """Show what went wrong; the letter can be sent again."""
        self._write_own({"state": "failed", "failure": str(exception)[:250]})

    def action_resend(self):
        """Send again what failed, after another look at what is due."""
        letters = self.filtered(lambda letter: letter.state == "failed")
        if not letters:
            raise UserError(self.env._("None of these reminders has failed."))
        letters._queue()
        return True

    def action_resend_paper(self):
        """Send on paper what failed as a mail."""
        self.filtered(lambda letter: letter.state == "failed").channel = "paper"
        return self.action_resend()

    def action_give_up(self):
        """Cancel what failed: it does not count as a reminder.

        :raises UserError: when it was sent, or its charges were booked
        """
        self._check_draft()
        for letter in self:
            if letter.charge_move_id and not letter.waived_move_id:
                raise UserError(
                    self.env._(
                        "%(letter)s: its charges are booked on %(move)s. Waive them "
                        "first.",
                        letter=letter.display_name,
                        move=letter.charge_move_id.name,
                    )
                )
        self._cancel_mails()
        self._write_own({"state": "cancelled"})
        return True

    # -- one batch ---------------------------------------------------------------

    def _send(self):
        """Send a batch of letters that are locked or not yet seen by others."""
        for company in self.company_id:
            mine = self.filtered_domain([("company_id", "=", company.id)])
            letters = mine.with_company(company)._recheck(
                fields.Date.context_today(self)
            )
            if letters:
                letters._deliver()

    def _deliver(self):
        for letter in self:
            if letter.channel in ("mail", "both") and not letter._get_email():
                raise UserError(
                    self.env._(
                        "%(customer)s has no e-mail address.",
                        customer=letter.contact_id.display_name,
                    )
                )
        self._note_rate()
        self._book_charges()
        written = self.filtered(lambda letter: letter.channel != "call")
        written._render()
        written.filtered(lambda letter: letter.channel in ("mail", "both"))._mail()
        self._write_own({"state": "sent", "sent_date": fields.Datetime.now()})
        (self - written)._ask_for_call()
        self._take_next_action()
        self._note_history()

    def _get_email(self):
        self.ensure_one()
        return self.contact_id.email or self.partner_id.email

    # -- another look --------------------------------------------------------------

    def _recheck(self, today):
        """Work letters out anew from what is open now: refunds, payments, disputes.

        Lines and amounts follow; a letter for which nothing is left is cancelled and
        says so. A letter that was charged keeps its charges.

        :return: the letters that are still needed, of one company
        """
        found = self._find_lines(today)
        kept = self.filtered(lambda letter: letter in found)
        (self - kept)._drop()
        for letter in kept:
            letter._take_over(found[letter][0], today)
        self._store_lines(found)
        return kept

    @api.model
    def _store_lines(self, found):
        """Store what letters say; what was booked for a line stays as it was booked."""
        letters = self.concat(*found)
        booked = letters.filtered("charge_move_id")
        charged = {
            line._get_key(): line._get_charges()
            for line in booked.line_ids.filtered("charged")
        }
        # sudo: lines are what was found, nobody types them in
        letters.line_ids.sudo().unlink()
        self.env.flush_all()
        self.env["account.reminder.letter.line"]._insert(
            {letter: rows for letter, rows in found.items() if letter.state != "draft"}
        )
        for line in booked.line_ids.sudo():
            line.write(charged.get(line._get_key(), {}))

    def _take_over(self, row, today):
        """Write what is due now, and say in the chatter what differs."""
        self.ensure_one()
        if self.currency_id.compare_amounts(self.amount_due, row["letter_amount"]):
            self._message_log(
                body=self.env._(
                    "What is due changed from %(old)s to %(new)s before sending.",
                    old=self._format_sums({self.currency_id: self.amount_due}),
                    new=self._format_sums({self.currency_id: row["letter_amount"]}),
                )
            )
        self._write_own(
            {
                "date": today,
                "amount_due": row["letter_amount"],
                "oldest_date": row["letter_oldest"],
                "level_id": row["letter_level"],
                "step": row["letter_step"],
            }
        )

    def _drop(self):
        """Cancel letters for which nothing is left to ask."""
        if not self:
            return
        self._cancel_mails()
        self._write_own({"state": "cancelled"})
        text = self.env._("Not sent: nothing of it is due any more.")
        bodies = dict.fromkeys(self.ids, text)
        for letter in self:
            if letter.charge_move_id and not letter.waived_move_id:
                bodies[letter.id] = self.env._(
                    "Not sent: nothing of it is due any more. Its charges stay booked "
                    "on %s: waive them if they are not to be paid.",
                    letter.charge_move_id.name,
                )
        self._message_log_batch(bodies=bodies)

    # -- paper ---------------------------------------------------------------------

    def _render(self):
        """Make the PDFs of all these letters with one call of wkhtmltopdf."""
        if not self:
            return
        report = self.env["ir.actions.report"]
        streams, kind = report._pre_render_qweb_pdf(REPORT, res_ids=self.ids)
        values = []
        for letter in self:
            stream = streams.get(letter.id) if kind == "pdf" else None
            values.append(
                {
                    "name": f"{letter.with_context(lang=letter._get_lang()).name}.pdf",
                    "raw": stream["stream"].getvalue() if stream else streams,
                    "res_model": self._name,
                    "res_id": letter.id,
                }
            )
        # sudo: an accountant may not write every attachment of a letter
        for letter, attachment in zip(
            self, self.env["ir.attachment"].sudo().create(values), strict=True
        ):
            letter._write_own(
                {
                    "attachment_id": attachment.id,
                    "printed_date": False,
                    "printed_user_id": False,
                }
            )
