"""How much of a down payment to deduct from an invoice: amounts without records.

Amounts are flat dictionaries as in ``tools/credit_amounts.py``, the currency of the
order only: ``(0, "untaxed", "currency")``, ``(tax id, "tax", "currency")`` and
``(tax id, "base", "currency")``.
"""

from .credit_amounts import UNTAXED


def add(amounts, others, factor=1.0):
    """Add ``others`` times ``factor`` to ``amounts``, in place."""
    for key, amount in others.items():
        amounts[key] = amounts.get(key, 0.0) + factor * amount
    return amounts


def total_of(amounts):
    """Return the total with taxes of ``amounts``."""
    return sum(amount for (_t, what, _u), amount in amounts.items() if what != "base")


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
        key: amount if part == 1.0 else round_amount(amount * part)
        for key, amount in left.items()
    }
    amounts[UNTAXED] = round_amount(untaxed)
    for key, amount in amounts.items():
        # A cent of rounding never turns the invoice into a refund.
        if key[1] == "tax" and key in available:
            amounts[key] = round_amount(min(amount, max(available[key], 0.0)))
    if not any(amounts.values()):
        return {}
    add(available, amounts, -1.0)
    return amounts
