import logging
from datetime import timedelta, timezone

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..connectors import marketplaces
from ..connectors.errors import ConnectorError, Refused, TryAgainLater
from .marketplace_work import told

_logger = logging.getLogger(__name__)

# What a poll asks for again, as the clocks of shop and server differ.
OVERLAP = timedelta(minutes=10)
# Who polls an account has it for so long after each page; if he is killed, another one
# goes on from the last page then.
LEASE = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)


class MarketplaceAccount(models.Model):
    """Fetches page by page what no webhook told, and goes on where it was stopped."""

    _inherit = "marketplace.account"

    poll_interval = fields.Integer(
        "Fetch Every (Minutes)",
        default=60,
        required=True,
        tracking=True,
        help="How often the shop is asked for what no webhook told. Zero: never.",
    )
    take_over_from = fields.Datetime(
        default=fields.Datetime.now,
        copy=False,
        tracking=True,
        help="Nothing older is looked for by itself: it was credited by hand before."
        " Fetch Again asks for an earlier time.",
    )
    last_poll = fields.Datetime("Last Fetch", copy=False, readonly=True)
    next_poll = fields.Datetime("Next Fetch", copy=False, readonly=True)
    poll_cursor = fields.Char(copy=False, readonly=True)
    poll_started = fields.Datetime(copy=False, readonly=True)
    poll_from = fields.Datetime("Fetch Again from", copy=False, readonly=True)
    poll_until = fields.Datetime("Fetch Again until", copy=False, readonly=True)
    poll_failures = fields.Integer(copy=False, readonly=True)
    poll_error = fields.Char("Last Problem", copy=False, readonly=True)
    is_stopped = fields.Boolean(
        "Stopped",
        copy=False,
        readonly=True,
        help="The shop does not accept the secrets: nothing is asked of it until "
        "another secret is entered, or somebody fetches by hand.",
    )
    can_poll = fields.Boolean(compute="_compute_can_poll")

    _poll_interval_positive = models.Constraint(
        "CHECK (poll_interval >= 0)", "The minutes cannot be below zero."
    )
    _due = models.Index("(next_poll) WHERE active")

    @api.depends("code")
    def _compute_can_poll(self):
        for account in self:
            shop = marketplaces.registry.get(account.code)
            account.can_poll = bool(shop and shop.polls)

    def write(self, vals):
        """Another secret or address: what stood still goes on."""
        if "is_stopped" not in vals and self._names_of_secrets() & vals.keys():
            vals = {**vals, **self._prepare_go_on()}
            self.sudo()._get_problem_activities().unlink()
        return super().write(vals)

    @api.model
    def _names_of_secrets(self):
        return {"base_url", "api_key", "api_secret", "access_token"}

    @api.model
    def _prepare_go_on(self):
        return {
            "is_stopped": False,
            "poll_error": False,
            "poll_failures": 0,
            "next_poll": fields.Datetime.now(),
        }

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_fetch_now(self):
        """Ask the shops now, without waiting for their time."""
        self._fetch_soon({})
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "message": self.env._("The shop is asked now; what is new comes in."),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_check_connection(self):
        """Ask the shop for something harmless, and say whether it answers.

        :raise UserError: in its words, when it does not
        """
        self.check_access("write")
        try:
            with self._get_connector() as shop:
                shop.check_connection()
        except ConnectorError as error:
            raise UserError(
                self.env._(
                    "%(account)s cannot be reached: %(error)s",
                    account=self.name,
                    error=told(self.env, error),
                )
            ) from error
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("%s answers.", self.name),
            },
        }

    def _fetch_again(self, since, until):
        """Ask the shops once more for what happened in between; nothing is doubled."""
        if since >= until:
            raise UserError(self.env._("Enter a beginning that is before the end."))
        self._fetch_soon(
            {
                "poll_from": since,
                "poll_until": until,
                "poll_cursor": False,
                "poll_started": False,
            }
        )

    def _fetch_soon(self, values):
        # The rights are those of whoever may change accounts: managers.
        self.check_access("write")
        if archived := self.filtered(lambda account: not account.active):
            raise UserError(
                self.env._(
                    "%(account)s is archived: unarchive it first.",
                    account=archived[0].name,
                )
            )
        self.write({**self._prepare_go_on(), **values})
        self.env.ref("avoir.ir_cron_marketplace_poll").sudo()._trigger()

    # ------------------------------------------------------------------
    # The cron
    # ------------------------------------------------------------------

    @api.model
    def _cron_poll(self):
        """Ask the shops whose time has come, each in transactions of its own."""
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=self.search_count(self._get_due_domain()))
        while account := self._claim_due():
            account._poll()
            if not cron._commit_progress(1):
                break

    @api.model
    def _get_due_domain(self):
        now = fields.Datetime.now()
        return [
            ("code", "in", [c for c, s in marketplaces.registry.items() if s.polls]),
            ("is_stopped", "=", False),
            # Whose interval is zero is asked when somebody says so, by ``next_poll``.
            "|",
            ("next_poll", "<=", now),
            "&",
            ("next_poll", "=", False),
            ("poll_interval", ">", 0),
        ]

    @api.model
    def _claim_due(self):
        """Take one account whose time has come, that no other server is taking."""
        query = self._search(
            self._get_due_domain(), order="next_poll NULLS FIRST, id", limit=1
        )
        try:
            rows = self.env.execute_query(
                SQL("%s FOR NO KEY UPDATE SKIP LOCKED", query.select())
            )
            account = self.browse(id_ for (id_,) in rows)
            if account:
                account._lease()
        except psycopg2.OperationalError:
            self.env.cr.rollback()
            return self.browse()
        return account

    def _lease(self):
        """Keep others from this account, until the next page at least."""
        self.next_poll = fields.Datetime.now() + LEASE
        self.env["ir.cron"]._commit_progress()

    def _poll(self):
        """Store what changed in the shop, page by page, each of them committed."""
        self.ensure_one()
        asked = self._get_asked_range()
        try:
            next_page = self._poll_pages(asked)
        except psycopg2.OperationalError as error:
            # Another worker was in between: the page is asked again.
            self.env.cr.rollback()
            self._poll_failed(TryAgainLater(type(error).__name__, 10))
        except ConnectorError as error:
            self._poll_failed(error)
        except Exception as error:
            _logger.exception("Polling of account %s failed", self.id)
            self.env.cr.rollback()
            self._poll_failed(error)
        else:
            if self._is_asked_otherwise(asked):
                next_page = fields.Datetime.now()
            self._poll_went_well(next_page)

    def _get_asked_range(self):
        return self.poll_from, self.poll_until

    def _is_asked_otherwise(self, asked):
        """Whether somebody asked for other dates since; archived it, perhaps."""
        self.invalidate_recordset()
        return self._get_asked_range() != asked

    def _poll_pages(self, asked):
        """Ask for pages until there are no more.

        :param asked: the range of time; when another one is asked for, this one ends
        :return: when to ask for more; None where there are no more
        """
        if not self.poll_started:
            self.poll_started = fields.Datetime.now()
        since = self.last_poll or self.take_over_from or self.create_date
        since = self.poll_from or since - OVERLAP
        with self._get_connector() as shop:
            for page in shop.poll_pages(
                self.poll_cursor or "", _aware(since), _aware(self.poll_until)
            ):
                # What webhooks stored meanwhile is to be in sight.
                self.env["ir.cron"]._commit_progress()
                if self._is_asked_otherwise(asked) or not self.active:
                    return fields.Datetime.now()
                self.env["marketplace.message"]._store(self, page.messages)
                now = fields.Datetime.now()
                self.write({"poll_cursor": page.cursor, "next_poll": now + LEASE})
                has_time = self.env["ir.cron"]._commit_progress()
                if not page.cursor:
                    return None
                if page.retry_after is not None:
                    return now + timedelta(seconds=page.retry_after)
                if not has_time:
                    return now
        return None

    def _poll_went_well(self, next_page):
        """Note when to ask again.

        :param next_page: when there is more to be had of this window, or None
        """
        now = fields.Datetime.now()
        values = {"poll_failures": 0, "poll_error": False, "next_poll": next_page}
        if not next_page:
            values |= {"poll_cursor": False, "poll_started": False}
            wait = timedelta(minutes=self.poll_interval)
            if self.poll_from:
                # What was asked again says nothing about what is new.
                values |= {"poll_from": False, "poll_until": False}
                values["next_poll"] = now if self.poll_interval else False
            else:
                values["last_poll"] = self.poll_started
                values["next_poll"] = now + wait if self.poll_interval else False
        self.write(values)
        self._get_problem_activities().unlink()

    def _poll_failed(self, error):
        """Try again later, or stop, and tell the one who can do something about it."""
        if is_not_accepted(error):
            self._stop(error)
            return
        self.poll_failures += 1
        wait = timedelta(minutes=2 ** min(self.poll_failures, 9))
        retry_after = getattr(error, "retry_after", None)
        if retry_after is not None:
            wait = timedelta(seconds=max(retry_after, 1))
        self.write(
            {
                "next_poll": fields.Datetime.now() + min(wait, LONGEST_WAIT),
                "poll_error": self._describe(error),
            }
        )
        if isinstance(error, TryAgainLater):
            _logger.info("Polling of account %s postponed: %s", self.id, error)
            return
        if self.poll_cursor:
            # A cursor may be refused for being too old: from the beginning then.
            self.write({"poll_cursor": False})
        self._tell_problem(self._describe(error))

    def _describe(self, error):
        """What went wrong, in the language of the company: it is stored for all."""
        env = self._in_company_language().env
        if isinstance(error, Refused):
            return env._("The shop refuses: %s", told(env, error))
        if isinstance(error, ConnectorError):
            return told(env, error)
        return env._("Polling failed: %s", repr(error))

    def _in_company_language(self):
        return self.with_context(lang=self.company_id.partner_id.lang)

    def _stop(self, error):
        """Ask nothing more of a shop that does not accept the secrets."""
        text = self._describe(error)
        self.write({"is_stopped": True, "poll_error": text})
        self._tell_problem(text)

    # ------------------------------------------------------------------
    # Telling people
    # ------------------------------------------------------------------

    def _tell_problem(self, summary, users=None):
        """Tell people, once until it is dealt with; the one responsible, as a rule."""
        self.ensure_one()
        if self._get_problem_activities():
            return
        for user in users or self.manager_id or self.user_ids or self.create_uid:
            self.activity_schedule(
                "mail.mail_activity_data_warning", summary=summary, user_id=user.id
            )

    def _get_problem_activities(self):
        return self.activity_ids.filtered("automated")


def is_not_accepted(error):
    """Whether a shop refused the secrets, and not only one thing that was asked."""
    return isinstance(error, Refused) and error.unauthorized


def _aware(moment):
    return moment and moment.replace(tzinfo=timezone.utc)
