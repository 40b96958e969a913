import base64
import json
import logging
import time
from datetime import timedelta
from operator import methodcaller

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from ..connectors.documents import InvoiceNotice, OrderNotice
from ..connectors.errors import ConnectorError, Refused, TryAgainLater
from .marketplace_account_poll import is_not_accepted
from .marketplace_work import format_exception, told

_logger = logging.getLogger(__name__)

# A batch is stored once so many seconds were spent on reading it, so that a slow shop
# holds neither locks nor an old view of the database for long.
READING_TIME = 5
GIVE_UP_AFTER = 15
TAKEN_OVER = (InvoiceNotice, OrderNotice)


class MarketplaceMessage(models.Model):
    """The inbox: what a marketplace told, as it came, and what became of it.

    Stored once for an account and an event, before anything is done with it. What
    cannot be read stays, with its error, until a person has it tried again.
    """

    _name = "marketplace.message"
    _description = "Marketplace Message"
    _inherit = ["marketplace.work"]
    _order = "id desc"
    _rec_name = "event_key"
    _READING_CRON = "avoir.ir_cron_marketplace_read"

    account_id = fields.Many2one("marketplace.account", required=True, readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    event_key = fields.Char("Event", required=True, readonly=True)
    topic = fields.Char(readonly=True)
    order_external_id = fields.Char("Order at the Marketplace", readonly=True)
    sent_at = fields.Datetime("Sent On", readonly=True)
    body = fields.Binary(attachment=False, readonly=True)
    body_text = fields.Text("Content", compute="_compute_body_text")
    headers = fields.Text(readonly=True)
    state = fields.Selection(
        [
            ("new", "To Read"),
            ("done", "Done"),
            ("error", "Error"),
            ("ignored", "Ignored"),
        ],
        default="new",
        required=True,
        readonly=True,
    )
    error = fields.Text(readonly=True)
    finished = fields.Datetime(readonly=True)
    is_emptied = fields.Boolean(
        "Content Emptied",
        readonly=True,
        help="The content is gone, as it held personal data and was kept long enough.",
    )
    return_ids = fields.Many2many(
        "marketplace.return",
        "marketplace_message_return_rel",
        "message_id",
        "return_id",
        string="Returns",
        readonly=True,
    )

    _event_unique = models.UniqueIndex("(account_id, event_key)")
    _unfinished = models.Index("(state, id) WHERE state IN ('new', 'error')")
    _to_empty = models.Index("(finished) WHERE finished IS NOT NULL AND NOT is_emptied")

    @api.depends("body")
    def _compute_body_text(self):
        for message in self.with_context(bin_size=False):
            text = (
                message._get_body().decode("utf-8", "replace").replace("\0", "\ufffd")
            )
            message.body_text = _indented(text)

    def _get_body(self):
        """The bytes that were delivered."""
        self.ensure_one()
        return base64.b64decode(self.with_context(bin_size=False).body or b"")

    # ------------------------------------------------------------------
    # Storing
    # ------------------------------------------------------------------

    @api.model
    def _store(self, account, fetched):
        """Store what a poll found, each event once, and have it read.

        :param fetched: a list of ``connectors.notices.Fetched``
        """
        stored = 0
        for some in split_every(100, (item for item in fetched if item.event.wanted)):
            stored += len(
                self._insert_once(
                    account.id,
                    account.company_id.id,
                    [(item.event, item.body, "") for item in some],
                )
            )
        if stored:
            self._trigger_reading()

    @api.model
    def _insert_once(self, account_id, company_id, deliveries):
        """Insert messages, without those that the account has already.

        By SQL, as several connections may bring the same event at once: one of them
        stores it, and none meets an error. In a transaction that began before another
        one stored the event, PostgreSQL raises a serialization error.

        :param deliveries: a list of ``(IncomingEvent, body, headers)``
        :return: the ids of the new messages
        """
        now = fields.Datetime.now()
        rows = SQL(", ").join(
            SQL(
                "%s",
                (
                    account_id,
                    company_id,
                    event.event_key,
                    event.topic,
                    event.order_external_id or None,
                    event.sent_at and event.sent_at.replace(tzinfo=None),
                    base64.b64encode(body),
                    headers or None,
                    "new",
                    0,
                    now,
                    now,
                ),
            )
            for event, body, headers in deliveries
        )
        self.env.cr.execute(
            SQL(
                """INSERT INTO marketplace_message (
                        account_id, company_id, event_key, topic, order_external_id,
                        sent_at, body, headers, state, attempts,
                        create_date, write_date)
                   VALUES %s
              ON CONFLICT (account_id, event_key) DO NOTHING
                RETURNING id""",
                rows,
            ),
            log_exceptions=False,
        )
        return [id_ for (id_,) in self.env.cr.fetchall()]

    @api.model
    def _trigger_reading(self):
        self.env.ref(self._READING_CRON)._trigger()

    # ------------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------------

    @api.model
    def _cron_read(self):
        """Turn the messages that wait into returns."""
        if self._leave_to_queue("_cron_read"):
            return
        readings = {}
        stopped = self.env["marketplace.account"].search([("is_stopped", "=", True)])
        self._run_queue(
            Domain("state", "=", "new")
            & Domain("account_id", "not in", stopped.ids)
            & (
                Domain("next_try", "=", False)
                | Domain("next_try", "<=", fields.Datetime.now())
            ),
            methodcaller("_store_readings", readings),
            size=50,
            prepare=methodcaller("_read", readings),
        )
        self.env["marketplace.return"]._trigger_processing()

    def _read(self, readings):
        """Have the connectors read the messages, and fetch what these only name.

        :param readings: gets, by id, the list of notices or the exception; messages
            that are in there already, or for which the time does not suffice, are left
        """
        deadline = time.monotonic() + READING_TIME
        for account, messages in self.grouped("account_id").items():
            try:
                with account._get_connector() as shop:
                    messages._read_from(shop, readings, deadline)
            except Exception as error:
                # The shop is busy, down or refuses: all its messages wait.
                for message in messages:
                    readings.setdefault(message.id, error)

    def _read_from(self, shop, readings, deadline):
        new = self.filtered(lambda message: message.id not in readings)
        if new:
            shop.prepare([(message._get_body(), message.topic) for message in new])
        for message in new:
            if time.monotonic() > deadline:
                return
            try:
                readings[message.id] = shop.read(message._get_body(), message.topic)
            except TryAgainLater:
                raise
            except Exception as error:
                readings[message.id] = error

    def _store_readings(self, readings):
        """Make returns of what was read, and note what could not be."""
        notices = []
        done = self.browse()
        for message in self.filtered(lambda message: message.id in readings):
            reading = readings[message.id]
            if isinstance(reading, Exception):
                message._fail(reading)
                continue
            documents = [n for n in reading if isinstance(n, TAKEN_OVER)]
            if documents and not message._take_over(documents):
                continue
            done |= message
            notices += [
                (message, notice) for notice in reading if notice not in documents
            ]
        self.env["marketplace.return"]._update_from_notices(notices)
        done.write(
            {
                "state": "done",
                "finished": fields.Datetime.now(),
                "next_try": False,
                "error": False,
                "traceback": False,
            }
        )

    def _take_over(self, documents):
        """Take over invoices and orders; what cannot be is said on the message.

        :return: whether all were
        """
        try:
            with self.env.cr.savepoint():
                self.env["marketplace.document"]._take_over(self, documents)
        except (UserError, ValidationError) as error:
            self._fail(error)
            return False
        return True

    def _fail(self, exception):
        """Note why a message could not be read, and whether it is tried again."""
        self.ensure_one()
        account = self.account_id._in_company_language()
        env = account.env
        values = {"attempts": self.attempts + 1, "error": told(env, exception)}
        if is_not_accepted(exception):
            # It waits, as all of the account do, for another secret.
            self.write({**values, "next_try": self._get_next_try()})
            account._stop(exception)
            return
        again = isinstance(exception, TryAgainLater)
        if again and values["attempts"] < GIVE_UP_AFTER:
            at = self._get_next_try(exception.retry_after)
            self.write({**values, "next_try": at})
            return
        if not isinstance(exception, ConnectorError | UserError):
            _logger.error("Message %s cannot be read", self.id, exc_info=exception)
            values["error"] = env._("Unexpected error: %s", repr(exception))
        values["traceback"] = format_exception(exception)
        self.write({**values, "state": "error", "next_try": False})
        if isinstance(exception, Refused):
            account._tell_problem(account._describe(exception))
        else:
            summary = env._("Messages of the marketplace cannot be read")
            account._tell_problem(summary, account.user_ids)

    # ------------------------------------------------------------------
    # Forgetting
    # ------------------------------------------------------------------

    @api.model
    def _cron_empty(self):
        """Empty the contents of messages that were worked off long enough ago.

        Their keys stay, so that the same event told again is still known, and what
        came of them. What belongs to a return that goes on is kept until it ends.
        """
        cron = self.env["ir.cron"]
        accounts = self.env["marketplace.account"].with_context(active_test=False)
        for account in accounts.search([("keep_days", ">", 0)]):
            before = fields.Datetime.now() - timedelta(days=account.keep_days)
            domain = (
                Domain("account_id", "=", account.id)
                & Domain("finished", "<", before)
                & Domain("is_emptied", "=", False)
                & Domain("state", "in", ("done", "ignored"))
                & ~Domain("return_ids.is_open", "=", True)
            )
            while messages := self.search(domain, limit=1000, order="id"):
                messages.write(
                    {
                        "body": False,
                        "headers": False,
                        # They may quote some of it.
                        "error": False,
                        "traceback": False,
                        "is_emptied": True,
                    }
                )
                if not cron._commit_progress(len(messages)):
                    return
            self.env["marketplace.import"]._forget(account, before)

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_retry(self):
        """Have messages read again, those that are done included: nothing is made
        twice."""
        self.check_access("read")
        if any(message.state == "new" and not message.next_try for message in self):
            raise UserError(
                self.env._("A message that waits to be read needs no other try.")
            )
        if any(message.is_emptied for message in self):
            raise UserError(
                self.env._(
                    "The content of this message was emptied: it cannot be read again."
                    " Fetch it again from the account, if the shop still tells it."
                )
            )
        self.sudo().write(
            {"state": "new", "attempts": 0, "next_try": False, "error": False}
        )
        self.sudo()._trigger_reading()

    def action_ignore(self):
        """Set messages aside that nobody will have read."""
        self.check_access("read")
        waiting = self.filtered(lambda message: message.state in ("new", "error"))
        waiting.sudo().write({"state": "ignored", "finished": fields.Datetime.now()})

    def action_view_returns(self):
        """Open the returns that these messages tell of."""
        return self.return_ids._open(self.return_ids)


def _indented(text):
    """JSON in lines that can be read; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
