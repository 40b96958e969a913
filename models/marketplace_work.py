import logging
import traceback
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..connectors.errors import ConnectorError

_logger = logging.getLogger(__name__)

# What two workers can do to each other. The whole batch is run again, with what the
# other one has committed in sight.
TRANSIENT = (psycopg2.OperationalError, psycopg2.errors.UniqueViolation)
TRIES = 5
LONGEST_WAIT = timedelta(days=1)


class MarketplaceWork(models.AbstractModel):
    """Records that are worked through in batches, each step committed with its result.

    A batch is locked, and what another worker has locked is left to it. A process that
    is killed leaves the batch as it was before the step: the next run takes it again.
    """

    _name = "marketplace.work"
    _description = "Work of the Marketplaces"
    _inherit = ["marketplace.queue"]

    attempts = fields.Integer(copy=False, readonly=True)
    next_try = fields.Datetime(
        copy=False, readonly=True, help="Tried again by itself at this time."
    )
    traceback = fields.Text(
        "Technical Details",
        copy=False,
        readonly=True,
        exportable=False,
        groups="avoir.group_refund_manager",
    )

    @api.model
    def _run_queue(self, domain, step, size=100, prepare=None):
        """Do a step for all records of a domain, in batches, each of them committed.

        :param domain: on columns of this very table; the step must take what it works
            on out of it
        :param step: what to do with a recordset, in a savepoint
        :param prepare: what to do before that, outside of it: for calls to the world,
            which are not made again when one record fails
        :return: whether all was done in the time that the cron has
        """
        cron = self.env["ir.cron"]
        tries = 0
        while True:
            try:
                records = self._claim(domain, size)
                if not records:
                    return True
                if prepare:
                    prepare(records)
                for record, exception in records._run_isolated(step, tries < TRIES):
                    record._fail(exception)
                seconds_left = cron._commit_progress(len(records))
            except TRANSIENT:
                self.env.cr.rollback()
                tries += 1
                if tries > TRIES:
                    raise
                _logger.info("%s met another worker: again", self._name)
                continue
            tries = 0
            if not seconds_left:
                cron._commit_progress(remaining=self.search_count(domain))
                return False

    @api.model
    def _claim(self, domain, size):
        """Lock the next records of a domain, without those that others work on.

        An account that nobody is at comes first: two workers, or two servers, then
        neither number credit notes in one journal nor book stock of one warehouse
        against each other. Where there is none left, they share what there is.
        """
        for account_id in self._get_free_accounts(domain):
            mine = Domain(domain) & Domain("account_id", "=", account_id)
            if records := self._lock_next(mine, size):
                return records
        return self._lock_next(domain, size)

    @api.model
    def _get_free_accounts(self, domain):
        """The accounts with work that no other worker is at, each of them taken until
        the end of the transaction when it is given."""
        for account, _count in self._read_group(
            domain, ["account_id"], ["__count"], order="__count desc"
        ):
            [(is_mine,)] = self.env.execute_query(
                SQL(
                    "SELECT pg_try_advisory_xact_lock(hashtext(%s), %s)",
                    self._table,
                    account.id,
                )
            )
            if is_mine:
                yield account.id

    @api.model
    def _lock_next(self, domain, size):
        """Lock records, so that others can still refer to them."""
        query = self._search(domain, order="id", limit=size)
        rows = self.env.execute_query(
            SQL("%s FOR NO KEY UPDATE SKIP LOCKED", query.select())
        )
        return self.browse(id_ for (id_,) in rows)

    def _run_isolated(self, step, raise_transient=True):
        """Do a step for all, and halve them where it fails, until those that cannot be
        done are found.

        :return: a list of ``(record, exception)`` of those that failed
        """
        try:
            with self.env.cr.savepoint():
                step(self)
            return []
        except Exception as exception:
            if raise_transient and isinstance(exception, TRANSIENT):
                raise
            if len(self) == 1:
                return [(self, exception)]
        middle = len(self) // 2
        return self[:middle]._run_isolated(step, raise_transient) + self[
            middle:
        ]._run_isolated(step, raise_transient)

    def _fail(self, exception):
        """Note what went wrong with this record and who is to know."""
        raise NotImplementedError

    def _get_next_try(self, seconds=None):
        """When to try again: when asked to, else after twice the time as before."""
        wait = timedelta(minutes=2 ** min(self.attempts, 12))
        if seconds is not None:
            wait = timedelta(seconds=max(seconds, 1))
        return fields.Datetime.now() + min(wait, LONGEST_WAIT)


def format_exception(exception):
    """The traceback of an exception as text."""
    return "".join(traceback.format_exception(exception))[-20000:]


def told(env, exception):
    """What an exception says, in the language of the environment."""
    if not isinstance(exception, ConnectorError):
        return str(exception)
    # The connectors' English, marked there to be translated here.
    values = dict(exception.values)
    if label := values.get("label"):
        values["label"] = env._(label)
    template = env._(exception.template)
    return template % values if values else template
