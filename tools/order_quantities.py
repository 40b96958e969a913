"""How much of an order line is left to invoice, once credit notes and returns are
looked at. Plain numbers: quantities, or amounts in one currency."""

from dataclasses import dataclass, fields


@dataclass
class Credited:
    """What the credit notes of an order line gave back, by what becomes of it.

    ``kept``
        for good; the goods stay with the customer
    ``back``
        for good; the goods come back, or never went out
    ``again``
        to be invoiced again; the goods come back
    """

    kept: float = 0.0
    back: float = 0.0
    again: float = 0.0

    @property
    def for_good(self):
        return self.kept + self.back

    def __bool__(self):
        return any(getattr(self, one.name) for one in fields(self))


@dataclass
class Returned:
    """What came back of an order line.

    ``done``
        received back, less what was sent once more out of it
    ``unreplaced``
        the part of ``done`` that nothing replaces
    ``replacing``
        still to be sent in the place of what came back
    """

    done: float = 0.0
    unreplaced: float = 0.0
    replacing: float = 0.0

    def __mul__(self, factor):
        return Returned(
            self.done * factor, self.unreplaced * factor, self.replacing * factor
        )


def left_to_invoice(base, net, credited, returned, is_ordered):
    """Return what is left to invoice of an order line; below zero: to credit.

    :param base: what the policy invoices: the quantity ordered or delivered
    :param net: invoiced less credited, price corrections left out
    :param Credited credited: how ``net`` came about
    :param Returned returned: what came back
    :param is_ordered: invoiced on ordered quantities, on delivered ones otherwise
    """
    left = base - net
    if left > 0:
        # What was credited for good is not offered again. On delivered quantities the
        # goods that are back have lowered the base already.
        lowered = 0.0 if is_ordered else min(credited.back, returned.done)
        left = max(0.0, left - (credited.for_good - lowered))
    uncredited = max(0.0, returned.unreplaced - credited.back - credited.again)
    if is_ordered:
        return left - uncredited
    if left < 0:
        left = max(left, min(-uncredited, left + returned.replacing))
    return left
