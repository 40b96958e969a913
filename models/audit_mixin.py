import json
from datetime import date, datetime

from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

PENDING = "avoir.audit"
NUMBERS = ("float", "monetary")


class Pending:
    """What a transaction has done so far and the journal does not tell yet.

    It is forgotten when the transaction, or a savepoint in it, is rolled back: Odoo
    writes it down (``cr.precommit``) before each savepoint.
    """

    def __init__(self):
        self.created = {}  # {(model, id): user id}
        self.before = {}  # {(model, id): (user id, {column: value})}
        self.skipped = set()  # (model, id) of records that are not followed
        self.events = []  # ready but for number and hash

    def knows(self, key):
        return key in self.created or key in self.before or key in self.skipped


class AuditMixin(models.AbstractModel):
    """Has the audit journal tell of the records of a model.

    Changes are seen where the ORM writes to the database, computed fields included,
    and told once a transaction: what was before it, and what is after it.
    """

    _name = "audit.mixin"
    _description = "Told in the Audit Journal"

    # -- what a model says of itself ---------------------------------------------------

    @api.model
    def _audit_names(self):
        """Return the names of the stored fields that are followed."""
        return ()

    @api.model
    def _audit_where(self):
        """Return the condition, in SQL, of the records that are followed."""
        return SQL("TRUE")

    def _audit_filter(self):
        """Return the records of ``self`` that are followed; see ``_audit_where``."""
        return self

    def _audit_company(self):
        """Return the company in whose journal this record is told of."""
        return self.company_id or self.env.company

    def _audit_title(self):
        """Return what this record is called in the journal."""
        return self.display_name

    def _audit_why(self):
        """Return the reason and the explanation that this record bears, as texts."""
        return None, None

    @api.model
    def _audit_actions(self, old, new):
        """Return the actions that a change from ``old`` to ``new`` is.

        :param dict old: values before, ``{}`` for a new record
        :param dict new: values after
        :return: list of pairs: the action, and the names of the fields that tell it or
            None for all
        """
        return [("changed", None)]

    def _audit_details(self, action):
        """Return more to tell than fields, for one action: ``{name: value}``."""
        return {}

    def _audit_without_parent(self, created):
        """Leave out new records that go without saying: lines of a new document.

        :param created: ``{(model, id): user id}`` of all that is new
        """
        return self

    @api.model
    def _audit_created_action(self):
        return "created"

    # -- noticing ----------------------------------------------------------------------

    def _audit_is_off(self):
        return self.env.context.get(MODULE_UNINSTALL_FLAG) or getattr(
            self.pool, "avoir_audit_is_off", False
        )

    def _audit_pending(self):
        data = self.env.cr.precommit.data
        pending = data.get(PENDING)
        if pending is None:
            pending = data[PENDING] = Pending()
            entries = self.env["audit.entry"].sudo()
            self.env.cr.precommit.add(lambda: entries._write_pending(last=False))
        return pending

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        if not self._audit_is_off():
            followed = records._audit_filter()
            if followed:
                created = self._audit_pending().created
                for record_id in followed._ids:
                    created[self._name, record_id] = self.env.uid
        return records

    def _write_multi(self, vals_list):
        if not self._audit_is_off():
            names = set(self._audit_names())
            if any(not names.isdisjoint(vals) for vals in vals_list):
                self._audit_note_before()
        return super()._write_multi(vals_list)

    def _audit_note_before(self):
        """Read what these records are in the database before the first change."""
        pending = self.env.cr.precommit.data.get(PENDING)
        name = self._name
        ids = [i for i in self._ids if not (pending and pending.knows((name, i)))]
        if not ids:
            return
        columns = self._audit_columns()
        self.env.cr.execute(
            SQL(
                "SELECT id, %s FROM %s WHERE id IN %s AND %s",
                SQL(", ").join(map(SQL.identifier, columns)),
                SQL.identifier(self._table),
                tuple(ids),
                self._audit_where(),
            )
        )
        pending = self._audit_pending()
        for record_id, *values in self.env.cr.fetchall():
            values = dict(zip(columns, values, strict=True))
            pending.before[name, record_id] = (self.env.uid, values)
        pending.skipped.update(
            (name, i) for i in ids if (name, i) not in pending.before
        )

    @api.model
    def _audit_columns(self):
        return [name for name in self._audit_names() if self._fields[name].column_type]

    def unlink(self):
        followed = self.browse()
        if not self._audit_is_off():
            followed = self._audit_filter()
            pending = followed and self._audit_pending()
            for record in followed:
                if pending.created.pop((self._name, record.id), None):
                    continue  # it never was, for others
                _uid, raw = pending.before.pop((self._name, record.id), (None, None))
                before = self._audit_convert(raw) if raw else record._audit_read()
                record._audit("deleted", before=before)
        result = super().unlink()
        for record in followed:
            pending.skipped.add((self._name, record.id))
        return result

    def _audit(self, action, reason=None, note=None, before=None, after=None):
        """Tell of ``action`` on these records, which are followed or not.

        :param str action: one of ``audit_entry.ACTIONS``
        :param str reason: why; what the record bears, by default
        :param dict before: values, of what JSON knows
        :param dict after: likewise
        """
        if self._audit_is_off():
            return
        for record in self.sudo():  # sudo: the journal tells what users cannot read
            why = record._audit_why()
            self._audit_pending().events.append(
                record._audit_entry(
                    action,
                    self.env.uid,
                    reason or why[0],
                    note or why[1],
                    before,
                    after,
                )
            )

    def _audit_entry(self, action, uid, reason, note, before, after):
        return {
            "company_id": self._audit_company().id,
            "user_id": uid,
            "action": action,
            "res_model": self._name,
            "res_id": self.id,
            "res_name": self._audit_title(),
            "reason": reason,
            "note": note,
            "before": before,
            "after": after,
        }

    # -- values ------------------------------------------------------------------------

    def _audit_read(self):
        """Return the followed values of this record that are not empty."""
        values = {}
        for name in self._audit_columns():
            value = self[name]
            if isinstance(value, models.BaseModel):
                value = value.id
            if value := self._audit_value(name, value):
                values[name] = value
        return values

    @api.model
    def _audit_convert(self, raw):
        """Return values of the database likewise."""
        return {
            name: value
            for name, column in raw.items()
            if (value := self._audit_value(name, column))
        }

    @api.model
    def _audit_value(self, name, value):
        """Return a value of the database or of a record as JSON knows it."""
        if not value:
            return None
        field = self._fields[name]
        if field.type == "many2one":
            return [value, self.env[field.comodel_name].browse(value).display_name]
        if field.type in NUMBERS:
            return round(float(value), 6)
        if field.translate and isinstance(value, dict):
            return value.get("en_US")
        if isinstance(value, datetime | date):
            return (
                fields.Datetime.to_string(value)
                if field.type == "datetime"
                else (fields.Date.to_string(value))
            )
        return value


def dump(values):
    """Return ``values`` as JSON; None for none."""
    return json.dumps(values, ensure_ascii=False) if values else None
