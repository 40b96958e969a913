"""Sharing an amount out, to the last cent."""

from decimal import ROUND_FLOOR, Decimal


def allot(total, weights, rounding):
    """Share ``total`` out in proportion to ``weights``, in whole units of ``rounding``.

    Largest remainder method: each share is rounded towards zero first, then the units
    that are left go to the shares that lost the most. The shares add up to ``total``
    exactly, each is within one unit of its exact share, and where ``total`` lies
    between zero and the sum of the weights none is larger than its weight rounded up.

    :param float total: a multiple of ``rounding``
    :param list weights: floats, all of one sign or zero; all zero shares equally
    :param float rounding: the smallest unit, as in ``res.currency.rounding``
    :return: the shares as floats, in the order of ``weights``
    """
    if not weights:
        return []
    unit = Decimal(repr(rounding))
    units = int((Decimal(repr(total)) / unit).to_integral_value())
    exact_weights = [abs(Decimal(repr(weight))) for weight in weights]
    weight_sum = sum(exact_weights)
    if not weight_sum:
        exact_weights, weight_sum = [Decimal(1)] * len(weights), Decimal(len(weights))
    sign = -1 if units < 0 else 1
    exact = [abs(units) * weight / weight_sum for weight in exact_weights]
    shares = [int(share.to_integral_value(ROUND_FLOOR)) for share in exact]
    missing = abs(units) - sum(shares)
    by_loss = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in by_loss[:missing]:
        shares[i] += 1
    return [float(sign * share * unit) for share in shares]
