import csv
import io

from odoo import fields
from odoo.tests import tagged

from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestFecExport(AvoirCommon):
    """A credit note's lines bear its number in Odoo's own FEC, too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._invoice([(5, 100.0, cls.vat20)], ref="a | b")
        cls.credit_note = cls._credit(cls, cls.invoice, (0, 1.0))

    def _rows(self, content):
        rows = list(csv.reader(io.StringIO(content.decode()), delimiter="|"))
        return [
            (row[8], row[10])
            for row in rows
            if row[2] in (self.credit_note.name, self.invoice.name)
        ]

    def test_number(self):
        code, name = self.credit_note.journal_id.code, self.credit_note.name
        head = "a|b|c|d|e|f|g|h|PieceRef|j|k\r\n"
        rest = "|20260101|411|x|||{ref}|20260101|text"
        content = "".join(
            [
                head,
                f"{code}|Sales|{name}" + rest.format(ref="Reversal of: x"),
                "\r\n",
                f"{code}|Sales|{self.invoice.name}" + rest.format(ref="a / b"),
                "\r\n",
                f"OTHER|Sales|{name}" + rest.format(ref="-"),
            ]
        )
        day = fields.Date.today()
        made = self.env["account.move"]._number_fec(content.encode(), day, day)
        self.assertEqual(
            made.decode(), content.replace("Reversal of: x", name), "nothing else"
        )

    def test_export(self):
        if "l10n_fr.fec.export.wizard" not in self.env:
            self.skipTest("l10n_fr_account is not installed")
        day = fields.Date.today()
        wizard = self.env["l10n_fr.fec.export.wizard"].create(
            {"date_from": day, "date_to": day, "test_file": True}
        )
        rows = self._rows(wizard.generate_fec()["file_content"])
        refs = {ref for ref, _label in rows}
        self.assertEqual(refs, {self.credit_note.name, "a / b"})
