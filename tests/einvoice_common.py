from lxml import etree

from odoo import Command, fields

from ..tools.credit import ChargeLine, CreditLine, CreditRequest
from .common import AvoirCommon

# Numbers with right check digits; nobody's in particular.
SELLERS = {
    "FR": {"vat": "FR40303265045", "company_registry": "30326504500041"},
    "BE": {"vat": "BE0477472701", "company_registry": "0477472701"},
    "NL": {"vat": "NL123456782B90", "company_registry": "24169200"},
    "DE": {"vat": "DE136695976", "company_registry": False},
}
CUSTOMERS = {
    "FR": {"vat": "FR23334175221", "company_registry": "33417522101010"},
    "BE": {"vat": "BE0403019261", "company_registry": "0403019261"},
    "NL": {"vat": "NL000099998B57", "company_registry": "12345678"},
    "DE": {"vat": "DE123456788", "company_registry": False},
}
EAS = {"FR": "9957", "BE": "0208", "NL": "0106", "DE": "9930"}
FORMATS = {"FR": "ubl_bis3", "BE": "ubl_bis3", "NL": "nlcius", "DE": "xrechnung"}
RATES = {"FR": (20.0, 5.5), "BE": (21.0, 6.0), "NL": (21.0, 9.0), "DE": (19.0, 7.0)}
KINDS = ("business", "consumer", "intra", "oss", "export")
CREDITS = ("full", "part", "price", "total", "fee")


class EinvoiceCommon(AvoirCommon):
    """Credit notes of four countries, for tests of their e-invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True})
        cls.company.write(
            {
                "phone": "+33 1 02 03 04 05",
                "email": "shop@example.com",
                "currency_id": cls.env.ref("base.EUR").id,
            }
        )
        cls.zero = cls._new_tax("Reverse", 0.0)
        cls.product_a.barcode = False
        cls.rate_of = {
            rate: cls._new_tax(f"Rate {rate}", rate)
            for rate in sorted({rate for pair in RATES.values() for rate in pair})
        }
        currencies = cls.env["res.currency"].with_context(active_test=False)
        cls.currencies = [
            currencies.search([("name", "=", name)])
            for name in ("EUR", "USD", "TND", "JPY")
        ]
        for currency in cls.currencies:
            currency.active = True

    def _be_in(self, code):
        """Make the company one of country ``code``."""
        eas, seller = EAS[code], SELLERS[code]
        partner = self.company.partner_id
        partner.with_context(no_vat_validation=True).write(
            {
                **seller,
                "name": f"Seller {code}",
                "street": "Main Street 1",
                "city": "Town",
                "zip": "1234 AB",
                "country_id": self.env.ref(f"base.{code.lower()}").id,
                "peppol_eas": eas,
                "peppol_endpoint": self._endpoint(code, seller),
            }
        )

    def _endpoint(self, code, values):
        return values["company_registry" if code in ("BE", "NL") else "vat"]

    def _customer(self, code, kind):
        """Return a customer of a seller in ``code``."""
        abroad = {"FR": "BE", "BE": "NL", "NL": "DE", "DE": "FR"}
        country = {"intra": abroad[code], "oss": abroad[code], "export": "US"}.get(
            kind, code
        )
        values = {
            "name": f"Customer {kind}",
            "street": "Side Street 2",
            "city": "City",
            "zip": "1000",
            "country_id": self.env.ref(f"base.{country.lower()}").id,
            "company_type": "person" if kind in ("consumer", "oss") else "company",
            "invoice_edi_format": FORMATS[code],
        }
        if kind in ("business", "intra"):
            customer = CUSTOMERS[country]
            values |= {
                **customer,
                "peppol_eas": EAS[country],
                "peppol_endpoint": self._endpoint(country, customer),
            }
        partner = self.env["res.partner"].with_context(no_vat_validation=True)
        partner = partner.create(values)
        if kind not in ("business", "intra"):
            partner.peppol_endpoint = False
        return partner

    def _taxes(self, code, kind):
        if kind in ("intra", "export"):
            return self.zero, self.zero
        if kind == "oss":
            code = {"FR": "BE", "BE": "NL", "NL": "DE", "DE": "FR"}[code]
        return tuple(self.rate_of[rate] for rate in RATES[code])

    def _invoice_of(self, code, kind, currency=None, post=True):
        customer = self._customer(code, kind)
        invoice = self.env["account.move"].create(
            self._invoice_vals(code, kind, customer, currency)
        )
        if post:
            invoice.action_post()
        return invoice

    def _invoice_vals(self, code, kind, customer, currency=None):
        """Return an invoice with a discount, broken cents and a line without a name."""
        high, low = self._taxes(code, kind)
        lines = (
            {"quantity": 3, "price_unit": 33.33, "tax_ids": high, "discount": 10},
            {"quantity": 7, "price_unit": 1.155, "tax_ids": low},
            {"price_unit": 19.95, "tax_ids": high, "product_id": False, "name": False},
        )
        return {
            "move_type": "out_invoice",
            "partner_id": customer.id,
            "invoice_date": fields.Date.today(),
            "currency_id": (currency or self.company.currency_id).id,
            "ref": f"PO-{code}-7" if kind == "business" else False,
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": self.product_a.id,
                        **line,
                        "tax_ids": [Command.set(line["tax_ids"].ids)],
                    }
                )
                for line in lines
            ],
        }

    def _request(self, invoice, how):
        lines = invoice.invoice_line_ids
        values = {"refund_reason_id": self.reason.id, "refund_note": "Two broken"}
        if how == "part":
            return CreditRequest(
                invoice,
                [CreditLine(lines[0], 2.0), CreditLine(lines[1], 3.0)],
                values=values,
            )
        if how == "price":
            return CreditRequest(
                invoice, [CreditLine(lines[0], 0.0, 7.0)], values=values
            )
        if how == "total":
            return CreditRequest(invoice, total=31.0, values=values)
        if how == "fee":
            fee = ChargeLine(
                self.product_b, 5.0, name="Restocking", taxes=lines[0].tax_ids
            )
            fee.account = self.company_data["default_account_revenue"]
            return CreditRequest(invoice, charges=[fee], values=values)
        return CreditRequest(invoice, values=values)

    def _builder(self, move):
        partner = move.commercial_partner_id
        return partner._get_edi_builder(partner.invoice_edi_format)

    def _credit_note(self, code="NL", kind="business", how="full", currency=None):
        self._be_in(code)
        invoice = self._invoice_of(code, kind, currency)
        return self.env["account.move"]._create_credit_notes(
            [self._request(invoice, how)]
        )

    def _xml(self, move):
        self.assertFalse(move.einvoice_missing)
        return etree.fromstring(move.ubl_cii_xml_id.raw)

    # -- the matrix --------------------------------------------------------------------

    def _credit_notes(self, code, cases, edi_format=None, currencies=()):
        """Return a posted credit note for each pair of customer and credit."""
        self._be_in(code)
        customers = {kind: self._customer(code, kind) for kind, _how in cases}
        invoices = self.env["account.move"].create(
            [
                self._invoice_vals(
                    code,
                    kind,
                    customers[kind],
                    currencies and currencies[number % len(currencies)],
                )
                for number, (kind, _how) in enumerate(cases)
            ]
        )
        if edi_format:
            invoices.partner_id.invoice_edi_format = edi_format
        invoices.action_post()
        requests = [
            self._request(invoice, how)
            for invoice, (_kind, how) in zip(invoices, cases, strict=True)
        ]
        return self.env["account.move"]._create_credit_notes(requests)
