from odoo.exceptions import UserError
from odoo.tests import tagged

from ..tools.credit import CreditLine, CreditRequest
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNote(AvoirCommon):
    """``account.move._create_credit_notes``, the cases of ACCOUNTING.md."""

    def assertCreditsWhole(self, invoice, credit_notes):
        self.assertEqual(self._booked(credit_notes), self._mirrored(invoice))
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertEqual(set(credit_notes.mapped("amount_residual")), {0.0})

    def test_credit_names_invoice_and_lines(self):
        invoice = self._invoice([(5, 100, self.vat20), (2, 50, self.vat5)])
        credit_note = self._credit(invoice, (0, 2.0))
        self.assertEqual(credit_note.move_type, "out_refund")
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        self.assertEqual(
            credit_note.invoice_line_ids.reversed_line_id, invoice.invoice_line_ids[0]
        )
        self.assertEqual(credit_note.amount_untaxed, 200)
        self.assertEqual(credit_note.amount_total, 240)
        self.assertEqual(invoice.amount_residual, 600 + 105.5 - 240)
        line = invoice.invoice_line_ids[0]
        self.assertEqual((line.credited_quantity, line.credited_subtotal), (2.0, 200.0))
        self.assertEqual(
            (line.creditable_quantity, line.creditable_subtotal), (3.0, 300.0)
        )

    def test_price_correction(self):
        """Case 1: 10 a unit on 5 × 100, no quantity given back."""
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = self._credit(invoice, (0, 0.0, 50.0))
        line = credit_note.invoice_line_ids
        self.assertTrue(line.is_price_correction)
        self.assertEqual((line.quantity, line.price_unit), (1.0, 50.0))
        self.assertEqual(credit_note.amount_total, 60)
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 5)
        rest = self._credit(invoice)
        self.assertEqual(rest.invoice_line_ids.quantity, 5)
        self.assertEqual(rest.invoice_line_ids.price_unit, 90)
        self.assertCreditsWhole(invoice, credit_note | rest)

    def test_never_more_than_invoiced(self):
        """Case 2: per line in quantity and amount, drafts counted."""
        invoice = self._invoice([(5, 100, self.vat20)])
        self._credit(invoice, (0, 3.0), post=False)
        count = len(invoice.reversal_move_ids)
        no_numbers = ((0, float("nan")), (0, 0.0, float("inf")))
        beyond = ((0, 3.0), (0, 0.0, 200.01), (0, -1.0), (0, 0.0, -5.0))
        for line in beyond + no_numbers:
            with self.assertRaises(UserError) as error:
                self._credit(invoice, line)
            self.assertIn(invoice.name, error.exception.args[0])
        with self.assertRaisesRegex(UserError, "240"):
            self._credit(invoice, total=240.01)
        with self.assertRaisesRegex(UserError, "240"):
            self._credit(invoice, total=float("nan"))
        self.assertEqual(len(invoice.reversal_move_ids), count)
        self._credit(invoice)
        with self.assertRaisesRegex(UserError, "nothing to credit"):
            self._credit(invoice)

    def test_limit_checked_again_at_posting(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        draft = self._credit(invoice, (0, 3.0), post=False)
        draft.invoice_line_ids.quantity = 6
        with self.assertRaisesRegex(UserError, "6 of 5"):
            draft.action_post()
        draft.invoice_line_ids.quantity = 5
        draft.action_post()
        self.assertEqual(invoice.amount_residual, 0)

    def test_rounding_of_parts(self):
        """Case 9: three credit notes of one piece of 3 × 10.01 come to 36.04."""
        for tax, total in ((self.vat20, 36.04), (self.vat20_included, 30.03)):
            invoice = self._invoice([(3, 10.01, tax)])
            self.assertEqual(invoice.amount_total, total)
            credit_notes = self.env["account.move"]
            for _i in range(3):
                credit_notes |= self._credit(invoice, (0, 1.0))
            self.assertCreditsWhole(invoice, credit_notes)

    def test_vat_edited_by_hand(self):
        """Case 10: 20.01 in place of 20.00 comes back as 20.01."""
        invoice = self._invoice([(1, 100, self.vat20)], post=False)
        tax_line = invoice.line_ids.filtered("tax_line_id")
        term = invoice.line_ids.filtered(lambda li: li.display_type == "payment_term")
        invoice.write(
            {
                "line_ids": [
                    (1, tax_line.id, {"amount_currency": -20.01}),
                    (1, term.id, {"amount_currency": 120.01}),
                ]
            }
        )
        invoice.action_post()
        self.assertEqual(invoice.amount_total, 120.01)
        credit_note = self._credit(invoice)
        self.assertEqual(credit_note.amount_tax, 20.01)
        self.assertCreditsWhole(invoice, credit_note)

    def test_foreign_currency_at_the_rate_of_the_invoice(self):
        """Case 11: 1200 EUR at 1.25 credited when the rate is 1.00."""
        eur = self.setup_other_currency(
            "EUR", rates=[("2020-01-01", 1.25), ("2020-02-01", 1.0)]
        )
        invoice = self._invoice(
            [(1, 1000, self.vat20)], currency_id=eur.id, invoice_date="2020-01-10"
        )
        self.assertEqual(abs(invoice.amount_total_signed), 960)
        credit_note = self._credit(invoice, values={"invoice_date": "2020-02-10"})
        self.assertCreditsWhole(invoice, credit_note)
        self.assertEqual(abs(credit_note.amount_total_signed), 960)
        self.assertFalse(
            (invoice | credit_note).line_ids.matched_debit_ids.exchange_move_id
        )

    def test_rate_of_the_day_by_choice(self):
        eur = self.setup_other_currency(
            "EUR", rates=[("2020-01-01", 1.25), ("2020-02-01", 1.0)]
        )
        invoice = self._invoice(
            [(1, 1000, self.vat20)], currency_id=eur.id, invoice_date="2020-01-10"
        )
        credit_note = self._credit(
            invoice, values={"invoice_date": "2020-02-10"}, day_rate=True
        )
        self.assertEqual(abs(credit_note.amount_total_signed), 1200)
        self.assertEqual(invoice.amount_residual, 0)

    def test_credit_of_an_amount(self):
        """Case 15: the amount asked to the cent, each rate in proportion."""
        invoice = self._invoice([(3, 33.33, self.vat20), (1, 19.99, self.vat5)])
        credit_notes = self._credit(invoice, total=50.0)
        self.assertEqual(credit_notes.amount_total, 50.0)
        self.assertTrue(
            all(credit_notes.invoice_line_ids.mapped("is_price_correction"))
        )
        part = 50.0 / invoice.amount_total
        for tax in (self.vat20, self.vat5):
            invoiced = -self._booked(invoice)[
                self._tax_account(invoice, tax), tax.name
            ][0]
            credited = self._booked(credit_notes)[
                self._tax_account(invoice, tax), tax.name
            ][0]
            self.assertAlmostEqual(credited, invoiced * part, delta=0.01)
        credit_notes |= self._credit(invoice, total=20.01)
        credit_notes |= self._credit(invoice)
        self.assertCreditsWhole(invoice, credit_notes)

    def _tax_account(self, invoice, tax):
        return invoice.line_ids.filtered(
            lambda li: li.tax_line_id == tax
        ).account_id.code

    def test_unit_of_measure(self):
        """Case 16: 5 units of an invoiced dozen at 120.00 are 50.00."""
        dozen = self.env.ref("uom.product_uom_dozen")
        invoice = self._invoice(
            [
                {
                    "quantity": 1,
                    "price_unit": 120,
                    "product_uom_id": dozen.id,
                    "tax_ids": self.vat20,
                }
            ]
        )
        credit_note = self._credit(invoice, (0, 5 / 12))
        line = credit_note.invoice_line_ids
        self.assertEqual(credit_note.amount_untaxed, 50)
        self.assertEqual((line.quantity, line.price_unit), (5, 10))
        self.assertEqual(line.product_uom_id, self.env.ref("uom.product_uom_unit"))
        self.assertAlmostEqual(invoice.invoice_line_ids.creditable_quantity, 7 / 12, 2)
        self.assertCreditsWhole(invoice, credit_note | self._credit(invoice))

    def test_dates(self):
        """Case 17: never before the invoice; a locked period moves it on."""
        invoice = self._invoice([(1, 100, self.vat20)], invoice_date="2024-03-10")
        with self.assertRaisesRegex(UserError, "before"):
            self._credit(invoice, values={"invoice_date": "2024-03-09"})
        self.company.fiscalyear_lock_date = "2024-03-31"
        credit_note = self._credit(invoice, values={"invoice_date": "2024-03-20"})
        self.assertGreater(str(credit_note.date), "2024-03-31")
        self.assertEqual(str(credit_note.invoice_date), "2024-03-20")
        self.assertIn("locked", " ".join(credit_note.message_ids.mapped("body")))

    def test_period_declared(self):
        """Case 17 where VAT is declared already: the first day that is open."""
        invoice = self._invoice([(2, 100, self.vat20)], invoice_date="2024-03-10")
        free = self._invoice([(1, 100, self.vat20.browse())], invoice_date="2024-03-10")
        self.company.tax_lock_date = "2024-03-31"
        values = {"invoice_date": "2024-03-20"}
        credit_note = self._credit(invoice, (0, 1.0), values=dict(values))
        self.assertEqual(str(credit_note.date), "2024-04-01")
        self.assertIn("locked", " ".join(credit_note.message_ids.mapped("body")))
        self.assertEqual(str(self._credit(free, values=values).date), "2024-03-20")

    def test_accounts_and_taxes_of_the_invoice_line(self):
        """Case 18: what product and partner say today does not count."""
        account = self.company_data["default_account_revenue"].copy()
        analytic = self.env["account.analytic.account"].create(
            {
                "name": "Shop",
                "plan_id": self.env["account.analytic.plan"].create({"name": "P"}).id,
            }
        )
        invoice = self._invoice(
            [
                {
                    "quantity": 2,
                    "price_unit": 100,
                    "discount": 10,
                    "tax_ids": self.vat20,
                    "account_id": account.id,
                    "analytic_distribution": {str(analytic.id): 100},
                }
            ]
        )
        receivable = self.partner.property_account_receivable_id
        self.partner.property_account_receivable_id = receivable.copy()
        self.product_a.taxes_id = self.vat5
        credit_note = self._credit(invoice, (0, 1.0))
        line = credit_note.invoice_line_ids
        self.assertEqual(line.account_id, account)
        self.assertEqual(line.tax_ids, self.vat20)
        self.assertEqual(line.discount, 10)
        self.assertEqual(line.analytic_distribution, {str(analytic.id): 100})
        self.assertEqual(invoice.amount_residual, 108)

    def test_reset_and_cancel_give_back(self):
        """Case 19."""
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = self._credit(invoice)
        self.assertEqual(invoice.amount_residual, 0)
        credit_note.button_draft()
        self.assertEqual(invoice.amount_residual, 600)
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 0)
        credit_note.button_cancel()
        self.assertEqual(invoice.invoice_line_ids.creditable_quantity, 5)
        self._credit(invoice)
        self.assertEqual(invoice.amount_residual, 0)

    def test_several_at_once_reconcile_with_their_own(self):
        """Core's pairing by position mixes customers up where one has two."""
        first = self._invoice([(2, 100, self.vat20)])
        second = self._invoice([(1, 70, self.vat20)])
        lines = first.invoice_line_ids
        requests = [
            self._request(first, lines, 1.0),
            self._request(first, lines, 1.0),
            self._request(second, second.invoice_line_ids, 1.0),
        ]
        credit_notes = self.env["account.move"]._create_credit_notes(requests)
        self.assertEqual(credit_notes.reversed_entry_id.ids, [first.id, second.id])
        self.assertEqual((first | second).mapped("amount_residual"), [0.0, 0.0])
        self.assertEqual(credit_notes.mapped("amount_total"), [120, 120, 84])

    def _request(self, invoice, line, quantity):
        return CreditRequest(invoice, [CreditLine(line, quantity)])

    def test_line_without_product(self):
        invoice = self._invoice(
            [
                {
                    "product_id": False,
                    "name": "Advice",
                    "quantity": 2,
                    "price_unit": 80,
                    "tax_ids": self.vat20,
                }
            ]
        )
        credit_note = self._credit(invoice, (0, 1.0))
        self.assertEqual(credit_note.amount_total, 96)
        self.assertCreditsWhole(invoice, credit_note | self._credit(invoice))

    def test_cash_rounding(self):
        """What rounding added comes back with the last part, whatever its strategy."""
        for strategy, parts in (
            ("add_invoice_line", [(0, 1.0)]),
            ("add_invoice_line", [(0, 1.0), (0, 2.0), (1, 1.0)]),
            ("biggest_tax", [(0, 1.0)]),
        ):
            rounding = self.env["account.cash.rounding"].create(
                {
                    "name": "0.05",
                    "rounding": 0.05,
                    "strategy": strategy,
                    "profit_account_id": self.company_data[
                        "default_account_revenue"
                    ].id,
                    "loss_account_id": self.company_data["default_account_expense"].id,
                }
            )
            invoice = self._invoice(
                [(3, 10.01, self.vat20), (1, 19.99, self.vat5)],
                invoice_cash_rounding_id=rounding.id,
            )
            self.assertAlmostEqual(invoice.amount_total * 20 % 1, 0)
            self.assertNotAlmostEqual(invoice.amount_total, 57.13, 2)
            credit_notes = self.env["account.move"]
            for part in parts:
                credit_notes |= self._credit(invoice, part)
            if invoice.amount_residual:
                credit_notes |= self._credit(invoice)
            self.assertEqual(invoice.amount_residual, 0)
            self.assertEqual(
                sum(credit_notes.mapped("amount_total")), invoice.amount_total
            )
            self.assertEqual(set(credit_notes.mapped("amount_residual")), {0.0})

    def test_two_companies_in_one_call(self):
        """Each credit note stays in the company, journal and currency of its own."""
        eur = self.setup_other_currency("EUR")
        other = self.setup_other_company(name="Other", currency_id=eur.id)
        tax = other["default_tax_sale"]
        invoice = self._invoice([(5, 100, self.vat20)])
        foreign = self._invoice(
            [
                {
                    "quantity": 2,
                    "price_unit": 70,
                    "tax_ids": tax,
                    "account_id": other["default_account_revenue"].id,
                }
            ],
            company_id=other["company"].id,
            journal_id=other["default_journal_sale"].id,
            currency_id=eur.id,
        )
        credit_notes = self.env["account.move"]._create_credit_notes(
            [CreditRequest(invoice), CreditRequest(foreign)]
        )
        for origin, credit_note in zip(invoice | foreign, credit_notes, strict=True):
            self.assertEqual(credit_note.company_id, origin.company_id)
            self.assertEqual(credit_note.journal_id, origin.journal_id)
            self.assertEqual(credit_note.currency_id, origin.currency_id)
            self.assertCreditsWhole(origin, credit_note)

    def test_one_line_asked_for_twice(self):
        invoice = self._invoice([(5, 100, self.vat20)])
        credit_note = self._credit(invoice, (0, 1.0), (0, 1.0))
        self.assertEqual(credit_note.invoice_line_ids.quantity, 2)
        credit_note |= self._credit(invoice, (0, 1.0), (0, 0.0, 10.0))
        line = credit_note[1].invoice_line_ids
        self.assertEqual((line.quantity, line.price_unit), (1, 110))
        with self.assertRaisesRegex(UserError, "Left to credit: 2"):
            self._credit(invoice, (0, 2.0), (0, 1.0))
        with self.assertRaisesRegex(UserError, "190"):
            self._credit(invoice, (0, 2.0), (0, 0.0, 0.01))
        self.assertCreditsWhole(invoice, credit_note | self._credit(invoice))

    def test_vendor_bill(self):
        invoice = self._invoice(
            [(3, 100, self.company_data["default_tax_purchase"])],
            move_type="in_invoice",
        )
        refund = self._credit(invoice, (0, 1.0))
        self.assertEqual(refund.move_type, "in_refund")
        self.assertCreditsWhole(invoice, refund | self._credit(invoice))

    def test_refused_documents(self):
        draft = self._invoice([(1, 100, self.vat20)], post=False)
        with self.assertRaisesRegex(UserError, "not posted"):
            self._credit(draft)
        refund = self._credit(self._invoice([(1, 100, self.vat20)]))
        with self.assertRaisesRegex(UserError, "not an invoice"):
            self._credit(refund)
