import logging

from psycopg2.errors import (
    LockNotAvailable,
    SerializationFailure,
    UndefinedTable,
)

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tools import SQL

from ..tools import audit_chain, audit_guard

_logger = logging.getLogger(__name__)

ACTIONS = [
    ("created", "Created"),
    ("changed", "Changed"),
    ("approved", "Approved"),
    ("posted", "Posted"),
    ("received", "Goods Received"),
    ("refunded", "Refunded"),
    ("refund_undone", "Refund Undone"),
    ("charged", "Charged"),
    ("waived", "Waived"),
    ("printed", "Printed"),
    ("sent", "Sent"),
    ("exported", "Exported"),
    ("reset", "Reset to Draft"),
    ("cancelled", "Cancelled"),
    ("deleted", "Deleted"),
]
# With the id of the company, the lock that writers take before they number.
LOCK = 2_100_436_119
KEPT_TABLE = "audit_entry_kept"


class AuditEntry(models.Model):
    """The audit journal: what was done, by whom, when and why. It only grows.

    Entries are written by ``_append`` alone, in the transaction of what they tell,
    numbered without gap for each company and chained by SHA-256 (tools/audit_chain.py).
    Neither the ORM nor PostgreSQL lets one be changed or removed. Source of the rule:
    CGI art. 286-I-3° bis, inalterability, security, conservation, archiving.
    """

    _name = "audit.entry"
    _description = "Audit Journal Entry"
    _order = "id desc"
    _rec_name = "number"
    _log_access = False

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="restrict"
    )
    number = fields.Integer(required=True, readonly=True, aggregator=None)
    recorded_at = fields.Datetime("Time", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, ondelete="restrict", index=True
    )
    user_name = fields.Char("User's Login", readonly=True)
    action = fields.Selection(ACTIONS, required=True, readonly=True)
    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", readonly=True, aggregator=None
    )
    res_name = fields.Char("Document", readonly=True)
    reason = fields.Char(readonly=True)
    note = fields.Text(readonly=True)
    before = fields.Text(readonly=True, help="The values before, as JSON.")
    after = fields.Text(readonly=True, help="The values after, as JSON.")
    database_uuid = fields.Char("Database", readonly=True)
    previous_hash = fields.Char("Hash of the Entry Before", readonly=True)
    hash = fields.Char(readonly=True)
    changes = fields.Text(compute="_compute_changes", string="What Changed")
    summary = fields.Char(compute="_compute_changes")

    _number_company_unique = models.UniqueIndex("(company_id, number)")
    _res_index = models.Index("(res_model, res_id)")
    _time_index = models.Index("(recorded_at)")

    # -- it only grows -----------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._refuse()
        return super().create(vals_list)

    def write(self, vals):
        self._refuse()
        return super().write(vals)

    def _write_multi(self, vals_list):
        self._refuse()
        return super()._write_multi(vals_list)

    def unlink(self):
        self._refuse()
        return super().unlink()

    def _refuse(self):
        raise UserError(
            self.env._(
                "The audit journal writes itself: its entries are neither added, "
                "changed nor deleted by hand, whoever asks."
            )
        )

    def _auto_init(self):
        """Take over the journal that an earlier installation left."""
        self.env.cr.execute(
            SQL(
                "SELECT to_regclass('audit_entry'), to_regclass(%s)",
                KEPT_TABLE,
            )
        )
        there, kept = self.env.cr.fetchone()
        if kept and not there:
            self.env.cr.execute("ALTER TABLE audit_entry_kept RENAME TO audit_entry")
        return super()._auto_init()

    def init(self):
        """Have PostgreSQL refuse what the ORM refuses, and keep the chains' ends."""
        super().init()
        if self._is_guarded():
            return  # else each upgrade would lock the table
        self.env.cr.execute(audit_guard.SETUP)

    # -- writing -----------------------------------------------------------------------

    @api.model
    def _append(self, entries):
        """Write ``entries`` at the end of the chains of their companies.

        Called when a transaction is about to be committed (models/audit_mixin.py): from
        here to the commit, and no longer, other writers of the same companies wait.
        What was committed last is read over a connection of its own, because this
        transaction sees the database as it was when it began; so nobody has to begin
        again because somebody else wrote meanwhile.

        :param list entries: dictionaries of ``audit_chain.HASHED`` without number and
            previous_hash
        """
        cr = self.env.cr
        companies = sorted({entry["company_id"] for entry in entries})
        for company in companies:  # always in the same order: no deadlock
            cr.execute(SQL("SELECT pg_advisory_xact_lock(%s, %s)", LOCK, company))
        ends = self._read_ends(companies)
        by_company = {company: [] for company in companies}
        for entry in entries:
            by_company[entry["company_id"]].append(entry)
        for company, own in by_company.items():
            audit_chain.chain(own, *ends[company])
        rows = [
            tuple(entry[name] for name in audit_chain.COLUMNS)
            for own in by_company.values()
            for entry in own
        ]
        names = SQL(", ").join(map(SQL.identifier, audit_chain.COLUMNS))
        cr.execute(
            SQL(
                "INSERT INTO audit_entry (%s) VALUES %s",
                names,
                SQL(", ").join(SQL("%s", row) for row in rows),
            )
        )
        self._remember_ends(by_company)

    @api.model
    def _read_ends(self, companies):
        """Return number and hash of the last entry of each company.

        Those of this transaction are seen by itself only, those that were committed
        since it began only by another one.
        """
        query = SQL(
            "SELECT DISTINCT ON (company_id) company_id, number, hash "
            "FROM audit_entry WHERE company_id IN %s "
            "ORDER BY company_id, number DESC",
            tuple(companies),
        )
        self.env.cr.execute(query)
        rows = self.env.cr.fetchall() + self._read_committed(query)
        ends = dict.fromkeys(companies, (0, audit_chain.FIRST))
        for company, number, hash_ in rows:
            ends[company] = max(ends[company], (number, hash_))
        return ends

    @api.model
    def _read_committed(self, query):
        """Return the rows that others have committed by now."""
        with db_connect(self.env.cr.dbname).cursor() as cr:
            try:
                if not self.pool.ready:
                    # An installation may be making the table, or hold it locked: then
                    # nobody else is writing, and what it sees itself is all.
                    cr.execute("SET LOCAL lock_timeout = '1s'")
                cr.execute(query, log_exceptions=self.pool.ready)
            except (UndefinedTable, LockNotAvailable):
                if self.pool.ready:
                    raise
                cr.rollback()
                return []
            return cr.fetchall()

    @api.model
    def _remember_ends(self, by_company):
        """Remember, once it is committed, how far each chain goes.

        Without it nobody would notice that its last entries were removed.
        """
        cr = self.env.cr
        ends = cr.postcommit.data.get("avoir.audit.ends")
        if ends is None:
            ends = cr.postcommit.data["avoir.audit.ends"] = {}
            dbname = cr.dbname
            cr.postcommit.add(lambda: self._store_ends(dbname, ends))
        for company, own in by_company.items():
            ends[company] = (own[-1]["number"], own[-1]["hash"])

    @api.model
    def _store_ends(self, dbname, ends):
        try:
            with db_connect(dbname).cursor() as cr:
                for company, (number, hash_) in sorted(ends.items()):
                    cr.execute(
                        SQL(
                            """INSERT INTO audit_entry_end AS known
                                    (company_id, number, hash) VALUES (%s, %s, %s)
                               ON CONFLICT (company_id) DO UPDATE
                               SET number = EXCLUDED.number, hash = EXCLUDED.hash
                               WHERE known.number < EXCLUDED.number""",
                            company,
                            number,
                            hash_,
                        ),
                        log_exceptions=False,
                    )
        except SerializationFailure:
            _logger.debug("another process remembered a later end of the journal")

    # -- reading -----------------------------------------------------------------------

    @api.depends("res_name", "number")
    def _compute_display_name(self):
        for entry in self:
            entry.display_name = f"{entry.number} {entry.res_name or ''}".strip()

    @api.depends("before", "after")
    def _compute_changes(self):
        """Put what changed in words, one field a line."""
        for entry in self:
            lines = entry._describe_changes()
            entry.changes = "\n".join(lines)
            entry.summary = " · ".join(lines)

    @api.model
    def action_check(self, *_args):
        """Check the journals; the button of the list."""
        return self.env["audit.check"].action_check()

    def action_open_document(self):
        """Open the document of this entry.

        :return: the action
        :raise UserError: when it is there no more
        """
        self.ensure_one()
        model = self.env.get(self.res_model)
        record = model.browse(self.res_id).exists() if model is not None else None
        if record and record._name == "account.move.line":
            record = record.move_id
        if not record:
            raise UserError(
                self.env._(
                    "%(document)s is not in the database any more; the journal keeps "
                    "what was done with it.",
                    document=self.res_name,
                )
            )
        return record._get_records_action()
