"""What is left of each part of a tax that is split between accounts.

A tax may be booked on several accounts, by its repartition lines. Every credit note
rounds the parts by itself, so that in the end they would miss the invoice's by a cent:
the credit note that exhausts a tax takes what is left of each of its parts.
"""

from collections import defaultdict

from odoo.tools import float_is_zero

from .credit_amounts import UNITS

BOOKED = {"currency": "amount_currency", "company": "balance"}


class TaxShares:
    """The parts of split taxes that are left to credit, with the sign of the books.

    Parts are known by their position: core sees to it that the repartition lines of
    invoices and of credit notes are the same in the same order. Taxes on one account
    need none of this and cost nothing.
    """

    def __init__(self, invoices, remaining):
        """:param dict remaining: of ``read_remaining``, kept up to date by others"""
        self.taxes = _split_taxes(invoices.line_ids.tax_ids)
        self.remaining = defaultdict(list)
        self.left = defaultdict(float)
        if not self.taxes:
            return
        for line, left in remaining.items():
            self.remaining[line.move_id].append(left.amounts)
        documents = invoices | invoices.line_ids.reversal_line_ids.move_id.filtered(
            lambda move: move.state != "cancel"
        )
        for document in documents:
            self._read(document)

    def _read(self, document):
        invoice = document.reversed_entry_id or document
        for line in document.line_ids:
            if line.tax_line_id in self.taxes:
                part = _position(line.tax_repartition_line_id)
                for unit, name in BOOKED.items():
                    self.left[invoice, line.tax_line_id, part, unit] -= line[name]
        if invoice != document:
            self._leave_charges_out(document, invoice)

    def _leave_charges_out(self, document, invoice):
        """Fees on a credit note share the tax lines of what it credits."""
        charges = document.line_ids.filtered(
            lambda line: (
                line.display_type == "product"
                and not line.reversed_line_id
                and line.tax_ids.flatten_taxes_hierarchy() & self.taxes
            )
        )
        if not charges:
            return
        base_lines, _tax_lines = document._get_rounded_base_and_tax_lines()
        base_lines = [line for line in base_lines if line["record"] in charges]
        document.env["account.tax"]._add_accounting_data_in_base_lines_tax_details(
            base_lines, document.company_id
        )
        for tax, part, sign, data in self._parts(base_lines):
            for unit, suffix in UNITS.items():
                amount = sign * data[f"tax_amount{suffix}"]
                self.left[invoice, tax, part, unit] += amount

    def _parts(self, base_lines):
        """Yield tax, position, sign and core's dictionary of each part."""
        for base_line in base_lines:
            for tax_data in base_line["tax_details"]["taxes_data"]:
                if tax_data["tax"] in self.taxes:
                    for data in tax_data["tax_reps_data"]:
                        part = _position(data["tax_rep"])
                        yield tax_data["tax"], part, base_line["sign"], data

    def settle(self, invoice, base_lines):
        """Let ``base_lines`` take what is left of the taxes that they exhaust.

        :param invoice: ``account.move`` that they credit
        :param list base_lines: of core's tax engine, with their accounting data;
            without the charges, and taken off ``remaining`` already
        """
        parts = defaultdict(list)
        for tax, part, sign, data in self._parts(base_lines):
            parts[tax, part].append((sign, data))
        for (tax, part), found in parts.items():
            for unit, suffix in UNITS.items():
                name = f"tax_amount{suffix}"
                key = invoice, tax, part, unit
                if self._is_exhausted(invoice, tax, unit):
                    sign, data = max(found, key=lambda one: abs(one[1][name]))  # noqa: B023
                    booked = sum(one[0] * one[1][name] for one in found)
                    data[name] += sign * (self.left[key] - booked)
                self.left[key] -= sum(one[0] * one[1][name] for one in found)

    def _is_exhausted(self, invoice, tax, unit):
        key = (tax.id, "tax", unit)
        return all(
            float_is_zero(amounts.get(key, 0.0), precision_digits=6)
            for amounts in self.remaining[invoice]
        )


def _split_taxes(taxes):
    return taxes.flatten_taxes_hierarchy().filtered(
        lambda tax: (
            len(
                tax.refund_repartition_line_ids.filtered(
                    lambda part: part.repartition_type == "tax" and part.factor > 0
                )
            )
            > 1
        )
    )


def _position(repartition_line):
    """Return the position of a repartition line among those of its kind."""
    tax = repartition_line.tax_id
    parts = (
        tax.refund_repartition_line_ids
        if repartition_line.document_type == "refund"
        else tax.invoice_repartition_line_ids
    )
    return (parts.filtered(lambda part: part.repartition_type == "tax")).ids.index(
        repartition_line.id
    )
