import csv
import io
from unittest.mock import patch

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import credit_note_export as module
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteExport(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.write({"name": "=cmd|'/c calc'!A1", "country_id": False})
        cls.invoice = cls._invoice([(4, 99.5, cls.vat20), (1, 10.0, cls.vat5)])
        cls.credit_notes = cls.env["account.move"]
        for _number in range(3):
            cls.credit_notes |= cls._credit(
                cls,
                cls.invoice,
                (0, 1.0),
                (1, 0.0, 1.5),
                values={
                    "refund_reason_id": cls.reason.id,
                    "refund_note": '@SUM(1)\n"quoted", ;\x0b',
                },
            )
        cls.auditor = cls._new_user("auditor", "avoir.group_auditor")
        cls.biller = cls._new_user("biller", "account.group_account_invoice")

    def _export(self, user=None, **values):
        today = fields.Date.today()
        return (
            self.env["credit.note.export"]
            .with_user(user or self.auditor)
            .create({"date_from": today, "date_to": today, **values})
        )

    def _rows(self, export):
        text = b"".join(export._stream()).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_csv(self):
        export = self._export()
        self.assertEqual((export.document_count, export.line_count), (3, 6))
        rows = self._rows(export)
        self.assertEqual(tuple(rows[0]), module.COLUMNS)
        self.assertEqual(len(rows), 6)
        credit_note = self.credit_notes[0]
        expected = {
            "uuid": credit_note.document_uuid,
            "number": credit_note.name,
            "date": fields.Date.today().isoformat(),
            "corrected_invoices": self.invoice.name,
            "corrected_invoice_dates": self.invoice.invoice_date.isoformat(),
            "original_invoice": self.invoice.name,
            "reason": "Broken in transit",
            "quantity": "1",
            "unit_price": "99.5",
            "untaxed": "99.50",
            "tax": "19.90",
            "tax_rate": "20",
            "total": "120.98",
            "price_correction": "0",
            "customer_country": "",
        }
        self.assertEqual({name: rows[0][name] for name in expected}, expected)
        self.assertEqual(rows[1]["price_correction"], "1")
        self.assertEqual(rows[1]["untaxed"], "1.50")

    def test_no_formula(self):
        for row in self._rows(self._export()):
            self.assertEqual(row["customer"], "'=cmd|'/c calc'!A1")
            self.assertEqual(row["explanation"], '\'@SUM(1)\n"quoted", ;\x0b')
            for name, value in row.items():
                if name not in module.NUMBERS:
                    self.assertFalse(value.startswith(module.FORMULA), name)

    def test_xml(self):
        document = b"".join(self._export(file_format="xml")._stream())
        root = etree.fromstring(document)
        names = {"n": module.NAMESPACE}
        self.assertEqual(
            root.xpath("n:creditNote/n:number/text()", namespaces=names),
            self.credit_notes.mapped("name"),
        )
        invoice = root.xpath("//n:corrects/n:invoice", namespaces=names)[0]
        self.assertEqual(
            dict(invoice.attrib),
            {"number": self.invoice.name, "date": str(self.invoice.invoice_date)},
        )
        amounts = root.xpath("//n:line/n:untaxed/text()", namespaces=names)
        self.assertEqual(amounts, ["99.50", "1.50"] * 3)

    def test_control_characters_in_a_number(self):
        """One document does not stop the export of the whole month."""
        number = f"{self.invoice.name}\x01"
        self.env.cr.execute(
            "UPDATE account_move SET name = %s WHERE id = %s",
            [number, self.invoice.id],
        )
        self.env.invalidate_all()
        root = etree.fromstring(b"".join(self._export(file_format="xml")._stream()))
        self.assertEqual(
            root.find(".//n:invoice", {"n": module.NAMESPACE}).get("number"),
            number[:-1],
        )

    def test_pages(self):
        """The same file, whatever is read at a time."""
        for kind in ("csv", "xml"):
            whole = b"".join(self._export(file_format=kind)._stream())
            with patch.object(module, "PAGE", 1):
                pages = list(self._export(file_format=kind)._stream())
            self.assertEqual(b"".join(pages), whole)
            self.assertGreaterEqual(len(pages), 4)

    def test_what_is_left_out(self):
        self._credit(self.invoice, (0, 1.0), post=False)
        self.credit_notes[0].button_draft()
        self.assertEqual(self._export().document_count, 2)
        with self.assertRaisesRegex(UserError, "no posted credit note"):
            self._export(date_from="2001-01-01", date_to="2001-01-31").action_export()

    def test_roles(self):
        action = self._export().action_export()
        self.assertIn("/avoir/credit_notes/", action["url"])
        with self.assertRaises(AccessError):
            self._export(user=self.biller)
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(UserError):
            self._export(company_id=other.id).action_export()

    def test_cron(self):
        first = fields.Date.today().replace(day=1)
        last_month = fields.Date.subtract(first, days=1)
        self.company.credit_note_export_format = "csv"
        moves = self.credit_notes
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET invoice_date = %s WHERE id IN %s",
            [last_month, tuple(moves.ids)],
        )
        self.env.invalidate_all()
        for _again in range(2):
            with patch.object(
                type(self.env["ir.cron"]), "_commit_progress", return_value=9.0
            ) as progress:
                self.env["credit.note.export"]._cron_export()
            self.assertEqual(
                progress.call_args_list[0].kwargs["remaining"],
                len(progress.call_args_list) - 1,
                "each company's file is kept before the next is made",
            )
        file = self.env["ir.attachment"].search(
            [("res_model", "=", "res.company"), ("res_id", "=", self.company.id)]
        )
        file = file.filtered(lambda f: f.name.startswith("credit_notes_"))
        self.assertEqual(len(file), 1)
        self.assertIn(moves[0].name.encode(), file.raw)
