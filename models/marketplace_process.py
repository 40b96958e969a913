import logging
import uuid
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..connectors.errors import ConnectorError, TryAgainLater
from .marketplace_work import format_exception, told

_logger = logging.getLogger(__name__)

GIVE_UP_AFTER = 15
# A document that was being sent for longer than this is not being sent any more.
LOST_AFTER = timedelta(minutes=15)


class MarketplaceProcess(models.Model):
    """Something that a marketplace is told, or given, and does in its own time.

    Made in the transaction of what it tells of, sent by a cron, and followed to its
    end: that it was taken does not mean that it was accepted.
    """

    _name = "marketplace.process"
    _description = "Report to a Marketplace"
    _inherit = ["marketplace.work"]
    _order = "id desc"

    account_id = fields.Many2one(
        "marketplace.account", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    return_id = fields.Many2one(
        "marketplace.return", required=True, readonly=True, index=True
    )
    kind = fields.Selection(
        [("handling", "What was decided"), ("document", "Credit note")],
        required=True,
        readonly=True,
    )
    handling = fields.Selection(
        [
            ("received", "Return received"),
            ("exchanged", "Exchanged"),
            ("rejected", "Rejected"),
            ("repaired", "Repaired"),
            ("kept", "The customer keeps it"),
            ("approved_after_all", "Approved after all"),
        ],
        readonly=True,
    )
    quantity = fields.Integer(readonly=True)
    credit_note_id = fields.Many2one(
        "account.move", readonly=True, index="btree_not_null"
    )
    state = fields.Selection(
        [
            ("to_send", "To Send"),
            ("sending", "Being Sent"),
            ("pending", "Taken, Not Done"),
            ("success", "Done"),
            ("failure", "Failed"),
        ],
        default="to_send",
        required=True,
        readonly=True,
        index=True,
    )
    external_id = fields.Char("Number at the Marketplace", readonly=True)
    message = fields.Char("In the Marketplace's Words", readonly=True)
    sender = fields.Char(readonly=True)

    _once = models.UniqueIndex(
        "(return_id, kind, COALESCE(handling, ''), COALESCE(credit_note_id, 0))"
    )

    @api.depends("kind", "handling", "return_id")
    def _compute_display_name(self):
        handlings = dict(self._fields["handling"]._description_selection(self.env))
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for process in self:
            what = handlings.get(process.handling) or kinds[process.kind]
            process.display_name = f"{process.return_id.display_name} · {what}"

    # ------------------------------------------------------------------
    # The cron
    # ------------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Send what waits, and ask after what was taken."""
        if self._leave_to_queue("_cron_send"):
            return
        due = Domain("next_try", "=", False) | Domain(
            "next_try", "<=", fields.Datetime.now()
        )
        self._give_up_lost()
        stopped = self.env["marketplace.account"].search([("is_stopped", "=", True)])
        due &= Domain("account_id", "not in", stopped.ids)
        for domain, call in (
            (
                Domain("state", "=", "to_send") & Domain("kind", "=", "handling"),
                "_report",
            ),
            (Domain("state", "=", "pending"), "_ask"),
        ):
            answers = {}
            if not self._run_queue(
                domain & due,
                lambda some, answers=answers: some._take_answers(answers),
                size=20,
                prepare=lambda some, answers=answers, call=call: some._call(
                    call, answers
                ),
            ):
                return
        self._send_documents(due)

    @api.model
    def _send_documents(self, due):
        """Send documents, one by one: what is sent twice arrives twice.

        That one is being sent is committed before, so that nobody sends it again when
        this process is killed in between.
        """
        domain = Domain("state", "=", "to_send") & Domain("kind", "=", "document") & due
        while document := self._lock_next(domain, 1):
            sender = uuid.uuid4().hex
            document.write({"state": "sending", "sender": sender})
            self.env["ir.cron"]._commit_progress()
            answers = {}
            document = self._lock_next(Domain("sender", "=", sender), 1)
            document._call("_upload", answers)
            document._take_answers(answers)
            if not self.env["ir.cron"]._commit_progress(1):
                return

    @api.model
    def _give_up_lost(self):
        """Have a person look at documents whose sender was killed."""
        lost = Domain("state", "=", "sending") & Domain(
            "write_date", "<", fields.Datetime.now() - LOST_AFTER
        )
        for document in self._lock_next(lost, 100):
            document._fail(
                UserError(
                    self.env._(
                        "It may have been sent or not: look at the marketplace, then"
                        " send it again."
                    )
                )
            )

    # ------------------------------------------------------------------
    # Calls
    # ------------------------------------------------------------------

    def _call(self, name, answers):
        """Call the marketplaces, each with one connection.

        :param answers: gets, by id, the ``Process`` or the exception
        """
        new = self.filtered(lambda process: process.id not in answers)
        for account, processes in new.grouped("account_id").items():
            try:
                with account._get_connector() as shop:
                    for process in processes:
                        try:
                            answers[process.id] = getattr(process, name)(shop)
                        except TryAgainLater:
                            raise
                        except (ConnectorError, UserError) as error:
                            answers[process.id] = error
            except Exception as error:
                for process in processes:
                    answers.setdefault(process.id, error)

    def _report(self, shop):
        return shop.report_return(
            self.return_id.external_id, self.handling, self.quantity
        )

    def _ask(self, shop):
        return shop.process_status(self.external_id)

    def _upload(self, shop):
        credit_note = self.credit_note_id
        report = self.env["ir.actions.report"]
        content, _kind = report._render_qweb_pdf(
            "account.account_invoices", credit_note.ids
        )
        barcodes = credit_note.invoice_line_ids.product_id.mapped("barcode")
        name = (credit_note.name or "credit_note").replace("/", "_")
        return shop.upload_document(
            "credit_note",
            self.return_id.order_external_id or self.return_id.order_ref or "",
            f"{name}.pdf",
            content,
            [code for code in barcodes if code],
        )

    def _take_answers(self, answers):
        """Note what the marketplaces answered."""
        for process in self.filtered(lambda process: process.id in answers):
            answer = answers[process.id]
            if isinstance(answer, Exception):
                process._fail(answer)
                continue
            state = answer.state
            if state == "pending" and not answer.external_id:
                state = "success"
            waits = state == "pending"
            process.write(
                {
                    "state": state,
                    "external_id": answer.external_id or process.external_id,
                    "message": answer.message or False,
                    "attempts": process.attempts + 1 if waits else 0,
                    "next_try": process._get_next_try() if waits else False,
                    "traceback": False,
                }
            )
            if state == "failure":
                process._tell_failure()

    def _fail(self, exception):
        """Note why it could not be sent, and whether it is tried again."""
        self.ensure_one()
        env = self.account_id._in_company_language().env
        values = {"attempts": self.attempts + 1, "message": told(env, exception)}
        if isinstance(exception, TryAgainLater) and self.attempts < GIVE_UP_AFTER:
            state = "pending" if self.external_id else "to_send"
            at = self._get_next_try(exception.retry_after)
            self.write({**values, "state": state, "next_try": at})
            return
        if getattr(exception, "unauthorized", False):
            self.account_id._stop(exception)
            self.write({**values, "state": "to_send"})
            return
        if not isinstance(exception, ConnectorError | UserError):
            _logger.error("Process %s failed", self.id, exc_info=exception)
        values["traceback"] = format_exception(exception)
        self.write({**values, "state": "failure", "next_try": False})
        self._tell_failure()

    def _tell_failure(self):
        self.return_id._message_log(
            body=self.env._(
                "The marketplace did not take it (%(what)s): %(message)s",
                what=self.display_name,
                message=self.message or "?",
            )
        )
        account = self.account_id
        summary = self.env._("The marketplace did not take a report of yours")
        account._tell_problem(summary, account.user_ids)

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_send_again(self):
        """Send what failed once more."""
        self.check_access("read")
        if any(process.state != "failure" for process in self):
            raise UserError(self.env._("Only what failed is sent again."))
        # sudo: customer service decides, the cron does
        self.sudo().write(
            {
                "state": "to_send",
                "external_id": False,
                "attempts": 0,
                "next_try": False,
                "message": False,
            }
        )
        self.env.ref("avoir.ir_cron_marketplace_send").sudo()._trigger()
