import re

from odoo import api, fields, models

from ..tools import einvoice

# BR-FR-16: the rates of French VAT, overseas departments and Corsica included.
FRENCH_RATES = frozenset(
    (0.0, 0.9, 1.05, 1.75, 2.1, 5.5, 7.0, 8.5, 9.2, 9.6, 10.0, 13.0, 19.6, 20.0, 20.6)
)
NOT_IN_ADDRESS = re.compile(r"[^A-Za-z0-9._-]")


class AccountEdiXmlUblFrCtc(models.AbstractModel):
    """UBL of the French reform (CTC): EN 16931 with the rules BR-FR (XP Z12-012).

    Unlike Peppol, which allows one note, it wants the three legal mentions in notes of
    their own, a frame of invoicing (BT-23) and the SIREN of the seller.
    """

    _name = "account.edi.xml.ubl_fr_ctc"
    _inherit = ["account.edi.xml.ubl_bis3"]
    _description = "France CTC (UBL)"

    def _export_invoice_filename(self, invoice):
        return f"{invoice.name.replace('/', '_')}_fr_ctc.xml"

    def _get_customization_id(self, process_type="billing"):
        return einvoice.EN16931 if process_type == "billing" else None

    def _add_invoice_header_nodes(self, document_node, vals):
        result = super()._add_invoice_header_nodes(document_node, vals)
        invoice, company = vals["invoice"], vals["company"]
        note = document_node.get("cbc:Note") or {}
        notes = [(None, note.get("_text")), *company._get_einvoice_mentions()]
        document_node.update(
            {
                "cbc:CustomizationID": {"_text": einvoice.EN16931},
                "cbc:ProfileID": {"_text": invoice._einvoice_frame()},
                "cbc:Note": [
                    {"_text": f"#{code}#{text}" if code else text}
                    for code, text in notes
                    if text
                ],
            }
        )
        return result

    @api.model
    def _make_plain(self, document_node):
        """The profile is the same without addresses; they are asked for instead."""

    def _get_party_node(self, vals):
        party_node = super()._get_party_node(vals)
        partner = vals["partner"].commercial_partner_id
        # BR-FR-CO-10: identifiers without a scheme are not taken.
        party_node["cac:PartyIdentification"] = None
        siren = partner._get_siren()
        if siren:
            party_node["cac:PartyLegalEntity"]["cbc:CompanyID"] = {
                "_text": siren,
                "schemeID": "0002",
            }
        endpoint = party_node.get("cbc:EndpointID")
        if endpoint and endpoint.get("_text"):
            # BR-FR-23: letters, digits, "-", "_" and "."
            endpoint["_text"] = NOT_IN_ADDRESS.sub("", endpoint["_text"])
        return party_node

    def _add_invoice_line_amount_nodes(self, line_node, vals):
        result = super()._add_invoice_line_amount_nodes(line_node, vals)
        for name in ("cbc:CreditedQuantity", "cbc:InvoicedQuantity"):
            if line_node.get(name):  # BR-FR-DEC-02: four decimals
                line_node[name]["_text"] = f"{line_node[name]['_text']:.4f}"
        return result

    def _export_invoice_constraints(self, invoice, vals):
        constraints = super()._export_invoice_constraints(invoice, vals)
        constraints.pop("peppol_en16931_ubl_buyer_ref_po_ref", None)
        env = self.env
        for role, rule in (("supplier", "BR-FR-13"), ("customer", "BR-FR-12")):
            partner = vals[role].commercial_partner_id
            if not (partner.peppol_eas and partner.peppol_endpoint):
                constraints[f"avoir_fr_address_{role}"] = env._(
                    "%(partner)s has no electronic address: enter it on the contact "
                    "(%(rule)s).",
                    partner=partner.display_name,
                    rule=rule,
                )
        if not vals["supplier"]._get_siren():
            constraints["avoir_fr_siren"] = env._(
                "%(partner)s has no SIREN: enter its SIRET or its French VAT number "
                "(BR-FR-10).",
                partner=vals["supplier"].display_name,
            )
        if self._is_credit_note(vals):
            constraints.update(self._credit_note_constraints(invoice, vals))
        return constraints

    def _credit_note_constraints(self, invoice, vals):
        constraints = {}
        if not invoice._einvoice_originals():
            constraints["avoir_fr_original"] = self.env._(
                "%(credit_note)s names no invoice that it corrects: enter it "
                "(BR-FR-CO-05).",
                credit_note=invoice.display_name,
            )
        foreign = einvoice.rates(vals["document_node"]) - FRENCH_RATES
        if foreign:
            constraints["avoir_fr_rate"] = self.env._(
                "%(credit_note)s has VAT of another country (%(rates)s %%): it belongs "
                "in the one-stop shop, not in this format (BR-FR-16).",
                credit_note=invoice.display_name,
                rates=", ".join(f"{rate:g}" for rate in sorted(foreign)),
            )
        return constraints


class AccountMove(models.Model):
    _inherit = "account.move"

    def _einvoice_frame(self):
        """Return the frame of invoicing (BT-23): goods, services, or both."""
        products = self.invoice_line_ids.product_id
        kinds = {product.type == "service" for product in products}
        return {frozenset({True}): "S1", frozenset({True, False}): "M1"}.get(
            frozenset(kinds), "B1"
        )


class ResCompany(models.Model):
    _inherit = "res.company"

    einvoice_mention_pmt = fields.Char(
        string="Recovery Costs",
        translate=True,
        help="Mention of the fixed amount due for the costs of recovery (PMT).",
    )
    einvoice_mention_pmd = fields.Char(
        string="Late Payment Penalties",
        translate=True,
        help="Mention of the penalties for late payment (PMD).",
    )
    einvoice_mention_aab = fields.Char(
        string="Early Payment Discount",
        translate=True,
        help="Mention of the discount for early payment, or of there being none (AAB).",
    )

    def _get_einvoice_mentions(self):
        """Return the mentions that BR-FR-05 wants, in French by law, as pairs of code
        and text (C. com. art. L441-9 and D441-5)."""
        self.ensure_one()
        return [
            (
                "PMT",
                self.einvoice_mention_pmt
                or "Indemnité forfaitaire pour frais de recouvrement : 40 EUR",
            ),
            (
                "PMD",
                self.einvoice_mention_pmd
                or "Pénalités de retard : trois fois le taux d'intérêt légal",
            ),
            (
                "AAB",
                self.einvoice_mention_aab or "Pas d'escompte pour paiement anticipé",
            ),
        ]


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    einvoice_mention_pmt = fields.Char(
        related="company_id.einvoice_mention_pmt", readonly=False
    )
    einvoice_mention_pmd = fields.Char(
        related="company_id.einvoice_mention_pmd", readonly=False
    )
    einvoice_mention_aab = fields.Char(
        related="company_id.einvoice_mention_aab", readonly=False
    )


class ResPartner(models.Model):
    _inherit = "res.partner"

    invoice_edi_format = fields.Selection(
        selection_add=[("ubl_fr_ctc", "France CTC (UBL)")]
    )

    @api.model
    def _get_ubl_cii_formats_info(self):
        return {
            **super()._get_ubl_cii_formats_info(),
            # No country: it is chosen, never proposed.
            "ubl_fr_ctc": {"countries": [], "on_peppol": False, "sequence": 300},
        }

    @api.model
    def _get_edi_builder(self, invoice_edi_format):
        if invoice_edi_format == "ubl_fr_ctc":
            return self.env["account.edi.xml.ubl_fr_ctc"]
        return super()._get_edi_builder(invoice_edi_format)

    def _get_siren(self):
        """Return the nine digits of a French company, from its SIRET or VAT number."""
        self.ensure_one()
        registry = re.sub(r"\s", "", self.company_registry or "")
        if re.fullmatch(r"\d{9}(\d{5})?", registry) and self.country_code == "FR":
            return registry[:9]
        vat = re.sub(r"\s", "", self.vat or "")
        if re.fullmatch(r"FR..\d{9}", vat):
            return vat[4:]
        return None
