"""Sharing an amount out, to the last cent."""

from decimal import Decimal
from math import floor


def allot(total, weights, rounding):
    """Share ``total`` out in proportion to ``weights``, in whole units of ``rounding``.

    Largest remainder method: each share is rounded down first, then the units that are
    left go to the shares that lost the most. The shares add up to ``total`` exactly
    and each is within one unit of its exact share, so that none leaves the range from
    zero to its weight as long as ``total`` lies between zero and the weights' sum.

    :param float total: a multiple of ``rounding``
    :param list weights: floats, negative ones allowed; if they cancel each other out,
        their sizes count
    :param float rounding: the smallest unit, as in ``res.currency.rounding``
    :return: the shares as floats, in the order of ``weights``
    """
    if not weights:
        return []
    unit = Decimal(repr(rounding))
    units = round(Decimal(repr(total)) / unit)
    exact = _exact_shares(units, [Decimal(repr(weight)) for weight in weights])
    shares = [floor(share) for share in exact]
    by_loss = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in by_loss[: units - sum(shares)]:
        shares[i] += 1
    return [float(share * unit) for share in shares]


def _exact_shares(units, weights):
    weight_sum = sum(weights)
    if not weight_sum:
        weights = [abs(weight) for weight in weights]
        weight_sum = sum(weights)
    if not weight_sum:
        return [Decimal(units) / len(weights)] * len(weights)
    return [units * weight / weight_sum for weight in weights]
