import base64
from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from ..tools import oss
from ..tools.credit import CreditLine, CreditRequest
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestVatOss(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.env.ref("base.EUR")
        cls.company.currency_id = cls.euro
        cls.germany = cls.env.ref("base.de")
        cls.greece = cls.env.ref("base.gr")
        cls.vat_de = cls._new_tax("19 % DE", 19.0, oss_country_id=cls.germany.id)
        cls.vat_de7 = cls._new_tax("7 % DE", 7.0, oss_country_id=cls.germany.id)
        cls.vat_gr = cls._new_tax("24 % GR", 24.0, oss_country_id=cls.greece.id)

    def _on(self, day, lines, **values):
        return self._invoice(lines, invoice_date=day, **values)

    def _credit_on(self, invoice, day, *lines, **request):
        with freeze_time(day):
            return self._credit(
                invoice, *lines, values={"invoice_date": day}, **request
            )

    # -- periods -----------------------------------------------------------------------

    def test_periods(self):
        for day, period, due, last in (
            (date(2026, 1, 1), "2026-Q1", date(2026, 4, 30), date(2029, 4, 30)),
            (date(2026, 6, 30), "2026-Q2", date(2026, 7, 31), date(2029, 7, 31)),
            (date(2026, 9, 30), "2026-Q3", date(2026, 10, 31), date(2029, 10, 31)),
            (date(2026, 12, 31), "2026-Q4", date(2027, 1, 31), date(2030, 1, 31)),
        ):
            self.assertEqual(oss.quarter(day), period)
            self.assertEqual(oss.due_date(period), due)
            self.assertEqual(oss.last_day_to_correct(period), last)
        self.assertEqual(oss.bounds("2026-Q1"), (date(2026, 1, 1), date(2026, 3, 31)))

    # -- corrections -------------------------------------------------------------------

    def test_correction_keeps_state_and_original_period(self):
        invoice = self._on("2026-01-15", [(2, 100.0, self.vat_de)])
        move = self._credit_on(invoice, "2026-05-10", (0, 1.0))
        correction = move.oss_correction_ids
        self.assertEqual(correction.country_id, self.germany)
        self.assertEqual(correction.original_period, "2026-Q1")
        self.assertEqual(correction.period, "2026-Q2")
        self.assertEqual(correction.kind, "correction")
        self.assertEqual((correction.base, correction.vat), (-100.0, -19.0))
        self.assertEqual(correction.last_day, date(2029, 4, 30))
        self.assertIn("07/31/2026", correction.advice)

    def test_same_quarter_is_no_correction(self):
        invoice = self._on("2026-01-15", [(1, 100.0, self.vat_de)])
        move = self._credit_on(invoice, "2026-03-31", (0, 1.0))
        self.assertEqual(move.oss_correction_ids.kind, "same")

    def test_beyond_three_years_is_flagged(self):
        invoice = self._on("2022-11-15", [(1, 100.0, self.vat_de)])
        in_time = self._credit_on(invoice, "2026-01-31", (0, 0.5))
        late = self._credit_on(invoice, "2026-02-01", (0, 0.5))
        self.assertEqual(in_time.oss_correction_ids.kind, "correction")
        self.assertEqual(late.oss_correction_ids.kind, "late")
        self.assertIn("Germany", late.oss_correction_ids.advice)

    def test_rates_and_foreign_currency(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        for day, rate in (("2026-01-01", 2.0), ("2026-03-31", 4.0), ("2026-05-01", 8)):
            self.env["res.currency.rate"].create(
                {
                    "name": day,
                    "rate": rate,
                    "currency_id": dollar.id,
                    "company_id": self.company.id,
                }
            )
        invoice = self._on(
            "2026-01-15",
            [(1, 100.0, self.vat_de), (1, 50.0, self.vat_de7)],
            currency_id=dollar.id,
        )
        move = self._credit_on(invoice, "2026-05-10", (0, 1.0), (1, 1.0))
        # The rate of the last day of the corrected quarter: 4 dollars to the euro.
        self.assertEqual(
            [(one.rate, one.base, one.vat) for one in move.oss_correction_ids],
            [(19.0, -25.0, -4.75), (7.0, -12.5, -0.88)],
        )

    def test_draft_takes_it_back_and_declared_stays(self):
        invoice = self._on("2026-01-15", [(1, 100.0, self.vat_de)])
        move = self._credit_on(invoice, "2026-05-10", (0, 1.0))
        move.button_draft()
        self.assertFalse(move.oss_correction_ids)
        move.action_post()
        move.oss_correction_ids.sudo().action_declare()
        with self.assertRaisesRegex(UserError, "declared"):
            move.button_draft()
        with self.assertRaises(UserError):
            move.oss_correction_ids.sudo().vat = 0.0

    def test_domestic_sales_make_none(self):
        invoice = self._on("2026-01-15", [(1, 100.0, self.vat20)])
        move = self._credit_on(invoice, "2026-05-10", (0, 1.0))
        self.assertFalse(move.oss_correction_ids)

    def test_list_of_a_quarter(self):
        first = self._on(
            "2026-01-15", [(1, 1000.0, self.vat_de), (1, 50.0, self.vat_de7)]
        )
        second = self._on("2025-12-15", [(1, 10.0, self.vat_gr)])
        late = self._on("2020-12-15", [(1, 10.0, self.vat_gr)])
        for invoice, lines in ((first, (0, 1)), (second, (0,)), (late, (0,))):
            self._credit_on(invoice, "2026-05-10", *((n, 1.0) for n in lines))
        with freeze_time("2026-07-02"):
            with Form(self.env["oss.correction.export"]) as form:
                form.layout = "fr"
            wizard = form.record
            self.assertEqual(wizard.period, "2026-Q2")
            self.assertEqual(wizard.due_on, date(2026, 7, 31))
        self.assertEqual(wizard.late_count, 1)
        self.assertEqual(
            wizard._get_rows()[1:],
            [
                ["DE", "2026 T1", "19,00", "-1000,00", "-190,00"],
                ["DE", "2026 T1", "7,00", "-50,00", "-3,50"],
                ["DE", "2026 T1", "Total", "-1050,00", "-193,50"],
                ["EL", "2025 T4", "24,00", "-10,00", "-2,40"],
                ["EL", "2025 T4", "Total", "-10,00", "-2,40"],
            ],
        )
        wizard.action_export()
        text = base64.b64decode(wizard.file).decode("utf-8-sig")
        self.assertIn("EL;2025 T4;24,00;-10,00;-2,40\r\n", text)
        for layout, shown in (("nl", "2025 kwartaal 4"), ("de", "4. Quartal 2025")):
            wizard.layout = layout
            self.assertIn(shown, [row[1] for row in wizard._get_rows()])
        self.assertIn("4. Quartal 2025", wizard.preview)
        wizard.sudo().action_declare()
        self.assertTrue(all(wizard.correction_ids.mapped("declared_on")))

    def test_nothing_to_list(self):
        wizard = self.env["oss.correction.export"].create({})
        with self.assertRaises(UserError):
            wizard.action_export()

    def test_roles(self):
        invoice = self._on("2026-01-15", [(1, 100.0, self.vat_de)])
        user = self._new_user("oss_accountant", "account.group_account_invoice")
        move = (
            self.env["account.move"]
            .with_user(user)
            ._create_credit_notes(
                [
                    CreditRequest(
                        invoice.with_user(user),
                        [CreditLine(invoice.invoice_line_ids.with_user(user), 1.0)],
                    )
                ]
            )
        )
        correction = move.oss_correction_ids
        self.assertEqual(correction.vat, -19.0)
        with self.assertRaises(AccessError):
            correction.action_declare()
        move.button_draft()
        self.assertFalse(correction.exists())

    # -- VAT of the original -----------------------------------------------------------

    def test_rate_changed_since(self):
        invoice = self._on("2026-01-15", [(1, 100.0, self.vat20)])
        self.product_a.taxes_id = self.vat5
        move = self._credit(invoice, (0, 1.0))
        self.assertEqual(
            (move.amount_tax, move.invoice_line_ids.tax_ids.ids), (20.0, self.vat20.ids)
        )

    def test_customer_moved_and_fiscal_position_edited(self):
        position = self.env["account.fiscal.position"].create(
            {"name": "Export", "company_id": self.company.id}
        )
        zero = self._new_tax("Export", 0.0, ubl_cii_tax_category_code="G")
        invoice = self._invoice([(1, 100.0, zero)], fiscal_position_id=position.id)
        position.write({"tax_ids": [Command.clear()], "name": "Changed"})
        self.partner.country_id = self.germany
        self.partner.property_account_position_id = False
        move = self._credit(invoice, (0, 1.0))
        self.assertEqual(move.fiscal_position_id, position)
        self.assertEqual(move.invoice_line_ids.tax_ids, zero)
        self.assertEqual(move.amount_tax, 0.0)

    def test_reverse_charge_mirrors_its_grids(self):
        reverse = self._split_tax("Reverse", 21.0, 100, -100)
        invoice = self._invoice([(2, 50.0, reverse)])
        move = self._credit(invoice, (0, 2.0))
        self.assertEqual(move.amount_tax, 0.0)
        self.assertEqual(self._booked(move), self._mirrored(invoice))

    def test_other_taxes_by_hand_are_refused(self):
        invoice = self._invoice([(1, 100.0, self.vat5)])
        move = self._credit(invoice, (0, 0.5), post=False)
        move.invoice_line_ids.tax_ids = self.vat20
        with self.assertRaisesRegex(UserError, "VAT 20 %"):
            move.action_post()
        move.invoice_line_ids.tax_ids = self.vat5
        move.action_post()

    def test_no_more_vat_of_one_rate(self):
        """The whole is not too much, one rate of it is."""
        invoice = self._invoice([(1, 100.0, self.vat20), (1, 100.0, self.vat5)])
        move = self._credit(invoice, (0, 0.5), post=False)
        # A line of their own, which no invoice line limits.
        move.write(
            {
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "By hand",
                            "quantity": 1,
                            "price_unit": 60.0,
                            "tax_ids": [Command.set(self.vat20.ids)],
                        }
                    )
                ]
            }
        )
        with self.assertRaisesRegex(UserError, "VAT 20 %"):
            move.action_post()

    def test_margin_scheme_is_refused(self):
        margin = self._new_tax(
            "Margin", 0.0, ubl_cii_tax_exemption_reason_code="VATEX-EU-F"
        )
        self.assertTrue(margin.is_margin_scheme)
        invoice = self._invoice([(1, 100.0, margin)])
        with self.assertRaisesRegex(UserError, "margin scheme"):
            self._credit(invoice, (0, 1.0))
        by_hand = self._invoice([(1, 100.0, margin)], move_type="out_refund")
        self.assertEqual(by_hand.state, "posted")

    def test_bills_are_held_to_it_too(self):
        bill = self._invoice(
            [(1, 100.0, self.company_data["default_tax_purchase"])],
            move_type="in_invoice",
        )
        move = self._credit(bill, (0, 1.0))
        self.assertEqual(move.amount_tax, bill.amount_tax)
