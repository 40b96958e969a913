from contextlib import contextmanager
from datetime import datetime, timedelta

from freezegun import freeze_time
from psycopg2.errors import InsufficientPrivilege

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..tools import audit_chain
from .audit_common import AuditCommon


@tagged("post_install", "-at_install")
class TestAuditChain(AuditCommon):
    """Nothing in the journal can be altered unseen."""

    @contextmanager
    def _raw(self):
        """Edit the journal as somebody with all rights on the database could."""
        cr = self.env.cr
        cr.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        yield cr
        cr.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_refuse")
        self.env.invalidate_all()

    def _found(self):
        finding = self._state().finding
        return finding and (finding.number, finding.what)

    def test_the_orm_refuses(self):
        entries = self._three().sudo()
        for change in (
            lambda: entries[0].write({"note": "x"}),
            lambda: entries.unlink(),
            lambda: entries.create({"number": 7}),
            lambda: entries[0]._write({"note": "x"}),
            lambda: entries.with_context(force_delete=True).unlink(),
        ):
            with self.assertRaisesRegex(UserError, "writes itself"):
                change()

    def test_postgresql_refuses(self):
        self._three()
        for statement in (
            "UPDATE audit_entry SET note = 'x'",
            "UPDATE audit_entry SET note = 'x' WHERE false",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "SET LOCAL session_replication_role = replica; DELETE FROM audit_entry",
        ):
            with (
                self.assertRaises(InsufficientPrivilege),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(flush=False),
            ):
                self.env.cr.execute(SQL(statement))

    def test_postgresql_keeps_the_end(self):
        """Without it nobody would miss removed last entries."""
        self._three()
        self._remember_end()
        for statement in (
            "DELETE FROM audit_entry_end",
            "TRUNCATE audit_entry_end",
            "UPDATE audit_entry_end SET number = number - 1",
            "UPDATE audit_entry_end SET hash = 'x'",
            "UPDATE audit_entry_end SET company_id = -1, number = number + 1",
            "SET LOCAL session_replication_role = replica; DELETE FROM audit_entry_end",
        ):
            with (
                self.subTest(statement),
                self.assertRaises(InsufficientPrivilege),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(flush=False),
            ):
                self.env.cr.execute(SQL(statement))
        self.env.cr.execute("UPDATE audit_entry_end SET number = number + 1")
        last = self._entries()[-1].number
        self.assertEqual(self._found(), (last + 1, "missing"))

    # -- what is found -----------------------------------------------------------------

    def test_altered(self):
        """Each column of a row, the hash included, edited under a disabled trigger."""
        self._three()
        self.assertIsNone(self._found())
        for column, value in (
            ("note", "'x'"),
            ("after", "replace(after, '1', '2')"),
            ("recorded_at", "recorded_at + interval '1 second'"),
            ("user_id", str(self.auditor.id)),
            ("user_name", "NULL"),
            ("res_id", "res_id + 1"),
            ("res_name", "'RINV/1'"),
            ("action", "'approved'"),
            ("reason", "'x'"),
            ("database_uuid", "'x'"),
            ("hash", f"'{'f' * 64}'"),
            ("previous_hash", f"'{'f' * 64}'"),
        ):
            savepoint = self.env.cr.savepoint()
            with savepoint:
                with self._raw() as cr:
                    cr.execute(
                        SQL(
                            "UPDATE audit_entry SET %s = %s "
                            "WHERE company_id = %s AND number IN (3, 5)",
                            SQL.identifier(column),
                            SQL(value),
                            self.company.id,
                        )
                    )
                self.assertEqual(self._found(), (3, "altered"), column)
                text = self.journal._describe_state(self._state())
                self.assertIn("entry 3", text)
                savepoint.rollback()
        self.assertIsNone(self._found())

    def test_altered_with_a_new_hash(self):
        """Who makes the hash of the row fit breaks the chain behind it."""
        self._three()
        with self._raw() as cr:
            cr.execute(
                SQL(
                    "SELECT %s FROM audit_entry WHERE company_id = %s AND number = 2",
                    SQL(", ").join(map(SQL.identifier, audit_chain.COLUMNS)),
                    self.company.id,
                )
            )
            entry = dict(zip(audit_chain.COLUMNS, cr.fetchone(), strict=True))
            entry["note"] = "forged"
            cr.execute(
                SQL(
                    "UPDATE audit_entry SET note = 'forged', hash = %s "
                    "WHERE company_id = %s AND number = 2",
                    audit_chain.digest(entry),
                    self.company.id,
                )
            )
        self.assertEqual(self._found(), (3, "broken"))

    def test_deleted_and_swapped(self):
        last = self._three()[-1].number
        for number in (1, 3, last):
            savepoint = self.env.cr.savepoint()
            with savepoint:
                self._remember_end()
                with self._raw() as cr:
                    cr.execute(
                        SQL(
                            "DELETE FROM audit_entry "
                            "WHERE company_id = %s AND number = %s",
                            self.company.id,
                            number,
                        )
                    )
                self.assertEqual(self._found(), (number, "missing"))
                savepoint.rollback()
        with self._raw() as cr:
            for old, new in ((2, -1), (4, 2), (-1, 4)):
                cr.execute(
                    SQL(
                        "UPDATE audit_entry SET number = %s "
                        "WHERE company_id = %s AND number = %s",
                        new,
                        self.company.id,
                        old,
                    )
                )
        self.assertEqual(self._found(), (2, "altered"))

    def _remember_end(self):
        """Do what is done after a commit, which tests do not reach."""
        state = self._state()
        self.env.cr.execute(
            SQL(
                "INSERT INTO audit_entry_end VALUES (%s, %s, %s)",
                self.company.id,
                state.number,
                state.hash,
            )
        )

    def test_all_deleted(self):
        self._three()
        self._remember_end()
        with self._raw() as cr:
            cr.execute(
                SQL("DELETE FROM audit_entry WHERE company_id = %s", self.company.id)
            )
        self.assertEqual(self._found(), (1, "missing"))
        self.assertIn(self.company, [s.company for s in self.journal._check_chains()])

    def test_disabled_trigger_is_found(self):
        self._three()
        self.env.cr.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        state = self._state()
        self.assertFalse(state.is_sound)
        self.assertIn("trigger", self.journal._describe_state(state))

    def test_disabled_guard_of_the_end_is_found(self):
        self.env.cr.execute("ALTER TABLE audit_entry_end DISABLE TRIGGER ALL")
        self.assertFalse(self._state().is_guarded)

    def test_emptied_guard_is_found(self):
        """The trigger stands, but what it calls refuses nothing any more."""
        self.env.cr.execute(
            "CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger AS "
            "$$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        self.assertFalse(self._state().is_guarded)
        self.journal.init()
        self.assertTrue(self._state().is_guarded)

    def test_end_forgotten(self):
        """The remembered end is gone, its trigger stands again."""
        last = self._three()[-1].number
        self.assertIsNone(self._found(), "it is remembered after the commit")
        with freeze_time(datetime.now() + timedelta(hours=2)):
            self.assertEqual(self._found(), (last, "unknown"))
            self.assertIn("is gone", self.journal._describe_state(self._state()))
            self._remember_end()
            self.assertIsNone(self._found())

    def test_cron_tells(self):
        self._three()
        self.journal._cron_check()
        with self._raw() as cr:
            cr.execute(
                SQL(
                    "UPDATE audit_entry SET note = 'x' "
                    "WHERE company_id = %s AND number = 2",
                    self.company.id,
                )
            )
        with self.assertLogs("odoo.addons.avoir.models.audit_check", "WARNING") as log:
            self.journal._cron_check()
        self.assertIn("entry 2", log.output[0])
        message = self.env["mail.message"].search([], order="id desc", limit=1)
        self.assertIn("entry 2", message.body)
        self.assertIn(self.auditor.partner_id, message.notified_partner_ids)
