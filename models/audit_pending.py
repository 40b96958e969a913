from odoo import api, fields, models

from .audit_mixin import PENDING, dump


class AuditEntry(models.Model):
    """From what a transaction has done to the entries that tell it."""

    _inherit = "audit.entry"

    @api.model
    def _write_pending(self, last):
        """Tell what this transaction did. Called when all else is written.

        Those after it in the queue, which may send mails, go first: from here on other
        writers wait.

        :param bool last: whether others have been let go first
        """
        cr = self.env.cr
        if not last and len(cr.precommit):
            cr.precommit.add(lambda: self._write_pending(last=True))
            return
        pending = cr.precommit.data.pop(PENDING, None)
        if pending is None or getattr(self.pool, "avoir_audit_is_off", False):
            return
        entries = self._entries_of_created(pending.created)
        entries += self._entries_of_changed(pending)
        entries += pending.events
        if entries:
            self._append([self._complete(entry) for entry in entries])

    @api.model
    def _records_by_model(self, keys):
        ids_by_model = {}
        for name, record_id in keys:
            ids_by_model.setdefault(name, []).append(record_id)
        # sudo: see ``_audit``. Names are told in one language, whoever acts.
        env = self.with_context(lang=None).sudo().env
        return [
            env[name].browse(ids).exists()
            for name, ids in ids_by_model.items()
            if name in env
        ]

    @api.model
    def _entries_of_created(self, created):
        entries = []
        for records in self._records_by_model(created):
            for record in records._audit_filter()._audit_without_parent(created):
                uid = created[record._name, record.id]
                after = record._audit_read()
                why = record._audit_why()
                entries.append(
                    record._audit_entry(
                        record._audit_created_action(), uid, *why, None, after
                    )
                )
                for action, names in record._audit_actions({}, after):
                    if action != "changed":
                        told = {k: v for k, v in after.items() if k in (names or after)}
                        told.update(record._audit_details(action))
                        entries.append(
                            record._audit_entry(action, uid, *why, None, told)
                        )
        return entries

    @api.model
    def _entries_of_changed(self, pending):
        entries = []
        for records in self._records_by_model(pending.before):
            for record in records:
                uid, raw = pending.before[record._name, record.id]
                entries += self._entries_of_change(record, uid, raw)
        return entries

    @api.model
    def _entries_of_change(self, record, uid, raw):
        old = record._audit_convert(raw)
        new = record._audit_read()
        # Names of other records may have changed: what matters is which they are.
        names = {
            name
            for name in {**old, **new}
            if _key(old.get(name)) != _key(new.get(name))
        }
        if not names:
            return []
        entries = []
        for action, told in record._audit_actions(old, new):
            chosen = names if told is None else names & set(told)
            after = {name: new.get(name) for name in sorted(chosen)}
            after.update(record._audit_details(action))
            entries.append(
                record._audit_entry(
                    action,
                    uid,
                    *record._audit_why(),
                    {name: old.get(name) for name in sorted(chosen)},
                    after,
                )
            )
        return entries

    @api.model
    def _complete(self, entry):
        """Give an entry its time, its user's name and its text."""
        users = self.env["res.users"].sudo().with_context(active_test=False)
        entry.update(
            recorded_at=fields.Datetime.now(),
            user_name=users.browse(entry["user_id"]).login or None,
            database_uuid=self.env["ir.config_parameter"]
            .sudo()
            .get_param("database.uuid"),
            before=dump(entry["before"]),
            after=dump(entry["after"]),
        )
        for name, value in entry.items():
            if isinstance(value, str):  # PostgreSQL's texts hold no NUL
                entry[name] = value.replace("\0", "") or None
            elif value is False:
                entry[name] = None
        return entry


def _key(value):
    return value[0] if isinstance(value, list) and value else value
