"""How much of an invoice is left to credit, and what a part of it comes to.

Amounts are kept in flat dictionaries, one for each invoice line, with the sign that
the document shows (positive for a plain line, on the invoice and on the credit note):

- ``(0, "untaxed", unit)``: what is booked on the line's own account;
- ``(tax id, "tax", unit)`` and ``(tax id, "base", unit)``: what the line contributes
  to each of its taxes;

``unit`` is ``"currency"`` (the document's) or ``"company"`` (the company's).

The amounts are those of core's tax engine, read from the posted documents with
``_get_rounded_base_and_tax_lines``: they add up to the journal items to the cent, a
VAT amount edited by hand and the roundings for the whole document included. What is
left of a line is therefore always what its invoice says less what its credit notes
say, and the last credit note takes just that.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from odoo.tools import float_is_zero

from .allotment import allot

UNTAXED = (0, "untaxed", "currency")
UNITS = {"currency": "_currency", "company": ""}
# Lines that credit notes name: of products, and of the cash rounding.
CREDITED_DISPLAY_TYPES = ("product", "rounding")


@dataclass
class Remaining:
    """What is left to credit of one invoice line."""

    quantity: float
    amounts: dict
    is_fresh: bool = True  # nothing has been credited so far

    @property
    def untaxed(self):
        return self.amounts[UNTAXED]

    @property
    def total(self):
        return total_of(self.amounts)


@dataclass
class LineCredit:
    """What one line of a credit note gives back.

    ``amounts`` is None where core's tax engine finds them from price and quantity.
    """

    line: object
    quantity: float
    is_price_correction: bool
    remaining: Remaining
    amounts: dict | None = field(default=None)

    def take_off(self, base_line):
        """Take what ``base_line`` finally credits off what is left of the line."""
        left = self.remaining
        for key, amount in read_amounts(base_line).items():
            rounded = _currency(self.line, key).round(left.amounts.get(key, 0) - amount)
            left.amounts[key] = rounded
        if not self.is_price_correction:
            left.quantity -= self.quantity
        left.is_fresh = False


def total_of(amounts):
    """Return the total with taxes of ``amounts``, in the document's currency."""
    return sum(
        amount
        for (_tax, what, unit), amount in amounts.items()
        if what != "base" and unit == "currency"
    )


def read_amounts(base_line):
    """Return the amounts of a base line that core's tax engine has rounded."""
    details = base_line["tax_details"]
    amounts = {}
    for unit, suffix in UNITS.items():
        amounts[0, "untaxed", unit] = (
            details[f"total_excluded{suffix}"]
            + details[f"delta_total_excluded{suffix}"]
        )
        for tax_data in details["taxes_data"]:
            if tax_data["is_reverse_charge"]:
                continue  # mirrors the tax that it neutralizes
            tax_id = tax_data["tax"].id
            amounts[tax_id, "tax", unit] = tax_data[f"tax_amount{suffix}"]
            amounts[tax_id, "base", unit] = tax_data[f"base_amount{suffix}"]
    return amounts


def read_documents(moves):
    """Return the amounts of all product lines of ``moves``, by line."""
    result = {}
    moves._prefetch_for_credit()
    for move in moves:
        base_lines, _tax_lines = move._get_rounded_base_and_tax_lines()
        for base_line in base_lines:
            line = base_line["record"]
            if line.display_type in CREDITED_DISPLAY_TYPES:
                result[line] = read_amounts(base_line)
                sign = base_line["sign"]
                # The books go before what the engine would find today.
                result[line][UNTAXED] = sign * line.amount_currency
                result[line][0, "untaxed", "company"] = sign * line.balance
    return result


def read_remaining(invoices):
    """Return what is left to credit of each product line of ``invoices``.

    Credit notes in draft count, cancelled ones do not.

    :param invoices: ``account.move`` recordset
    :return: ``Remaining`` by ``account.move.line``
    """
    invoiced = read_documents(invoices)
    lines = invoices.line_ids.filtered(lambda line: line in invoiced)
    reversals = lines.reversal_line_ids.filtered(lambda r: r.parent_state != "cancel")
    credited_by_line = defaultdict(list)
    for reversal, amounts in read_documents(reversals.move_id).items():
        if reversal.reversed_line_id in invoiced:
            credited_by_line[reversal.reversed_line_id].append(amounts)
    credited_quantities, _amounts = lines._get_credited()
    return {
        line: Remaining(
            quantity=(
                line.quantity - credited_quantities[line.id]
                if line.display_type == "product"
                else 0.0
            ),
            amounts=_subtract(line, amounts, credited_by_line[line]),
            is_fresh=not credited_by_line[line],
        )
        for line, amounts in invoiced.items()
    }


def _subtract(line, amounts, credited):
    left = dict(amounts)
    for credit in credited:
        for key, amount in credit.items():
            left[key] = left.get(key, 0.0) - amount
    return {key: _currency(line, key).round(value) for key, value in left.items()}


def _currency(line, key):
    return line.currency_id if key[2] == "currency" else line.company_currency_id


def scale(credits, factors, per_document):
    """Set the amounts of ``credits`` to a part of what is left of their lines.

    The taxes are rounded once for all lines together where the company rounds taxes
    for the whole document; lines taken whole are given to the cent and left out of it.

    :param list credits: of ``LineCredit``
    :param list factors: for each, the part of its remaining untaxed amount
    :param bool per_document: whether the company rounds taxes globally
    """
    for credit, factor in zip(credits, factors, strict=True):
        credit.amounts = _scale_one(credit, factor)
    if per_document:
        _round_taxes_together(
            [
                (credit, factor)
                for credit, factor in zip(credits, factors, strict=True)
                if factor != 1.0
            ]
        )
    for credit, factor in zip(credits, factors, strict=True):
        if factor != 1.0:
            _settle_untaxed(credit, factor)


def _scale_one(credit, factor):
    left = credit.remaining.amounts
    if factor == 1.0:
        return dict(left)
    fixed = credit.line.tax_ids.flatten_taxes_hierarchy().filtered(
        lambda tax: tax.amount_type == "fixed"
    )
    amounts = {}
    for key, amount in left.items():
        if credit.is_price_correction and key[0] in fixed._ids:
            # An amount per piece is due as long as the customer keeps the pieces.
            amounts[key] = 0.0
        else:
            amounts[key] = _currency(credit.line, key).round(amount * factor)
    return amounts


def _round_taxes_together(scaled):
    keys = {key for credit, _f in scaled for key in credit.amounts if key[1] == "tax"}
    for key in keys:
        parts = [
            (credit, credit.remaining.amounts[key] * factor)
            for credit, factor in scaled
            if credit.amounts.get(key)
        ]
        if parts:
            currency = _currency(parts[0][0].line, key)
            weights = [weight for _credit, weight in parts]
            total = currency.round(sum(weights))
            shares = allot(total, weights, currency.rounding)
            for (credit, _weight), share in zip(parts, shares, strict=True):
                credit.amounts[key] = share


def _settle_untaxed(credit, factor):
    """Keep the total right where prices include the taxes, and the bases consistent."""
    left, amounts = credit.remaining.amounts, credit.amounts
    taxes = credit.line.tax_ids.flatten_taxes_hierarchy()
    included = bool(taxes) and all(tax.price_include for tax in taxes)
    for unit in UNITS:
        untaxed = (0, "untaxed", unit)
        round_amount = _currency(credit.line, untaxed).round
        if included and not credit.is_price_correction:
            keys = [untaxed] + [(tax.id, "tax", unit) for tax in taxes]
            whole = sum(left.get(key, 0.0) for key in keys)
            tax = sum(amounts.get(key, 0.0) for key in keys[1:])
            amounts[untaxed] = round_amount(round_amount(whole * factor) - tax)
        for key in amounts:
            if key[1:] == ("base", unit):
                more = (left[key] - left[untaxed]) * factor
                amounts[key] = round_amount(amounts[untaxed] + more)


def set_total(credits, total):
    """Spread ``total`` over ``credits``, in proportion to their amounts.

    First over the untaxed amounts by kind of taxation and the taxes, so that the VAT
    of each rate stays in proportion, then within each over the lines.

    :param list credits: of ``LineCredit``, with amounts
    :param float total: with taxes, in the document's currency, rounded
    """
    cells = defaultdict(list)
    for credit in credits:
        for key, amount in credit.amounts.items():
            if key[2] == "currency" and key[1] != "base" and amount:
                kind = credit.line.tax_ids if key == UNTAXED else None
                cells[key, kind].append((credit, key, amount))
    groups = list(cells.values())
    if not groups:
        return
    rounding = credits[0].line.currency_id.rounding
    sums = [sum(amount for _c, _k, amount in group) for group in groups]
    for group, share in zip(groups, allot(total, sums, rounding), strict=True):
        weights = [amount for _c, _k, amount in group]
        parts = allot(share, weights, rounding)
        for (credit, key, _amount), part in zip(group, parts, strict=True):
            credit.amounts[key] = part
    for credit in credits:
        _follow_currency(credit)


def _follow_currency(credit):
    """Derive bases and company amounts from the amounts in the document's currency."""
    left, amounts = credit.remaining.amounts, credit.amounts
    for key in [key for key in amounts if key[1] != "base"]:
        tax_id, what, unit = key
        if unit == "company":
            source = (tax_id, what, "currency")
            ratio = amounts[source] / left[source] if left[source] else 0.0
            amounts[key] = credit.line.company_currency_id.round(left[key] * ratio)
    for key in [key for key in amounts if key[1] == "base"]:
        untaxed = (0, "untaxed", key[2])
        ratio = amounts[untaxed] / left[untaxed] if left[untaxed] else 0.0
        more = (left[key] - left[untaxed]) * ratio
        amounts[key] = _currency(credit.line, key).round(amounts[untaxed] + more)


def differs(credit, amounts, with_company):
    """Tell whether the engine's ``amounts`` are other than those of ``credit``."""
    return any(
        not float_is_zero(
            amount - amounts.get(key, 0.0),
            precision_rounding=_currency(credit.line, key).rounding,
        )
        for key, amount in credit.amounts.items()
        if with_company or key[2] == "currency"
    )


def manual_amounts(credit, with_company):
    """Return ``credit``'s amounts as core's tax engine takes them.

    :param bool with_company: False leaves the company's currency to the rate
    :return: keyword arguments of ``_prepare_base_line_for_taxes_computation``
    """
    manual = {"manual_tax_amounts": defaultdict(dict)}
    for (tax_id, what, unit), amount in credit.amounts.items():
        if unit == "company" and not with_company:
            continue
        suffix = UNITS[unit]
        if what == "untaxed":
            manual[f"manual_total_excluded{suffix}"] = amount
        else:
            manual["manual_tax_amounts"][str(tax_id)][f"{what}_amount{suffix}"] = amount
    manual["manual_tax_amounts"] = dict(manual["manual_tax_amounts"])
    return manual
