from odoo import Command
from odoo.tests import tagged

from ..tools.credit import CreditLine, CreditRequest
from .common import AvoirCommon

SMALL, LARGE = 100, 500
# Measured: 4.3 for 100 full credit notes, 4.1 for part ones, 3.6 for 500. Two of these
# write the tracking of the invoices, which core does one by one.
STATEMENTS = 4.6


@tagged("post_install", "-at_install")
class TestPerformance(AvoirCommon):
    """Statements a credit note, tracking and chatter on; never a time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        partners = cls.env["res.partner"].create(
            [{"name": f"Customer {number}"} for number in range(50)]
        )
        lines = [
            Command.create(
                {
                    "product_id": cls.product_a.id,
                    "quantity": quantity,
                    "price_unit": price,
                    "tax_ids": [Command.set(tax.ids)],
                }
            )
            for quantity, price, tax in (
                (3, 10.01, cls.vat20),
                (7, 3.33, cls.vat5),
                (2, 19.99, cls.vat20),
            )
        ]
        cls.invoices = (
            cls.env["account.move"]
            .with_context(tracking_disable=True)
            .create(
                [
                    {
                        "move_type": "out_invoice",
                        "partner_id": partners[number % len(partners)].id,
                        "invoice_date": "2025-03-01",
                        "invoice_line_ids": lines,
                    }
                    for number in range(LARGE)
                ]
            )
        )
        # Core joins payments and reconciliations: without statistics of what was just
        # written, PostgreSQL may take minutes over it.
        cls.env.flush_all()
        cls.env.cr.execute("ANALYZE")
        cls.invoices.action_post()
        cls.env.flush_all()
        cls.env.cr.execute("ANALYZE")
        # Tests turn tracking off.
        cls.invoices = cls.invoices.with_env(cls.env(context={}))

    def _statements(self, invoices, part):
        """Return how many statements a credit note of ``invoices`` takes."""
        savepoint = self.env.cr.savepoint(flush=True)
        with savepoint:
            self.env.invalidate_all()
            self.env.cr.flush()
            before = self.env.cr.sql_log_count
            invoices.browse()._create_credit_notes(
                [
                    CreditRequest(invoice, self._lines(invoice, part))
                    for invoice in invoices
                ]
            )
            self.env.flush_all()
            self.env.cr.flush()
            taken = self.env.cr.sql_log_count - before
            self.assertFalse(not part and any(invoices.mapped("amount_residual")))
            savepoint.rollback()
        return taken / len(invoices)

    def _lines(self, invoice, part):
        if not part:
            return []
        return [CreditLine(line, 1.0) for line in invoice.invoice_line_ids[:2]]

    def test_statements(self):
        """As many at 500 documents as at 100, and no more than they are known to be."""
        self._statements(self.invoices[:2], part=False)  # what is read but once
        full = self._statements(self.invoices[:SMALL], part=False)
        part = self._statements(self.invoices[:SMALL], part=True)
        many = self._statements(self.invoices, part=False)
        self.assertLessEqual(full, STATEMENTS)
        self.assertLessEqual(part, STATEMENTS)
        self.assertLessEqual(many, full)
