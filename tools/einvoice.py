"""The sums and the codes of an e-invoice, on the nodes of core's UBL builder.

Sources: EN 16931-1:2017 (BR-CO-10 to BR-CO-17, BR-DEC-*: two decimals, whatever the
currency) and Peppol BIS Billing 3.0. Amounts are ``Decimal`` with two places.
"""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

EN16931 = "urn:cen.eu:en16931:2017"
NO_REFERENCE = "NA"
CENT = Decimal("0.01")
SLACK = Decimal("0.02")
# Why there is no VAT, by category: code of the VATEX list and text.
EXEMPTIONS = {
    "AE": ("VATEX-EU-AE", "Reverse charge"),
    "E": (None, "Exempt from tax"),
    "G": ("VATEX-EU-G", "Export outside the EU"),
    "K": ("VATEX-EU-IC", "Intra-Community supply"),
    "O": ("VATEX-EU-O", "Not subject to VAT"),
}


def cents(amount):
    """Return ``amount`` with two decimals, halves away from zero."""
    rounded = Decimal(repr(float(amount or 0.0))).quantize(CENT, ROUND_HALF_UP)
    return rounded or abs(rounded)  # no "-0.00"


def money(amount, currency, optional=False):
    """Return the node of ``amount``, or None for nothing that may be left out."""
    if optional and not amount:
        return None
    return {"_text": amount, "currencyID": currency}


def clean(text):
    """Return ``text`` without the slash that Odoo takes for “has none”."""
    return text if text and text != "/" else None


def settle(document_node, currency):
    """Round the amounts of a credit note and make the sums agree with their parts.

    Lines and allowances are rounded first; everything else is the sum of what is
    written, per category and rate, so that a reader who adds up finds the same.

    :return: the totals, by name
    """
    lines = document_node.get("cac:CreditNoteLine") or []
    for line in lines:
        _settle_line(line, currency)
    document_charges = document_node.get("cac:AllowanceCharge") or []
    for charge in document_charges:
        charge["cbc:Amount"] = money(_amount(charge["cbc:Amount"]), currency)
    line_total = sum(_amount(line["cbc:LineExtensionAmount"]) for line in lines)
    allowances = sum(_amount(c["cbc:Amount"]) for c in document_charges if not _adds(c))
    charges = sum(_amount(c["cbc:Amount"]) for c in document_charges if _adds(c))
    bases = _bases(lines, document_charges)
    tax = Decimal(0)
    for total in document_node["cac:TaxTotal"]:
        if total.get("cac:TaxSubtotal"):
            tax += _settle_tax_total(total, bases, currency)
        else:  # that in the currency of the books (BT-111)
            amount = total["cbc:TaxAmount"]
            amount["_text"] = _amount(amount)
    exclusive = line_total - allowances + charges
    return {
        "lines": line_total or Decimal("0.00"),
        "allowances": allowances,
        "charges": charges,
        "exclusive": exclusive or Decimal("0.00"),
        "inclusive": (exclusive + tax) or Decimal("0.00"),
    }


def _settle_line(line, currency):
    for charge in line.get("cac:AllowanceCharge") or []:
        for name in ("cbc:Amount", "cbc:BaseAmount"):
            if charge.get(name) and charge[name].get("_text") is not None:
                charge[name] = money(_amount(charge[name]), currency)
    line["cbc:LineExtensionAmount"] = money(
        _amount(line["cbc:LineExtensionAmount"]), currency
    )
    for category in line["cac:Item"]["cac:ClassifiedTaxCategory"]:
        _drop_rate_of_untaxed(category)
    _settle_price(line, currency)


def _settle_price(line, currency):
    """Let price × quantity give the amount within two cents (PEPPOL-EN16931-R120).

    It does not by itself where the currency has no cents: there the amounts are
    rounded to whole units, those of the discount too (R040).
    """
    charges = line.get("cac:AllowanceCharge") or []
    gross = _amount(line["cbc:LineExtensionAmount"])
    gross -= sum(_amount(c["cbc:Amount"]) * (1 if _adds(c) else -1) for c in charges)
    quantity = Decimal(repr(float(line["cbc:CreditedQuantity"]["_text"])))
    price = Decimal(str(line["cac:Price"]["cbc:PriceAmount"]["_text"]))
    if not quantity or abs(quantity * price - gross) <= SLACK:
        return
    for charge in charges:
        for name in ("cbc:MultiplierFactorNumeric", "cbc:BaseAmount"):
            charge[name] = None
    price = (gross / quantity).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    if abs(quantity * price - gross) > SLACK:
        # So many pieces that no price of one has digits enough: that of all of them.
        price = abs(gross)
        line["cac:Price"]["cbc:BaseQuantity"] = {
            "_text": abs(quantity),
            "unitCode": line["cbc:CreditedQuantity"]["unitCode"],
        }
    line["cac:Price"]["cbc:PriceAmount"] = money(f"{price:f}", currency)


def _settle_tax_total(total, bases, currency):
    """Make one subtotal of each category and rate; return the tax (BT-110)."""
    taxes, first = defaultdict(Decimal), {}
    for subtotal in total["cac:TaxSubtotal"]:
        key = _key(subtotal["cac:TaxCategory"][0])
        taxes[key] += _amount(subtotal["cbc:TaxAmount"])
        first.setdefault(key, subtotal)
    for key, subtotal in first.items():
        subtotal["cbc:TaxableAmount"] = money(bases[key], currency)
        subtotal["cbc:TaxAmount"] = money(taxes[key], currency)
        _drop_rate_of_untaxed(subtotal["cac:TaxCategory"][0])
    total["cac:TaxSubtotal"] = list(first.values())
    tax = sum(taxes.values(), Decimal("0.00"))
    total["cbc:TaxAmount"] = money(tax, currency)
    return tax


def _bases(lines, document_charges):
    bases = defaultdict(lambda: Decimal("0.00"))
    for line in lines:
        for category in line["cac:Item"]["cac:ClassifiedTaxCategory"]:
            bases[_key(category)] += _amount(line["cbc:LineExtensionAmount"])
    for charge in document_charges:
        sign = 1 if _adds(charge) else -1
        for category in charge["cac:TaxCategory"]:
            bases[_key(category)] += sign * _amount(charge["cbc:Amount"])
    return bases


def _key(category):
    percent = (category.get("cbc:Percent") or {}).get("_text")
    return category["cbc:ID"]["_text"], cents(percent)


def _drop_rate_of_untaxed(category):
    """BR-O-05: outside the scope of VAT there is no rate."""
    if category["cbc:ID"]["_text"] == "O":
        category["cbc:Percent"] = None


def _amount(node):
    return cents(node["_text"])


def _adds(charge):
    return charge["cbc:ChargeIndicator"]["_text"] == "true"


def categories(document_node):
    """Return the codes of the VAT categories on the lines."""
    return {
        category["cbc:ID"]["_text"]
        for line in document_node.get("cac:CreditNoteLine") or []
        for category in line["cac:Item"]["cac:ClassifiedTaxCategory"]
    }


def rates(document_node):
    """Return the VAT rates on the lines, in percent."""
    return {
        float((category.get("cbc:Percent") or {}).get("_text") or 0.0)
        for line in document_node.get("cac:CreditNoteLine") or []
        for category in line["cac:Item"]["cac:ClassifiedTaxCategory"]
    }


def explain_exemption(category, with_code=True):
    """Write why ``category`` bears no VAT where core gives neither code nor text."""
    found = EXEMPTIONS.get(category["cbc:ID"]["_text"])
    if not found:
        return
    code, text = found
    if not (category.get("cbc:TaxExemptionReason") or {}).get("_text"):
        category["cbc:TaxExemptionReason"] = {"_text": text}
    has_code = (category.get("cbc:TaxExemptionReasonCode") or {}).get("_text")
    if with_code and code and not has_code:
        category["cbc:TaxExemptionReasonCode"] = {"_text": code}


def xml_text(value):
    """Return ``value`` without what XML 1.0 has no place for."""
    return "".join(
        char
        for char in value
        if char in "\t\n\r"
        or "\x20" <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or "\uffff" < char
    )
