import base64
import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import split_every

from ..connectors import files, marketplaces, plain_file
from ..connectors.errors import ConnectorError, Unreadable
from .marketplace_work import TRANSIENT, told

_logger = logging.getLogger(__name__)

BATCH = 500
# More rows than this are imported by the cron, which goes on where it was stopped.
AT_ONCE = 500
LARGEST = 50 * 1024 * 1024


class MarketplaceImport(models.Model):
    """A file of returns: read, shown row by row, and only then put into the inbox.

    Each refund or return of the file becomes a message with a key of its content, so
    that the same file twice is the same messages.
    """

    _name = "marketplace.import"
    _description = "Import of Marketplace Returns"
    _inherit = ["mail.thread"]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    account_id = fields.Many2one(
        "marketplace.account", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(
        related="account_id.company_id", store=True, index=True
    )
    file = fields.Binary(
        attachment=True,
        help="CSV, TSV or JSON: a report of the marketplace as it was downloaded, or"
        " the template filled in.",
    )
    filename = fields.Char()
    format = fields.Char("Kind of File", readonly=True)
    state = fields.Selection(
        [
            ("draft", "To Read"),
            ("preview", "To Confirm"),
            ("running", "Importing"),
            ("stopped", "Stopped"),
            ("done", "Imported"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    row_ids = fields.One2many("marketplace.import.row", "import_id", copy=False)
    row_count = fields.Integer("Rows", compute="_compute_counts")
    new_count = fields.Integer("New", compute="_compute_counts")
    update_count = fields.Integer("Told Anew", compute="_compute_counts")
    known_count = fields.Integer("Known Already", compute="_compute_counts")
    error_count = fields.Integer("Not Readable", compute="_compute_counts")
    progress = fields.Float(compute="_compute_counts")
    template = fields.Binary(compute="_compute_template")
    error_file = fields.Binary("Rows with an Error", compute="_compute_error_file")
    error = fields.Text("What Went Wrong", readonly=True, copy=False)
    is_checked = fields.Boolean("Dry Run Done", readonly=True, copy=False)

    @api.depends("filename", "account_id")
    def _compute_name(self):
        for record in self:
            parts = [record.filename, record.account_id.name]
            record.name = " · ".join(filter(None, parts)) or self.env._("New file")

    @api.depends("row_ids.fate", "row_ids.is_imported")
    def _compute_counts(self):
        rows = self.env["marketplace.import.row"]._read_group(
            [("import_id", "in", self.ids)],
            ["import_id", "fate", "is_imported"],
            ["__count"],
        )
        for record in self:
            mine = [row[1:] for row in rows if row[0] == record]

            def count(*fates, imported=(True, False), mine=mine):
                return sum(
                    number
                    for fate, is_imported, number in mine
                    if fate in fates and is_imported in imported
                )

            record.row_count = sum(row[2] for row in mine)
            record.new_count = count("new")
            record.update_count = count("update")
            record.known_count = count("known")
            record.error_count = count("error")
            total = count("new", "update")
            done = count("new", "update", imported=(True,))
            record.progress = 100.0 * done / total if total else 100.0

    def _compute_template(self):
        self.template = base64.b64encode(plain_file.template())

    def _compute_error_file(self):
        for record in self:
            rows = record.row_ids.filtered(lambda row: row.fate == "error")
            # The columns of the file to fill in: mended rows are pasted back there.
            plain = [name for name, _help in plain_file.COLUMNS]
            names = dict.fromkeys(name for row in rows for name in row.raw or {})
            names = plain if names.keys() <= set(plain) else list(names)
            table = [
                [*((row.raw or {}).get(n, "") for n in names), row.number, row.detail]
                for row in rows
            ]
            content = files.write_csv([*names, "row", "error"], table)
            record.error_file = base64.b64encode(content) if rows else False

    # ------------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------------

    def action_preview(self):
        """Read the file and say what would become of each row; nothing is booked."""
        self.ensure_one()
        self._check_state("draft", "preview")
        if not self.file:
            raise UserError(self.env._("Choose a file first."))
        content = base64.b64decode(self.with_context(bin_size=False).file)
        if len(content) > LARGEST:
            raise UserError(
                self.env._("%(file)s is too large: split it.", file=self.filename)
            )
        try:
            shop = marketplaces.registry[self.account_id.code]
            reading = shop.read_file(content, self.filename or "")
        except Unreadable as error:
            raise UserError(
                self.env._(
                    "%(file)s cannot be read: %(error)s",
                    file=self.filename or "",
                    error=told(self.env, error),
                )
            ) from error
        self.row_ids.sudo().unlink()
        self.write(
            {
                # The connectors' English, marked there to be translated here.
                "format": self.env._(reading.format.label),
                "state": "preview",
                "is_checked": False,
            }
        )
        for rows in split_every(1000, reading.rows):
            self._add_rows(rows)

    def _add_rows(self, rows):
        known_keys, known_ids = self._find_known(rows)
        values_list = []
        for row in rows:
            values = {
                "import_id": self.id,
                "number": row.number,
                **self._prepare_fate(row, known_keys, known_ids),
            }
            if row.error:
                values["raw"] = {str(k): str(v) for k, v in row.raw.items()}
            elif row.fetched and values["fate"] in ("new", "update"):
                values |= {
                    "event_key": row.fetched.event.event_key,
                    "topic": row.fetched.event.topic,
                    "body": row.fetched.body.decode(),
                }
            values_list.append(values)
        # sudo: rows are what was read of the file, and nothing that anybody types in
        self.env["marketplace.import.row"].sudo().create(values_list)

    def _find_known(self, rows):
        """The keys and the ids of the rows that the account has already."""
        fetched = [row.fetched for row in rows if row.fetched]
        # sudo: whoever imports sees no messages of other companies, but keys count
        messages = self.env["marketplace.message"].sudo()
        keys = messages.search(
            [
                ("account_id", "=", self.account_id.id),
                ("event_key", "in", [one.event.event_key for one in fetched]),
            ]
        ).mapped("event_key")
        ids = (
            self.env["marketplace.return"]
            .search(
                [
                    ("account_id", "=", self.account_id.id),
                    (
                        "external_id",
                        "in",
                        [id_ for one in fetched for id_ in one.event.external_ids],
                    ),
                ]
            )
            .mapped("external_id")
        )
        return set(keys), set(ids)

    def _prepare_fate(self, row, known_keys, known_ids):
        if row.error:
            return {"fate": "error", "detail": told(self.env, row.error)}
        if row.part_of:
            return {
                "fate": "part",
                "detail": self.env._("Belongs to row %s.", row.part_of),
            }
        if not row.fetched or not row.fetched.event.wanted:
            return {"fate": "ignored", "detail": self.env._("Tells of no return.")}
        notice = row.notices[0]
        values = {
            "external_id": notice.external_id,
            "order_ref": next(iter(notice.order_refs), notice.order_external_id),
            "amount": float(notice.total.amount) if notice.total else 0.0,
            "currency": notice.currency,
        }
        if row.fetched.event.event_key in known_keys:
            return {**values, "fate": "known"}
        if notice.external_id in known_ids:
            return {**values, "fate": "update"}
        return {**values, "fate": "new"}

    # ------------------------------------------------------------------
    # The dry run
    # ------------------------------------------------------------------

    def action_dry_run(self):
        """Match and judge what is new, say what would become of it, and undo it all.

        Up to where documents would be made: no number is used up.
        """
        self.ensure_one()
        self._check_state("preview")
        rows = self.row_ids.filtered(lambda row: row.fate in ("new", "update"))
        for some in split_every(BATCH, rows.ids):
            rows.browse(some)._foresee()
        self.is_checked = True

    # ------------------------------------------------------------------
    # Importing
    # ------------------------------------------------------------------

    def action_import(self):
        """Put what the file tells into the inbox, from where it goes its way.

        One that was stopped goes on with the rows that are left.
        """
        for record in self:
            record._check_state("preview", "stopped")
            record.write({"state": "running", "error": False})
            if record.row_count > AT_ONCE:
                record.env.ref("avoir.ir_cron_marketplace_import").sudo()._trigger()
            else:
                while record._import_batch():
                    pass

    @api.model
    def _cron_import(self):
        """Go on with the imports that were confirmed, batch by batch."""
        cron = self.env["ir.cron"]
        for record in self.search([("state", "=", "running")], order="id"):
            try:
                while record.try_lock_for_update() and record._import_batch():
                    if not cron._commit_progress(BATCH):
                        return
            except TRANSIENT:
                # Another worker was in between: the next run goes on.
                self.env.cr.rollback()
                self.env.ref("avoir.ir_cron_marketplace_import")._trigger()
            except Exception as exception:
                self.env.cr.rollback()
                _logger.exception("Import %s is stopped", record.id)
                record._stop_import(exception)
            cron._commit_progress()

    def _stop_import(self, exception):
        """Leave an import to a person, so that it holds up no other."""
        env = self.account_id._in_company_language().env
        text = env._("Unexpected error: %s", repr(exception))
        if isinstance(exception, ConnectorError | UserError):
            text = told(env, exception)
        self.write({"state": "stopped", "error": text})
        self.account_id._tell_problem(env._("An import of a file is stopped"))

    def _import_batch(self):
        """Store the messages of some rows.

        :return: whether there are more
        """
        domain = Domain("import_id", "=", self.id) & Domain("is_imported", "=", False)
        rows = self.env["marketplace.import.row"].search(
            domain & Domain("fate", "in", ("new", "update")), limit=BATCH
        )
        account = self.account_id
        # sudo: users read the inbox and do not write into it but by what they import
        messages = self.env["marketplace.message"].sudo()
        if rows:
            messages._insert_once(account.id, account.company_id.id, rows._deliveries())
            rows.sudo().write({"is_imported": True, "body": False})
            messages._trigger_reading()
            return True
        self.state = "done"
        # What was in the file is in the messages now.
        self.file = False
        return False

    @api.model
    def _forget(self, account, before):
        """Forget what files of long ago held: of those that were not imported all, of
        the others what could not be read."""
        old = Domain("account_id", "=", account.id) & Domain("write_date", "<", before)
        left = self.search(old & Domain("state", "in", ("draft", "preview")))
        left.row_ids.unlink()
        left.write({"state": "draft", "file": False, "format": False})
        done = self.search(old & Domain("state", "=", "done"))
        done.row_ids.filtered(lambda row: row.fate == "error").unlink()

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_back(self):
        """Choose another file."""
        self._check_state("preview")
        self.row_ids.sudo().unlink()
        self.write({"state": "draft", "format": False})

    def action_template(self):
        """Download the plain file to fill in."""
        return self._download("template", "returns.csv")

    def action_errors(self):
        """Download the rows that cannot be read, with what is wrong with each."""
        return self._download("error_file", "errors.csv")

    def action_view_returns(self):
        """Open the returns that came of this file."""
        returns = self.env["marketplace.return"].search(
            [
                ("account_id", "=", self.account_id.id),
                ("external_id", "in", self.row_ids.mapped("external_id")),
            ]
        )
        return returns._open(returns)

    def _download(self, field, filename):
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/{field}/{filename}"
            "?download=true",
            "target": "download",
        }

    def _check_state(self, *states):
        labels = dict(self._fields["state"]._description_selection(self.env))
        for record in self:
            if record.state not in states:
                raise UserError(
                    self.env._(
                        "%(import)s is “%(state)s”: read another file with a new"
                        " import.",
                        **{"import": record.name},
                        state=labels[record.state],
                    )
                )
