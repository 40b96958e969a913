import os
from contextlib import contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.tests import tagged
from odoo.tools import float_is_zero, mute_logger

from ..tools.allotment import allot
from ..tools.credit import ChargeLine, CreditLine, CreditRequest
from .common import AvoirCommon

# AVOIR_EXAMPLES=500 searches further, on other invoices at every run.
EXAMPLES = int(os.environ.get("AVOIR_EXAMPLES", 0))
PROFILE = settings(
    max_examples=EXAMPLES or 40,
    deadline=None,
    derandomize=not EXAMPLES,  # CI judges every commit by the same invoices
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

LINES = st.lists(
    st.fixed_dictionaries(
        {
            "quantity": st.sampled_from([1, 2, 3, 5, 7, 12, 2.5]),
            "price": st.integers(1, 999_999),
            "discount": st.sampled_from([0, 0, 0, 10, 33.33]),
            "tax": st.sampled_from(
                ["vat20", "vat5", "vat20_included", "none", "both", "split"]
            ),
        }
    ),
    min_size=1,
    max_size=4,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["quantity", "amount", "total"]),
        st.integers(0, 3),
        st.integers(1, 100),
    ),
    max_size=4,
)


@tagged("post_install", "-at_install")
class TestCreditNoteProperties(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Invoices in currencies with 0, 2 and 3 decimals, at an awkward rate.
        cls.currencies = {
            "JPY": cls.setup_other_currency(
                "JPY", rounding=1.0, rates=[("2020-01-01", 157.31)]
            ),
            "own": cls.company.currency_id,
            "EUR": cls.setup_other_currency(
                "EUR", rounding=0.01, rates=[("2020-01-01", 0.8643)]
            ),
            "KWD": cls.setup_other_currency(
                "KWD", rounding=0.001, rates=[("2020-01-01", 0.30712)]
            ),
        }
        cls.taxes = {
            "vat20": cls.vat20,
            "vat5": cls.vat5,
            "vat20_included": cls.vat20_included,
            "none": cls.env["account.tax"],
            "both": cls.vat20 + cls.vat5,
            "split": cls._split_tax("Split", 20.0, 60, 25, 15),
        }

    @contextmanager
    def _undone(self):
        """Roll back what one example did."""
        savepoint = self.env.cr.savepoint(flush=True)
        with savepoint:
            yield
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all()

    @PROFILE
    @given(
        lines=LINES,
        steps=STEPS,
        currency=st.sampled_from(["JPY", "own", "EUR", "KWD"]),
        globally=st.booleans(),
        edit_vat=st.integers(-2, 2),
    )
    @mute_logger("odoo.models.unlink")
    def test_parts_add_up_to_the_invoice(
        self, lines, steps, currency, globally, edit_vat
    ):
        """Any sequence of credits that exhausts an invoice equals it exactly."""
        with self._undone():
            invoice = self._random_invoice(lines, currency, globally, edit_vat)
            credit_notes = self.env["account.move"]
            for step in steps:
                credit_notes |= self._random_credit(invoice, *step)
            if not invoice.currency_id.is_zero(self._left(invoice)):
                credit_notes |= self._credit(invoice)
            self._check_exhausted(invoice, credit_notes)

    def test_split_tax_beside_a_fee(self):
        """A fee on the same tax lines is left out of what the invoice gets back."""
        tax = self.taxes["split"]
        invoice = self._invoice([(3, 10.13, tax), (1, 3.07, tax)])
        fee = self.env["product.product"].create(
            {"name": "Fee", "taxes_id": [Command.set(tax.ids)]}
        )
        credit_notes = self.env["account.move"]
        for number, quantity in ((0, 1), (1, 1), (0, 1), (0, 1)):
            credit_notes |= self._credit(
                invoice, (number, quantity), charges=[ChargeLine(fee, 1.0)]
            )
        fees = self._invoice([(4, 1.0, tax)])
        for name in ("Split60", "Split25", "Split15"):
            invoiced, credited, charged = (
                sum(
                    moves.line_ids.filtered(
                        lambda line, name=name: line.account_id.code == name
                    ).mapped("balance")
                )
                for moves in (invoice, credit_notes, fees)
            )
            self.assertAlmostEqual(-invoiced, credited - charged, 6)

    def _random_invoice(self, lines, currency, globally, edit_vat):
        self.company.tax_calculation_rounding_method = (
            "round_globally" if globally else "round_per_line"
        )
        currency = self.currencies[currency]
        invoice = self._invoice(
            [
                {
                    "quantity": line["quantity"],
                    "price_unit": line["price"] * max(currency.rounding, 0.01),
                    "discount": line["discount"],
                    "tax_ids": self.taxes[line["tax"]],
                }
                for line in lines
            ],
            post=False,
            currency_id=currency.id,
        )
        tax_lines = invoice.line_ids.filtered("tax_line_id")
        delta = edit_vat * currency.rounding
        # Edited, but still a VAT: neither gone nor negative.
        if edit_vat and tax_lines and abs(delta) < abs(tax_lines[0].amount_currency):
            self._edit_vat(invoice, tax_lines[0], delta)
        invoice.action_post()
        return invoice

    def _edit_vat(self, invoice, tax_line, delta):
        term = invoice.line_ids.filtered(lambda li: li.display_type == "payment_term")
        invoice.write(
            {
                "line_ids": [
                    (1, line.id, {"amount_currency": line.amount_currency + change})
                    for line, change in ((tax_line, -delta), (term, delta))
                ]
            }
        )

    def _random_credit(self, invoice, kind, index, percent):
        """Credit ``percent`` of what is left: of a line's quantity or amount, of all"""
        line = invoice.invoice_line_ids[index % len(invoice.invoice_line_ids)]
        request = CreditRequest(invoice)
        if kind == "quantity":
            quantity = round(line.creditable_quantity * percent / 100, 2)
            if quantity <= 0:
                return self.env["account.move"]
            request.lines = [CreditLine(line, quantity)]
        elif kind == "amount":
            amount = line.currency_id.round(line.creditable_subtotal * percent / 100)
            if amount <= 0:
                return self.env["account.move"]
            request.lines = [CreditLine(line, 0.0, amount)]
        else:
            request.total = invoice.currency_id.round(
                self._left(invoice) * percent / 100
            )
            if request.total <= 0:
                return self.env["account.move"]
        credit_note = self.env["account.move"]._create_credit_notes([request])
        if kind == "total":
            self.assertAlmostEqual(credit_note.amount_total, request.total, 6)
        return credit_note

    def _left(self, invoice):
        return invoice.amount_total - sum(
            invoice.reversal_move_ids.mapped("amount_total")
        )

    def _check_exhausted(self, invoice, credit_notes):
        invoiced, credited = self._mirrored(invoice), self._booked(credit_notes)
        for key in set(invoiced) | set(credited):
            for one, other in zip(
                invoiced.get(key, (0, 0)), credited.get(key, (0, 0)), strict=True
            ):
                self.assertAlmostEqual(one, other, 6, key)
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertFalse(any(credit_notes.mapped("amount_residual")))
        for line in invoice.invoice_line_ids:
            self.assertTrue(float_is_zero(line.creditable_subtotal, precision_digits=6))

    @settings(PROFILE, max_examples=300)
    @given(
        total=st.integers(0, 10**7),
        weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=9),
        rounding=st.sampled_from([1.0, 0.05, 0.01, 0.001]),
    )
    def test_allotment(self, total, weights, rounding):
        """Shares add up, are within a unit of exact, and keep to the weights."""
        total, weights = total * rounding, [weight * rounding for weight in weights]
        shares = allot(total, weights, rounding)
        self.assertAlmostEqual(sum(shares), total, 6)
        weight_sum = sum(weights)
        for share, weight in zip(shares, weights, strict=True):
            if weight_sum:
                exact = total * weight / weight_sum
                self.assertLess(abs(share - exact), rounding * (1 + 1e-6))
                if total <= weight_sum:
                    self.assertLessEqual(share, weight + 1e-6)
