"""How much of a down payment to deduct from an invoice: amounts without records.

Amounts are flat dictionaries as in ``tools/credit_amounts.py``: by tax, what (untaxed,
tax or base) and unit. The amounts in the company's currency are those of the down
payment; they are left out where its documents are at several rates.
"""

from .credit_amounts import UNTAXED


def add(amounts, others, factor=1.0):
    """Add ``others`` times ``factor`` to ``amounts``, in place."""
    for key, amount in others.items():
        amounts[key] = amounts.get(key, 0.0) + factor * amount
    return amounts


def total_of(amounts):
    """Return the total with taxes of ``amounts``, in the currency of the order."""
    return sum(
        amount
        for (_tax, what, unit), amount in amounts.items()
        if what != "base" and unit == "currency"
    )


def without_company(amounts):
    """Return ``amounts`` without those in the company's currency."""
    return {key: amount for key, amount in amounts.items() if key[2] == "currency"}


def deduct(left, factor, available, round_amount):
    """Return the part of a down payment that an invoice deducts.

    :param dict left: what is left of the down payment
    :param float factor: the part of it that is wanted, from 0 to 1
    :param dict available: what the invoice has to deduct it from, lowered in place
    :param round_amount: of the currency
    :return: the amounts, none of them above what is left nor what is available
    """
    untaxed = left[UNTAXED]
    room = available.get(UNTAXED, 0.0)
    if untaxed <= 0 or room <= 0 or factor <= 0:
        return {}
    if factor < 1:
        untaxed = round_amount(untaxed * factor)
    if untaxed > room:
        untaxed = room
    part = untaxed / left[UNTAXED]
    if round_amount(untaxed - left[UNTAXED]) == 0:
        part = 1.0
    amounts = {
        # What is not in the currency of the order is rounded by core.
        key: amount if part == 1.0 or key[2] == "company" else round_amount(amount)
        for key, amount in ((key, amount * part) for key, amount in left.items())
    }
    amounts[UNTAXED] = round_amount(untaxed)
    for key, amount in list(amounts.items()):
        # A cent of rounding never turns the invoice into a refund.
        is_tax = key[1] == "tax" and key[2] == "currency"
        if is_tax and round_amount(amount - max(available.get(key, amount), 0.0)) > 0:
            amounts = without_company(amounts)
            amounts[key] = round_amount(max(available[key], 0.0))
    if not any(amounts.values()):
        return {}
    # Nothing is known of what is available in the company's currency.
    add(available, without_company(amounts), -1.0)
    return amounts
