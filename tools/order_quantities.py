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
    ``is_known``
        false for services and kits: their delivered quantity is all there is
    """

    done: float = 0.0
    unreplaced: float = 0.0
    replacing: float = 0.0
    is_known: bool = True

    def __mul__(self, factor):
        return Returned(
            self.done * factor,
            self.unreplaced * factor,
            self.replacing * factor,
            self.is_known,
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
    uncredited = max(0.0, returned.unreplaced - credited.back - credited.again)
    if is_ordered:
        # What was credited for good is not offered again; when the order was lowered
        # for it besides, it is not taken off twice.
        if left > 0:
            left = max(0.0, left - credited.for_good)
        return left - uncredited
    # The goods that are back have lowered the delivered quantity already.
    back = returned.done
    if not returned.is_known:
        back = max(0.0, net + credited.for_good - base)
    left -= credited.for_good - min(credited.back, back)
    if left < 0:
        left = max(left, min(-uncredited, left + returned.replacing))
    return left
