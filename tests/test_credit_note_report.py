import re

from lxml import html

from odoo import Command
from odoo.tests import tagged

from .common import AvoirCommon

# The words that the law asks for, the reason, how a date is written.
LANGUAGES = {
    "en_US": ("Credit Note", "Broken in transit", "01/31/2024"),
    "fr_FR": ("Avoir", "Cassé pendant le transport", "31/01/2024"),
    "nl_NL": ("Creditnota", "Stuk onderweg", "31-01-2024"),
}


@tagged("post_install", "-at_install")
class TestCreditNoteReport(AvoirCommon):
    """Case 21: what a credit note must say, in the customer's language."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in LANGUAGES:
            cls.env["res.lang"]._activate_lang(code)
        cls.env["ir.module.module"]._load_module_terms(
            ["account", "avoir"], ["fr_FR", "nl_NL"]
        )
        for code, (_title, reason, _date) in LANGUAGES.items():
            cls.reason.with_context(lang=code).name = reason
        for tax in (cls.vat20, cls.vat5):
            tax.tax_group_id = cls.env["account.tax.group"].create(
                {"name": tax.name, "company_id": cls.company.id}
            )
        cls.partner.write({"vat": "NL123456782B90", "country_id": False})

    def _render(self, move):
        content, _type = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", move.ids
        )
        return html.fromstring(content)

    def _text(self, page, name):
        nodes = page.xpath(f"//*[@name='{name}']")
        return [" ".join(node.text_content().split()) for node in nodes]

    def _title(self, page):
        return " ".join(page.xpath("string(//h2)").split())

    def _figures(self, *amounts):
        lang = self.env["res.lang"]._get_data(code=self.partner.lang)
        return [f"{amount:.2f}".replace(".", lang.decimal_point) for amount in amounts]

    def test_each_language(self):
        for code, (title, reason, date) in LANGUAGES.items():
            with self.subTest(code):
                self.partner.lang = code
                invoice = self._invoice(
                    [(2, 100, self.vat20), (1, 100, self.vat5)],
                    invoice_date="2024-01-31",
                )
                credit_note = self._credit(
                    invoice,
                    (0, 1.0),
                    (1, 0.0, 10.0),
                    values={
                        "refund_reason_id": self.reason.id,
                        "refund_note": "Two glasses",
                        "ref": "whatever",
                    },
                )
                page = self._render(credit_note)
                self.assertEqual(self._title(page), f"{title} {credit_note.name}")
                [corrected] = self._text(page, "corrected_invoices")
                self.assertIn(invoice.name, corrected)
                self.assertIn(date, corrected)
                [why] = self._text(page, "refund_reason")
                self.assertIn(reason, why)
                self.assertIn("Two glasses", why)
                text = page.text_content()
                self.assertIn(self.partner.vat, text)
                self.assertIn("whatever", text)
                taxes = page.xpath("//tr[contains(@class, 'o_taxes')]")
                self.assertEqual(
                    [re.findall(r"[\d.,]+", tax.text_content()) for tax in taxes],
                    [
                        ["20", *self._figures(100, 20)],
                        ["5.5", *self._figures(10, 0.55)],
                    ],
                )
                self.assertEqual(len(self._text(page, "price_correction")), 1)
                if code != "en_US":
                    self.assertNotIn("dated", corrected)
                    self.assertNotIn("Corrects", corrected)
                    self.assertNotIn("Reason", why)
                    self.assertNotIn("Price", self._text(page, "price_correction")[0])

    def test_several_invoices(self):
        """Each with its number and date, the oldest first, in one credit note."""
        self.partner.lang = "fr_FR"
        later = self._invoice([(1, 100, self.vat20)], invoice_date="2024-02-29")
        first = self._invoice([(1, 100, self.vat20)], invoice_date="2024-01-31")
        credit_note = self._by_hand(later | first)
        credit_note.action_post()
        self.assertEqual(
            self._text(self._render(credit_note), "referred_invoice"),
            [
                f"Facture {first.name} du 31/01/2024",
                f"Facture {later.name} du 29/02/2024",
            ],
        )

    def _by_hand(self, invoices):
        return self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.partner.id,
                "invoice_date": "2024-03-01",
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.product_a.id,
                            "price_unit": 10,
                            "tax_ids": [Command.set(self.vat20.ids)],
                            "reversed_line_id": line.id,
                        }
                    )
                    for line in invoices.invoice_line_ids
                    or self.env["account.move.line"].new({})
                ],
            }
        )

    def test_what_is_not_there_is_not_said(self):
        invoice = self._invoice([(1, 100, self.vat20)])
        page = self._render(invoice)
        self.assertFalse(self._text(page, "credit_note_origin"))
        self.assertIn("Invoice", self._title(page))
        alone = self._by_hand(self.env["account.move"])
        alone.action_post()
        page = self._render(alone)
        self.assertFalse(self._text(page, "corrected_invoices"))
        self.assertEqual(self._title(page), f"Credit Note {alone.name}")

    def test_replacement_names_the_invoice_that_it_replaces(self):
        self.partner.lang = "nl_NL"
        invoice = self._invoice([(1, 100, self.vat20)], invoice_date="2024-01-31")
        replacement = self._invoice(
            [(1, 90, self.vat20)],
            invoice_date="2024-02-29",
            replaced_invoice_id=invoice.id,
        )
        page = self._render(replacement)
        self.assertEqual(
            self._text(page, "referred_invoice"),
            [f"Factuur {invoice.name} van 31-01-2024"],
        )

    def test_printed_by_a_salesperson(self):
        """Who may not see the invoice reads its number all the same."""
        salesman = self._new_user("avoir_seller", "sales_team.group_sale_salesman")
        invoice = self._invoice([(1, 100, self.vat20)], invoice_user_id=self.env.uid)
        credit_note = self._credit(invoice, (0, 1.0))
        credit_note.invoice_user_id = salesman
        self.env.flush_all()
        page = self._render(
            credit_note.with_user(salesman).with_env(self.env(user=salesman))
        )
        self.assertIn(invoice.name, self._text(page, "corrected_invoices")[0])
