from ast import literal_eval
from hashlib import sha256
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .einvoice_common import EinvoiceCommon
from .einvoice_rules import UBL


@tagged("post_install", "-at_install")
class TestEinvoice(EinvoiceCommon):
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
        self.assertTrue(move.einvoice_is_plain, "the page says what the file is")
        self.assertFalse(self._credit_note("NL", "business").einvoice_is_plain)

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

    def test_texts_that_xml_has_no_place_for(self):
        """A vertical tab comes along when somebody copies from a word processor."""
        text = "Broken\x0b <b>&</b> 😀 שלום"
        for code, edi_format in (("FR", "facturx"), ("BE", "ubl_bis3")):
            self._be_in(code)
            invoice = self._invoice_of(code, "business", post=False)
            invoice.partner_id.invoice_edi_format = edi_format
            invoice.partner_id.name = text
            invoice.ref = text
            invoice.invoice_line_ids[0].name = text
            invoice.action_post()
            move = self._credit(invoice, (0, 1.0), values={"refund_note": text})
            with self.subTest(edi_format):
                self.assertFalse(move.einvoice_missing)
                content = move.ubl_cii_xml_id.raw.decode()
                self.assertIn("Broken &lt;b&gt;&amp;&lt;/b&gt; 😀 שלום", content)

    def test_auditor_makes_none(self):
        self._be_in("BE")
        invoice = self._invoice_of("BE", "business")
        with patch.object(type(self.env["account.move"]), "_freeze_einvoices"):
            move = self._credit(invoice, (0, 1.0))
        auditor = self._new_user("reader", "avoir.group_auditor")
        with self.assertRaises(AccessError):
            move.with_user(auditor).action_make_einvoice()
        self.assertFalse(move.einvoice_sha256)

    def test_statements_do_not_grow_with_documents(self):
        """About four statements for each further document, all of core's builders:
        the unit's code, and whether the group Europe exists."""
        self._be_in("NL")
        counts = []
        for count in (2, 6):
            with patch.object(type(self.env["account.move"]), "_freeze_einvoices"):
                notes = self.env["account.move"].union(
                    *(
                        self._credit(self._invoice_of("NL", "business"), (0, 1.0))
                        for _number in range(count)
                    )
                )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            notes._freeze_einvoices()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(notes.mapped("einvoice_state")), {"frozen"})
        self.assertLessEqual(counts[1] - counts[0], 18, counts)

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

    def test_buyer_without_country_is_missing_in_facturx(self):
        """Core's Factur-X asks only for the seller's (BR-11)."""
        self._be_in("FR")
        invoice = self._invoice_of("FR", "consumer")
        invoice.partner_id.write({"country_id": False, "invoice_edi_format": "facturx"})
        move = self.env["account.move"]._create_credit_notes(
            [self._request(invoice, "full")]
        )
        self.assertEqual(move.einvoice_state, "missing")
        self.assertIn("ountry", move.einvoice_missing)

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
