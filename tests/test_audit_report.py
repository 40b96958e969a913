import io
from datetime import timedelta

from openpyxl import load_workbook

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..report.audit_report_xlsx import FEC_COLUMNS, make_fec, make_xlsx
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestAuditReport(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._invoice([(5, 100.0, cls.vat20), (2, 50.0, cls.vat5)])
        cls.auditor = cls._new_user("auditor", "avoir.group_auditor")
        cls.biller = cls._new_user("biller", "account.group_account_invoice")
        cls.credit_notes = cls.env["account.move"]
        for quantity in (1.0, 2.0):
            cls.credit_notes |= cls._credit(
                cls,
                cls.invoice,
                (0, quantity),
                (1, 1.0),
                values={
                    "refund_reason_id": cls.reason.id,
                    "refund_note": "=1+1",
                },
            )
        cls.env.cr.flush()

    def _report(self, user=None, **values):
        today = fields.Date.today()
        report = (
            self.env["audit.report"]
            .with_user(user or self.auditor)
            .create({"date_from": today, "date_to": today, **values})
        )
        report.action_make()
        return report

    def test_content(self):
        report = self._report()
        self.assertTrue(report.is_sound)
        self.assertEqual(len(report.chain_hash), 64)
        self.assertEqual(report.line_ids.move_id, self.credit_notes)
        self.assertFalse(report.gaps)
        self.assertFalse(report.overcredited)
        self.assertEqual(report.without_invoice_count, 0)
        line = report.line_ids[0]
        self.assertIn(self.invoice.name, line.invoices)
        self.assertIn("Broken in transit", line.why)
        self.assertIn("UTC", line.who)
        self.assertEqual(line.total, 172.75)
        self.assertEqual(
            [(rate.rate, rate.base, rate.tax) for rate in report.rate_ids],
            [(5.5, 100.0, 5.5), (20.0, 300.0, 60.0)],
        )
        self.assertIn(self.invoice.name, line.money)
        self.assertEqual(line.action_open()["res_id"], self.credit_notes[0].id)

    def test_goods_that_no_transfer_brought(self):
        """The reason says goods come back: an auditor asks where they are."""
        self.assertFalse(self._report().line_ids[0].goods)
        self.reason.return_goods = True
        report = self._report()
        self.assertIn("no transfer", report.line_ids[0].goods)
        rows = load_workbook(io.BytesIO(make_xlsx(report))).worksheets[1].values
        self.assertTrue(any("no transfer" in str(row) for row in rows))

    def test_nobody_writes_what_was_found(self):
        report = self._report()
        for vals in (
            {"is_sound": True},
            {"gaps": "none"},
            {"chain_hash": "f" * 64},
            {"line_ids": [Command.clear()]},
        ):
            with self.subTest(vals), self.assertRaises(UserError):
                report.write(vals)
            with self.subTest(vals), self.assertRaises(UserError):
                self._report(**vals)
        for row in (report.line_ids[0], report.rate_ids[0]):
            with self.assertRaises(AccessError):
                row.write({"tax": 1.0})
            with self.assertRaises(AccessError):
                row.unlink()

    def test_another_period_is_made_again(self):
        report = self._report()
        report.date_to += timedelta(days=1)
        self.assertFalse(report.made_at)
        with self.assertRaisesRegex(UserError, "first"):
            report.action_xlsx()
        report.action_make()
        report.action_xlsx()

    def test_gap_and_cancelled(self):
        """A cancelled document keeps its number; one that is gone leaves a gap."""
        self.credit_notes[0].button_draft()
        self.credit_notes[0].button_cancel()
        report = self._report()
        self.assertEqual(report.cancelled_count, 1)
        self.assertFalse(report.gaps)
        move = self.credit_notes[1]
        missing = move.name
        name = f"{move.sequence_prefix}{move.sequence_number + 1:05}"
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET name = %s, sequence_number = sequence_number + 1 "
            "WHERE id = %s",
            [name, move.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._report().gaps, missing)

    def test_first_and_last_that_vanished(self):
        """They leave no gap in the series, but the journal saw them posted."""
        self.env.cr.precommit.run()
        names = self.credit_notes.mapped("name")
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM account_partial_reconcile WHERE credit_move_id IN %(lines)s "
            "OR debit_move_id IN %(lines)s",
            {"lines": tuple(self.credit_notes.line_ids.ids)},
        )
        self.env.cr.execute(
            "DELETE FROM account_move WHERE id IN %s", [tuple(self.credit_notes.ids)]
        )
        self.env.invalidate_all()
        self.assertEqual(self._report().gaps, ", ".join(sorted(names)))

    def test_overcredited(self):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET amount_total = 1000 WHERE id = %s",
            [self.credit_notes[0].id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._report().overcredited, self.invoice.name)

    def test_altered_journal_is_at_its_head(self):
        cr = self.env.cr
        cr.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        cr.execute(
            "UPDATE audit_entry SET note = 'x' WHERE company_id = %s AND number = 2",
            [self.company.id],
        )
        report = self._report()
        self.assertFalse(report.is_sound)
        self.assertIn("entry 2", report.chain_text)

    def test_xlsx(self):
        book = load_workbook(io.BytesIO(make_xlsx(self._report())))
        summary, notes = book.worksheets
        text = " ".join(str(cell.value) for row in summary.rows for cell in row)
        self.assertIn("as they were written", text)
        rows = list(notes.rows)
        heads = [cell.value for cell in rows[0]]
        first = dict(zip(heads, rows[1], strict=True))
        self.assertEqual(first["Number"].value, self.credit_notes[0].name)
        self.assertEqual(first["Explanation"].value, "=1+1")
        self.assertEqual(first["Explanation"].data_type, "s")
        self.assertEqual(first["Total"].value, 172.75)
        self.assertEqual(first["VAT 20 %"].value, 20.0)
        self.assertEqual(first["Base 5.5 %"].value, 50.0)

    def test_fec(self):
        lines = make_fec(self._report()).decode().split("\r\n")
        self.assertEqual(tuple(lines[0].split("\t")), FEC_COLUMNS)
        rows = [
            dict(zip(FEC_COLUMNS, ln.split("\t"), strict=True)) for ln in lines[1:-1]
        ]
        self.assertEqual(
            {row["PieceRef"] for row in rows}, set(self.credit_notes.mapped("name"))
        )
        debit, credit = (
            sum(float(row[name].replace(",", ".")) for row in rows)
            for name in ("Debit", "Credit")
        )
        self.assertAlmostEqual(debit, credit)
        self.assertEqual(len(rows), len(self.credit_notes.line_ids))

    def test_pdf_and_that_it_is_told(self):
        report = self._report()
        report.action_print()
        html = self.env["ir.actions.report"].with_user(self.auditor)
        html = str(html._render_qweb_html("avoir.report_audit", report.ids)[0])
        for text in (self.credit_notes[1].name, report.chain_hash, "Broken in transit"):
            self.assertIn(text, html)
        self.env.cr.flush()
        told = self.env["audit.entry"].search(
            [("res_model", "=", "audit.report"), ("action", "=", "exported")]
        )
        self.assertEqual(told.user_id, self.auditor)

    def test_bad_input(self):
        report = self.env["audit.report"].with_user(self.auditor).create({})
        with self.assertRaisesRegex(UserError, "first"):
            report.action_xlsx()
        with self.assertRaisesRegex(UserError, "ends before"):
            self._report(date_from="2026-02-01", date_to="2026-01-01")
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(UserError):  # an AccessError is one
            self._report(company_id=other.id)
        with self.assertRaises(AccessError):
            self._report(user=self.biller)

    def test_default_period_is_the_fiscal_year(self):
        report = self.env["audit.report"].with_user(self.auditor).create({})
        year = self.env.company.compute_fiscalyear_dates(fields.Date.today())
        self.assertEqual(report.date_from, year["date_from"])
        self.assertEqual(report.date_to, year["date_to"])

    def test_auditor_writes_nothing(self):
        moves = self.invoice | self.credit_notes
        moves = moves.with_user(self.auditor)
        moves.read(["name", "amount_total"])
        for change in (
            lambda: moves[0].write({"narration": "x"}),
            lambda: moves[0].copy(),
            lambda: moves[0].button_draft(),
            lambda: moves[0].message_post(body="x"),
            lambda: moves[1].activity_schedule(summary="x", user_id=self.biller.id),
            lambda: self.reason.with_user(self.auditor).write({"name": "x"}),
            lambda: (
                self.env["marketplace.account"]
                .with_user(self.auditor)
                .create({"name": "x", "code": "shopify"})
            ),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                change()
