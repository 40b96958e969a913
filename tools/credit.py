"""What is asked of a credit note, before there is one."""

from dataclasses import dataclass, field


@dataclass
class CreditLine:
    """What to give back of one invoice line.

    ``line``
        the ``account.move.line`` of the invoice
    ``quantity``
        in the unit of the invoice line; 0 is a price correction: money back, no goods
    ``amount``
        untaxed, in the currency of the invoice; None takes it from the quantity
    """

    line: object
    quantity: float = 0.0
    amount: float | None = None

    @property
    def is_price_correction(self):
        return not self.quantity


@dataclass
class ChargeLine:
    """What is kept back from a credit note: a restocking fee, a penalty, a discount
    that the customer has taken. It is a line of its own and of opposite sign.

    ``product``
        the ``product.product`` whose account and taxes it takes; may be None with
        ``account``
    ``amount``
        positive, in the currency of the invoice; before taxes, other than those that
        its taxes say are included in prices
    ``name``
        the label; the product's by default
    ``account``, ``taxes``
        the ``account.account`` and ``account.tax`` to take instead of the product's
    """

    product: object
    amount: float
    name: str | None = None
    account: object = None
    taxes: object = None


@dataclass
class CreditRequest:
    """One credit note to be made of one invoice.

    ``lines``
        none with a ``total`` spreads it over all that is left of the invoice; none
        without a ``total`` credits all that is left
    ``total``
        what the credit note must come to with its taxes, before the charges, to the
        cent and in the currency of the invoice
    ``day_rate``
        convert at the rate of the credit note's date and not at the invoice's
    ``values``
        of the credit note: reason, dates, journal…
    """

    invoice: object
    lines: list[CreditLine] = field(default_factory=list)
    total: float | None = None
    charges: list[ChargeLine] = field(default_factory=list)
    day_rate: bool = False
    values: dict = field(default_factory=dict)
