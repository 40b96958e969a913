from odoo import Command
from odoo.tests import tagged

from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteNumbers(AvoirCommon):
    """Documents posted together get the numbers that they get one by one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sale = cls.company_data["default_journal_sale"]
        # Whether credit notes have numbers of their own, or share the invoices'.
        cls.journals = sale | sale.copy({"code": "SHARE", "refund_sequence": False})
        sale.refund_sequence = True

    def _drafts(self):
        """Return invoices and credit notes of two years, months and journals, mixed."""
        return self.env["account.move"].create(
            [
                {
                    "move_type": move_type,
                    "journal_id": journal.id,
                    "partner_id": self.partner.id,
                    "invoice_date": date,
                    "ref": f"{number}",
                    "invoice_line_ids": [
                        Command.create(
                            {"product_id": self.product_a.id, "price_unit": 1.0}
                        )
                    ],
                }
                for number in range(2)
                for date in ("2024-12-31", "2025-01-01", "2025-02-28")
                for journal in self.journals
                for move_type in ("out_refund", "out_invoice")
            ]
        )

    def _numbers(self, moves, together):
        savepoint = self.env.cr.savepoint(flush=True)
        with savepoint:
            if together:
                moves.action_post()
            else:
                for move in moves.sorted(lambda m: (m.date, m.ref, m.id)):
                    move.action_post()
            numbers = moves.mapped("name")
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all()
        return numbers

    def _check(self):
        moves = self._drafts()
        expected = self._numbers(moves, together=False)
        self.assertEqual(self._numbers(moves, together=True), expected)
        self.assertEqual(len(set(expected)), len(moves))
        moves.action_post()
        self.assertFalse(any(moves.mapped("made_sequence_gap")))
        return moves

    def test_first_numbers(self):
        self._check()

    def test_next_numbers(self):
        self._check()
        self._check()

    def test_monthly_numbers(self):
        moves = self._drafts().filtered(lambda m: m.journal_id == self.journals[0])
        for move in moves.sorted("date"):
            prefix = "R" if move.move_type == "out_refund" else ""
            if move.ref == "0":
                move.name = f"{prefix}S/{move.date:%Y/%m}/0041"
        moves.filtered(lambda m: m.ref == "0").action_post()
        later = self._check()
        name = later.filtered(
            lambda m: m.move_type == "out_refund" and m.journal_id == self.journals[0]
        )[-1].name
        self.assertEqual(name, "RS/2025/02/0043")
