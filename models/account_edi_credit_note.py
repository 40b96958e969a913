from odoo import api, models
from odoo.tools import html2plaintext

from ..tools import einvoice
from ..tools.einvoice import money


class AccountEdiXmlUblBis3(models.AbstractModel):
    """Credit notes as EN 16931, Peppol BIS 3 and NLCIUS want them.

    Core's builder writes them like invoices: it names no corrected invoice (BT-25,
    BT-26) and no reason (BT-22), and what is payable depends on the day of the export.
    Invoices are left as core makes them.
    """

    _inherit = "account.edi.xml.ubl_bis3"

    @api.model
    def _is_credit_note(self, vals):
        return vals.get("document_type") == "credit_note"

    @api.model
    def _is_on_peppol(self, document_node):
        """Tell whether both parties have an electronic address (PEPPOL-EN16931-R010
        and R020): without them the document is plain EN 16931."""
        return all(
            (document_node[role]["cac:Party"].get("cbc:EndpointID") or {}).get("_text")
            for role in ("cac:AccountingSupplierParty", "cac:AccountingCustomerParty")
        )

    # -- header ------------------------------------------------------------------------

    def _add_invoice_header_nodes(self, document_node, vals):
        super()._add_invoice_header_nodes(document_node, vals)
        if not self._is_credit_note(vals):
            return
        credit_note = vals["invoice"]
        order_number = credit_note._einvoice_order_number()
        buyer_reference = credit_note.commercial_partner_id.ref
        document_node.update(
            {
                "cbc:Note": {"_text": credit_note._einvoice_reason()},
                "cac:OrderReference": {"cbc:ID": {"_text": order_number}},
                "cac:BillingReference": [
                    {
                        "cac:InvoiceDocumentReference": {
                            "cbc:ID": {"_text": invoice.name},
                            "cbc:IssueDate": {"_text": invoice.invoice_date},
                        }
                    }
                    for invoice in credit_note._einvoice_originals()
                ],
            }
        )
        if credit_note.commercial_partner_id.peppol_eas == "0204":
            # The German Leitweg-ID, which core has put here.
            buyer_reference = document_node["cbc:BuyerReference"]["_text"]
        if not buyer_reference and not order_number:
            # PEPPOL-EN16931-R003 wants one of the two.
            buyer_reference = einvoice.NO_REFERENCE
        document_node["cbc:BuyerReference"] = {"_text": buyer_reference or None}

    @api.model
    def _make_plain(self, document_node):
        """Claim no more than what every document here fulfils: EN 16931."""
        document_node["cbc:CustomizationID"] = {"_text": einvoice.EN16931}
        document_node["cbc:ProfileID"] = {"_text": None}
        if document_node["cbc:BuyerReference"]["_text"] == einvoice.NO_REFERENCE:
            document_node["cbc:BuyerReference"] = {"_text": None}

    # -- parties -----------------------------------------------------------------------

    def _get_party_node(self, vals):
        party_node = super()._get_party_node(vals)
        if self._is_credit_note(vals):
            partner = vals["partner"].commercial_partner_id
            if not einvoice.clean(partner.vat):
                # BT-31, BT-48: core writes an empty number (UBL-SR-53).
                party_node["cac:PartyTaxScheme"] = None
            legal_id = party_node["cac:PartyLegalEntity"].get("cbc:CompanyID") or {}
            if not einvoice.clean(legal_id.get("_text")):
                party_node["cac:PartyLegalEntity"]["cbc:CompanyID"] = None
            name = party_node["cac:PartyLegalEntity"]["cbc:RegistrationName"]
            name["_text"] = name["_text"] or partner.display_name
        return party_node

    def _add_invoice_delivery_nodes(self, document_node, vals):
        result = super()._add_invoice_delivery_nodes(document_node, vals)
        if self._is_credit_note(vals) and not vals["partner_shipping"].country_id:
            # BR-57: an address of delivery has a country, or there is none.
            document_node["cac:Delivery"]["cac:DeliveryLocation"] = None
        return result

    def _add_invoice_payment_means_nodes(self, document_node, vals):
        result = super()._add_invoice_payment_means_nodes(document_node, vals)
        if self._is_credit_note(vals):
            credit_note = vals["invoice"]
            # BR-CO-25; UBL has no due date on a credit note itself.
            due = credit_note.invoice_date_due or credit_note.invoice_date
            document_node["cac:PaymentMeans"]["cbc:PaymentDueDate"] = {"_text": due}
        return result

    # -- lines -------------------------------------------------------------------------

    def _add_invoice_line_item_nodes(self, line_node, vals):
        result = super()._add_invoice_line_item_nodes(line_node, vals)
        if self._is_credit_note(vals):
            item = line_node["cac:Item"]
            if not einvoice.clean((item.get("cbc:Name") or {}).get("_text")):
                # BR-25: each line has a name.
                item["cbc:Name"] = {
                    "_text": vals["invoice"]._einvoice_line_name(vals["line_idx"])
                }
        return result

    # -- amounts -----------------------------------------------------------------------

    def _get_invoice_node(self, vals):
        document_node = super()._get_invoice_node(vals)
        if self._is_credit_note(vals):
            totals = einvoice.settle(document_node, vals["currency_name"])
            self._set_credit_note_total(document_node, totals, vals)
            self._add_exemption_reasons(document_node, vals["invoice"])
            if not self._is_on_peppol(document_node):
                self._make_plain(document_node)
        return document_node

    @api.model
    def _set_credit_note_total(self, document_node, totals, vals):
        """Write what is payable: the total of the document, whatever was paid or
        reconciled since (posting reconciles with the invoice)."""
        credit_note, name = vals["invoice"], vals["currency_name"]
        withheld = vals["_ubl_values"]["payable_amount_tax_withholding_currency"]
        payable = einvoice.cents(credit_note.amount_total)
        rounding = payable + einvoice.cents(withheld) - totals["inclusive"]
        document_node["cac:LegalMonetaryTotal"] = {
            "cbc:LineExtensionAmount": money(totals["lines"], name),
            "cbc:TaxExclusiveAmount": money(totals["exclusive"], name),
            "cbc:TaxInclusiveAmount": money(totals["inclusive"], name),
            "cbc:AllowanceTotalAmount": money(
                totals["allowances"], name, optional=True
            ),
            "cbc:ChargeTotalAmount": money(totals["charges"], name, optional=True),
            "cbc:PrepaidAmount": money(einvoice.cents(withheld), name, optional=True),
            "cbc:PayableRoundingAmount": money(rounding, name, optional=True),
            "cbc:PayableAmount": money(payable, name),
        }

    def _add_exemption_reasons(self, document_node, credit_note):
        """BR-AE-10, BR-E-10, BR-G-10, BR-IC-10, BR-O-10: why there is no VAT."""
        with_code = self._name != "account.edi.xml.ubl_nl"
        for total in document_node["cac:TaxTotal"]:
            for subtotal in total["cac:TaxSubtotal"]:
                for category in subtotal["cac:TaxCategory"]:
                    if credit_note.net_of_tax:
                        code, text = credit_note._einvoice_net_of_tax()
                        category["cbc:TaxExemptionReasonCode"] = {"_text": code}
                        category["cbc:TaxExemptionReason"] = {"_text": text}
                    einvoice.explain_exemption(category, with_code)

    # -- what has to be completed ------------------------------------------------------

    def _export_invoice_constraints(self, invoice, vals):
        constraints = super()._export_invoice_constraints(invoice, vals)
        if not self._is_credit_note(vals):
            return constraints
        # Rules on invoices, or on what is written here from elsewhere: the corrected
        # invoice does not come from the reference (NL-R-001), the customer is not asked
        # to pay (NL-R-007), a consumer has no KVK (NL-R-005).
        for key in ("nl_r_001", "nl_r_007", "cen_en16931_payment_account_identifier"):
            constraints.pop(key, None)
        if invoice.net_of_tax:
            constraints.pop("tax_on_line", None)
        if not einvoice.clean(vals["customer"].commercial_partner_id.vat):
            constraints.pop("nl_r_005", None)
        if not self._is_on_peppol(vals["document_node"]):
            constraints.pop("peppol_en16931_ubl_buyer_ref_po_ref", None)
        constraints.update(invoice._einvoice_missing(vals["document_node"]))
        return constraints


class AccountMove(models.Model):
    _inherit = "account.move"

    def _einvoice_originals(self):
        """Return the invoices that this credit note corrects, by date and number."""
        return self._get_corrected_invoices().sorted(
            lambda move: (str(move.invoice_date), move.name or "")
        )

    def _einvoice_order_number(self):
        """Return the customer's own order number (BT-13), or nothing.

        Of the orders credited, else the reference of the invoice; never that of the
        credit note, which is a text of Odoo's own.
        """
        originals = self._einvoice_originals()
        orders = (self | originals).line_ids.sale_line_ids.order_id
        numbers = [number for number in orders.mapped("client_order_ref") if number]
        if not numbers:
            numbers = [ref for ref in originals.mapped("ref") if ref]
        return ", ".join(dict.fromkeys(numbers)) or None

    def _einvoice_reason(self):
        """Return why the credit note is made (BT-22), in the customer's language."""
        narration = self.narration and html2plaintext(self.narration)
        texts = (self.refund_reason_id.name, self.refund_note, narration)
        return (
            "\n".join(text.strip() for text in texts if text and text.strip()) or None
        )

    def _einvoice_net_of_tax(self):
        """Return code and words of a French credit note that leaves the VAT as it was
        (BOI-TVA-DED-40-10-20, § 90)."""
        return "VATEX-FR-CNWVAT", self._get_net_of_tax_wording()

    def _einvoice_line_name(self, number):
        originals = ", ".join(self._einvoice_originals().mapped("name"))
        if not originals:
            return self.env._("Credit, line %(number)s", number=number)
        return self.env._(
            "Credit of %(invoice)s, line %(number)s", invoice=originals, number=number
        )

    def _einvoice_missing(self, document_node):
        """Return by key what this credit note lacks to be a valid e-invoice."""
        missing = {}
        codes = einvoice.categories(document_node)
        customer = self.commercial_partner_id
        country = self.company_id.account_fiscal_country_id.code
        if codes & {"AE", "K"} and not einvoice.clean(customer.vat):
            missing["avoir_customer_vat"] = self.env._(
                "%(customer)s has no VAT number: reverse charge and intra-community "
                "supplies need one.",
                customer=customer.display_name,
            )
        if not einvoice.clean(self.company_id.vat) and codes - {"O"}:
            missing["avoir_company_vat"] = self.env._(
                "%(company)s has no VAT number: enter it on the company.",
                company=self.company_id.display_name,
            )
        if country == "NL" and not self._einvoice_originals():
            missing["avoir_nl_r_001"] = self.env._(
                "%(credit_note)s names no invoice that it corrects: enter it "
                "(NL-R-001).",
                credit_note=self.display_name,
            )
        return missing
