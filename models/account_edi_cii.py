from lxml import etree

from odoo import models
from odoo.tools import cleanup_xml_node

from ..tools import einvoice

RAM = (
    "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
)
RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
NAMES = {"ram": RAM, "rsm": RSM, "qdt": QDT}


class AccountEdiXmlCii(models.AbstractModel):
    """Factur-X of credit notes: what core writes, with the corrected invoices (BT-25,
    BT-26), the reason (BT-22) and the document's total as what is payable."""

    _inherit = "account.edi.xml.cii"

    def _export_invoice(self, invoice):
        content, errors = super()._export_invoice(invoice)
        if invoice.move_type != "out_refund":
            return content, errors
        root = etree.fromstring(content)
        credit_note = invoice.with_context(lang=invoice.partner_id.lang)
        if credit_note.net_of_tax:
            errors -= self._drop_tax_errors(credit_note)
            self._add_facturx_net_of_tax(root, credit_note)
        self._set_facturx_notes(root, credit_note)
        self._set_facturx_references(root, credit_note)
        self._set_facturx_totals(root, credit_note)
        self._complete_facturx(root, credit_note)
        content = etree.tostring(
            cleanup_xml_node(root), xml_declaration=True, encoding="UTF-8"
        )
        return content, errors

    def _export_invoice_constraints(self, invoice, vals):
        constraints = super()._export_invoice_constraints(invoice, vals)
        if invoice.move_type == "out_refund":
            # BR-DE-6 and BR-DE-7 are rules of XRechnung, not of Factur-X.
            for key in ("seller_phone", "seller_email"):
                constraints.pop(key, None)
            # BR-10 and BR-11: core asks only for the seller's country.
            constraints["avoir_buyer_country"] = self._check_required_fields(
                invoice.partner_id, "country_id"
            )
        return constraints

    def _set_facturx_notes(self, root, credit_note):
        document = root.find("rsm:ExchangedDocument", NAMES)
        for note in document.findall("ram:IncludedNote", NAMES):
            document.remove(note)
        notes = [(None, credit_note._einvoice_reason())]
        if credit_note.company_id.account_fiscal_country_id.code == "FR":
            notes += credit_note.company_id._get_einvoice_mentions()
        for code, text in notes:
            if text:
                note = etree.SubElement(document, f"{{{RAM}}}IncludedNote")
                etree.SubElement(note, f"{{{RAM}}}Content").text = einvoice.xml_text(
                    text
                )
                if code:
                    etree.SubElement(note, f"{{{RAM}}}SubjectCode").text = code

    def _set_facturx_references(self, root, credit_note):
        order = root.find(".//ram:BuyerOrderReferencedDocument", NAMES)
        number = credit_note._einvoice_order_number()
        if order is not None:
            if number:
                order.find("ram:IssuerAssignedID", NAMES).text = einvoice.xml_text(
                    number
                )
            else:
                order.getparent().remove(order)
        settlement = root.find(".//ram:ApplicableHeaderTradeSettlement", NAMES)
        for invoice in credit_note._einvoice_originals():
            # After the totals: the schema has no other place.
            reference = etree.SubElement(
                settlement, f"{{{RAM}}}InvoiceReferencedDocument"
            )
            number = etree.SubElement(reference, f"{{{RAM}}}IssuerAssignedID")
            number.text = einvoice.xml_text(invoice.name)
            issued = etree.SubElement(reference, f"{{{RAM}}}FormattedIssueDateTime")
            date = etree.SubElement(
                issued, f"{{{QDT}}}DateTimeString", format="102", nsmap={"qdt": QDT}
            )
            date.text = invoice.invoice_date.strftime("%Y%m%d")

    def _set_facturx_totals(self, root, credit_note):
        """Add up what is written, with two decimals (BR-CO-10 to BR-CO-16)."""
        settlement = root.find(".//ram:ApplicableHeaderTradeSettlement", NAMES)
        summation = settlement.find(
            "ram:SpecifiedTradeSettlementHeaderMonetarySummation", NAMES
        )
        lines = sum(
            einvoice.cents(node.text)
            for node in root.iterfind(
                ".//ram:SpecifiedTradeSettlementLineMonetarySummation"
                "/ram:LineTotalAmount",
                NAMES,
            )
        )
        taxes = sum(
            einvoice.cents(node.findtext("ram:CalculatedAmount", namespaces=NAMES))
            for node in settlement.findall("ram:ApplicableTradeTax", NAMES)
        )
        payable = einvoice.cents(credit_note.amount_total)
        amounts = {
            "LineTotalAmount": lines,
            "TaxBasisTotalAmount": lines,
            "TaxTotalAmount": taxes,
            "RoundingAmount": payable - lines - taxes or None,
            "GrandTotalAmount": lines + taxes,
            "DuePayableAmount": payable,
        }
        currency = credit_note.currency_id.name
        for node in list(summation):
            summation.remove(node)
        for name, amount in amounts.items():
            if amount is not None:
                node = etree.SubElement(summation, f"{{{RAM}}}{name}")
                node.text = f"{amount:.2f}"
                if name == "TaxTotalAmount":
                    node.set("currencyID", currency)

    def _drop_tax_errors(self, credit_note):
        """Return what core finds missing where no tax is meant to be."""
        no_taxes = {
            "invoice_line_vals_list": [{"line": None}],
            "tax_details": {"tax_details_per_record": {None: {"tax_details": {}}}},
        }
        return {
            self._check_required_tax(no_taxes),
            self._invoice_constraints_common(credit_note).get("tax_on_line"),
        }

    def _add_facturx_net_of_tax(self, root, credit_note):
        """Say on the lines and on the whole why they bear no VAT."""
        code, text = credit_note._einvoice_net_of_tax()
        for line in root.iterfind(".//ram:SpecifiedLineTradeSettlement", NAMES):
            line.insert(0, self._tax_node(("CategoryCode", "E"), ("Rate", "0.0")))
        before = root.find(".//ram:SpecifiedTradePaymentTerms", NAMES)
        period = root.find(
            ".//ram:ApplicableHeaderTradeSettlement/ram:BillingSpecifiedPeriod", NAMES
        )
        before = period if period is not None else before
        before.addprevious(
            self._tax_node(
                ("ExemptionReason", text),
                ("BasisAmount", f"{credit_note.amount_untaxed:.2f}"),
                ("CategoryCode", "E"),
                ("ExemptionReasonCode", code),
                ("Rate", "0.0"),
                calculated="0.00",
            )
        )

    def _tax_node(self, *values, calculated=None):
        node = etree.Element(f"{{{RAM}}}ApplicableTradeTax")
        if calculated:
            etree.SubElement(node, f"{{{RAM}}}CalculatedAmount").text = calculated
        etree.SubElement(node, f"{{{RAM}}}TypeCode").text = "VAT"
        for name, text in values:
            tag = "RateApplicablePercent" if name == "Rate" else name
            etree.SubElement(node, f"{{{RAM}}}{tag}").text = text
        return node

    def _complete_facturx(self, root, credit_note):
        """Name nameless lines (BR-25) and leave out numbers that are none."""
        for number, line in enumerate(
            root.iterfind(".//ram:IncludedSupplyChainTradeLineItem", NAMES), 1
        ):
            product = line.find("ram:SpecifiedTradeProduct", NAMES)
            if product is None:
                product = etree.Element(f"{{{RAM}}}SpecifiedTradeProduct")
                line.find("ram:AssociatedDocumentLineDocument", NAMES).addnext(product)
            name = product.find("ram:Name", NAMES)
            if name is None:
                name = etree.Element(f"{{{RAM}}}Name")
                description = product.find("ram:Description", NAMES)
                if description is not None:
                    description.addprevious(name)
                else:
                    product.append(name)
            if not name.text:
                label = product.findtext("ram:Description", namespaces=NAMES)
                name.text = einvoice.xml_text(
                    label or credit_note._einvoice_line_name(number)
                )
        for node in root.iterfind(".//ram:SpecifiedTaxRegistration", NAMES):
            if not einvoice.clean(node.findtext("ram:ID", namespaces=NAMES)):
                node.getparent().remove(node)
