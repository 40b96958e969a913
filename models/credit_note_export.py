"""Credit notes with their originals, line by line, for other systems.

The columns are documented in docs/audit.md and stay as they are: new ones go to the
end. Numbers have a decimal point, dates are ISO 8601, the text is UTF-8.
"""

import csv
import io

from lxml import etree

from odoo import api, models
from odoo.fields import Domain

from ..tools.einvoice import xml_text
from .account_move_post import REFUND_TYPES

PAGE = 200  # documents in memory at a time
HEADER_COLUMNS = (
    "uuid",
    "number",
    "type",
    "state",
    "date",
    "accounting_date",
    "company",
    "company_vat",
    "customer",
    "customer_vat",
    "customer_country",
    "currency",
    "rate",
    "corrected_invoices",
    "corrected_invoice_dates",
    "reason_code",
    "reason",
    "explanation",
    "net_of_tax",
    "untaxed_total",
    "tax_total",
    "total",
)
LINE_COLUMNS = (
    "line",
    "original_invoice",
    "original_invoice_date",
    "product",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "discount",
    "taxes",
    "tax_rate",
    "untaxed",
    "tax",
    "account",
    "price_correction",
)
COLUMNS = (*HEADER_COLUMNS, *LINE_COLUMNS)
NAMESPACE = "urn:avoir:credit-notes:1"
# A spreadsheet takes a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _export_domain(self, company, date_from, date_to):
        """Return the posted credit notes of a period, by the date they bear."""
        return Domain(
            [
                ("company_id", "=", company.id),
                ("move_type", "in", REFUND_TYPES),
                ("state", "=", "posted"),
                ("invoice_date", ">=", date_from),
                ("invoice_date", "<=", date_to),
            ]
        )

    @api.model
    def _export_pages(self, domain):
        """Yield the credit notes of ``domain`` by date and id, ``PAGE`` at a time.

        What was read for a page is forgotten with it: memory does not grow.
        """
        last = None
        while True:
            page = domain
            if last:
                date, move_id = last
                page &= Domain("invoice_date", ">", date) | (
                    Domain("invoice_date", "=", date) & Domain("id", ">", move_id)
                )
            moves = self.search(page, order="invoice_date, id", limit=PAGE)
            if not moves:
                return
            last = (moves[-1].invoice_date, moves[-1].id)
            yield moves
            self.env.invalidate_all()

    def _export_header(self):
        """Return the columns of the document, see ``HEADER_COLUMNS``."""
        self.ensure_one()
        references = self._get_corrected_references()
        partner = self.commercial_partner_id
        return {
            "uuid": self.document_uuid or "",
            "number": self.name,
            "type": self.move_type,
            "state": self.state,
            "date": _date(self.invoice_date),
            "accounting_date": _date(self.date),
            "company": self.company_id.name,
            "company_vat": self.company_id.vat or "",
            "customer": partner.name or "",
            "customer_vat": partner.vat or "",
            "customer_country": partner.country_id.code or "",
            "currency": self.currency_id.name,
            "rate": _number(self.invoice_currency_rate or 1.0, 6),
            "corrected_invoices": " ".join(name for name, _day in references),
            "corrected_invoice_dates": " ".join(
                _date(day) for _name, day in references
            ),
            "reason_code": self.refund_reason_id.code or "",
            "reason": self.refund_reason_id.name or "",
            "explanation": self.refund_note or self.without_invoice_reason or "",
            "net_of_tax": str(int(self.net_of_tax)),
            "untaxed_total": self._export_amount(self.amount_untaxed),
            "tax_total": self._export_amount(self.amount_tax),
            "total": self._export_amount(self.amount_total),
        }

    def _export_lines(self):
        """Return the columns of each line, see ``LINE_COLUMNS``."""
        lines = self.invoice_line_ids.filtered(
            lambda line: line.display_type == "product"
        )
        return [self._export_line(i, line) for i, line in enumerate(lines, 1)]

    def _export_line(self, number, line):
        original = line.reversed_line_id.move_id or self.reversed_entry_id
        taxes = line.tax_ids.flatten_taxes_hierarchy()
        return {
            "line": str(number),
            "original_invoice": original.name or "",
            "original_invoice_date": _date(original.invoice_date),
            "product": line.product_id.default_code or "",
            "description": line.name or "",
            "quantity": _number(line.quantity, 6),
            "unit": line.product_uom_id.name or "",
            "unit_price": _number(line.price_unit, 6),
            "discount": _number(line.discount, 6),
            "taxes": " ".join(line.tax_ids.mapped("name")),
            "tax_rate": _number(
                sum(tax.amount for tax in taxes if tax.amount_type == "percent"), 4
            ),
            "untaxed": self._export_amount(line.price_subtotal),
            "tax": self._export_amount(line.price_total - line.price_subtotal),
            "account": line.account_id.code or "",
            "price_correction": str(int(line.is_price_correction)),
        }

    def _export_amount(self, amount):
        return f"{amount:.{self.currency_id.decimal_places}f}"

    @api.model
    def _export_csv(self, domain):
        """Yield the CSV of the credit notes of ``domain``, bytes, page by page."""
        yield "﻿".encode() + _csv([COLUMNS])  # the mark that spreadsheets look for
        for moves in self._export_pages(domain):
            rows = []
            for move in moves:
                header = move._export_header()
                for line in move._export_lines() or [dict.fromkeys(LINE_COLUMNS, "")]:
                    values = {**header, **line}
                    rows.append([_harmless(name, values[name]) for name in COLUMNS])
            yield _csv(rows)

    @api.model
    def _export_xml(self, domain):
        """Yield the XML of the credit notes of ``domain``, bytes, page by page."""
        yield (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<creditNotes xmlns="{NAMESPACE}">'
        ).encode() + b"\n"
        for moves in self._export_pages(domain):
            yield b"".join(move._export_element() + b"\n" for move in moves)
        yield b"</creditNotes>\n"

    def _export_element(self):
        element = etree.Element("creditNote")
        header = self._export_header()
        names = header.pop("corrected_invoices"), header.pop("corrected_invoice_dates")
        _fill(element, header)
        corrects = etree.SubElement(element, "corrects")
        for name, day in self._get_corrected_references() if any(names) else ():
            etree.SubElement(
                corrects, "invoice", number=xml_text(name), date=_date(day)
            )
        lines = etree.SubElement(element, "lines")
        for values in self._export_lines():
            _fill(etree.SubElement(lines, "line", number=values.pop("line")), values)
        return etree.tostring(element, encoding="utf-8")


def _fill(element, values):
    for name, value in values.items():
        etree.SubElement(element, name).text = xml_text(value)


def _csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


NUMBERS = frozenset(
    "rate untaxed_total tax_total total line quantity unit_price discount tax_rate "
    "untaxed tax net_of_tax price_correction".split()
)


def _harmless(name, value):
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    if name not in NUMBERS and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _number(value, digits):
    """Return a number with a decimal point, without needless zeros."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _date(day):
    return day.isoformat() if day else ""
