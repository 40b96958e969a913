"""What comes in from a marketplace, in one vocabulary for all of them.

Frozen dataclasses of plain values: they can be compared, kept and built in a test
without a marketplace. Rules that hold for every provider:

* Amounts are `Decimal`, with their currency, seen from the customer:
  positive is money back to the customer, negative is money kept (a fee).
* All amounts of one notice are in one currency, `notice.currency`. Where the
  marketplace tells them in two (what the customer paid in, and the shop's own),
  `notice.in_currency(code)` gives the same notice in the other one.
  Nothing is ever converted here.
* What is not known is None, never zero and never worked out from something else.
  What does not add up is kept in `difference`, never spread or dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

# What a notice is about. "order" is about a whole order (trashed, cancelled).
KINDS = ("refund", "return", "order")
# requested: the customer asks; approved: goods may come back, no money yet;
# pending: money ordered but not yet paid out; refunded: money went back;
# declined: the shop said no; cancelled: withdrawn or deleted;
# closed: a return that ended (its refunds, if any, are notices of their own).
STATES = (
    "requested",
    "approved",
    "pending",
    "refunded",
    "declined",
    "cancelled",
    "closed",
)
LINE_KINDS = ("product", "shipping", "fee", "adjustment", "gift_card")
# What a marketplace settles with the seller over a refund. commission: given back;
# commission_kept: what it keeps of that for the refund; tax: withheld or given back;
# other: any other fee.
FEE_KINDS = ("commission", "commission_kept", "tax", "other")
# Who keeps the stock of an order. "" where it is not told.
FULFILLED_BY = ("", "seller", "marketplace")
# What the seller decided of a return, to be told to the marketplace.
HANDLINGS = (
    "received",
    "exchanged",
    "rejected",
    "repaired",
    "kept",
    "approved_after_all",
)


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217 code, capitals)."""

    amount: Decimal
    currency: str

    def __post_init__(self):
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise ValueError("an amount must be a finite Decimal")
        if not self.currency:
            raise ValueError("an amount needs a currency")

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")


def add_up(amounts: Iterable[Money | None]) -> Money | None:
    """The sum of the amounts, or None when there are none or one is not known."""
    total = None
    for amount in amounts:
        if amount is None:
            return None
        total = amount if total is None else total + amount
    return total


@dataclass(frozen=True)
class ReturnLine:
    """One line of a refund or a return.

    `external_id` is the marketplace's id of this very line, unique in its notice.
    `order_line_ref` is the marketplace's id of the order line it takes back.
    `barcode` (EAN, UPC) is where the marketplace names the article by it.
    `quantity` is positive; 0 means money only (a price correction).
    `untaxed` and `tax` are of the whole line; None where the marketplace does not
    tell (then `total`, with tax, may still be known). `goods_expected` says whether
    goods come back for this line.
    """

    external_id: str
    kind: str = "product"
    order_line_ref: str = ""
    sku: str = ""
    title: str = ""
    quantity: Decimal = Decimal(0)
    untaxed: Money | None = None
    tax: Money | None = None
    total: Money | None = None
    goods_expected: bool = False
    reason: str = ""
    barcode: str = ""

    def __post_init__(self):
        if self.kind not in LINE_KINDS:
            raise ValueError(f"no such kind of line: {self.kind}")
        if self.quantity < 0:
            raise ValueError("the quantity of a returned line is positive")
        if self.total is None and self.untaxed is not None and self.tax is not None:
            object.__setattr__(self, "total", self.untaxed + self.tax)


@dataclass(frozen=True)
class FeeLine:
    """What the marketplace settles with the seller over a refund.

    Seen from the seller, unlike everything else: + is given to him (a commission
    given back), - is kept from him. `name` is the marketplace's own word.
    """

    kind: str
    name: str
    amount: Money

    def __post_init__(self):
        if self.kind not in FEE_KINDS:
            raise ValueError(f"no such kind of fee: {self.kind}")


@dataclass(frozen=True)
class ReturnNotice:
    """A refund, a return or the end of an order, as the marketplace tells it.

    `external_id` is unique per account and says its kind: "refund:123",
    "return:9", "order:727". The same thing told twice has the same one.
    `order_refs` are the order numbers that people see, most exact first
    ("#1001", "1001"); `order_external_id` is the marketplace's internal id.
    `return_external_id` is, on a refund, the return it belongs to.
    `total` is what was (or, when pending, will be) paid back with tax, from the
    payments only: None where the marketplace does not tell.
    `difference` is `total` less the lines where both are known and differ.
    `fees` is what the marketplace settled with the seller over this refund.
    `occurred_at` is aware, in UTC.
    """

    external_id: str
    kind: str
    state: str
    order_external_id: str = ""
    order_refs: tuple[str, ...] = ()
    return_external_id: str = ""
    occurred_at: datetime | None = None
    currency: str = ""
    lines: tuple[ReturnLine, ...] = ()
    total: Money | None = None
    goods_expected: bool = False
    reason: str = ""
    note: str = ""
    customer_language: str = ""
    customer_email: str = ""
    fees: tuple[FeeLine, ...] = ()
    fulfilled_by: str = ""
    other_currency: ReturnNotice | None = field(default=None, repr=False)
    difference: Money | None = field(init=False, default=None)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of notice: {self.kind}")
        if self.state not in STATES:
            raise ValueError(f"no such state: {self.state}")
        if self.fulfilled_by not in FULFILLED_BY:
            raise ValueError(f"nobody fulfils like this: {self.fulfilled_by}")
        if self.occurred_at is not None and self.occurred_at.tzinfo is None:
            raise ValueError("the time of a notice must say its zone")
        if len({line.external_id for line in self.lines}) < len(self.lines):
            raise ValueError("two lines of the notice have the same id")
        self._check_currencies()
        object.__setattr__(self, "difference", self._difference())

    @property
    def lines_total(self) -> Money | None:
        """Sum of the lines with tax; None without lines or when one is not known."""
        return add_up(line.total for line in self.lines)

    @property
    def amount_only(self) -> bool:
        """Whether money went back without saying for which lines."""
        return self.total is not None and all(
            line.kind == "adjustment" for line in self.lines
        )

    @property
    def settled(self) -> Money | None:
        """What the seller's settlement shows: fees less what was paid back."""
        if self.total is None:
            return None
        return add_up((-self.total, *(fee.amount for fee in self.fees)))

    def in_currency(self, currency: str) -> ReturnNotice | None:
        """The notice with its amounts in this currency, None where not told."""
        if self.currency == currency:
            return self
        if self.other_currency and self.other_currency.currency == currency:
            return replace(self.other_currency, other_currency=self)
        return None

    def _check_currencies(self) -> None:
        amounts = [self.total, *(fee.amount for fee in self.fees)]
        for line in self.lines:
            amounts += (line.untaxed, line.tax, line.total)
        if any(amount and amount.currency != self.currency for amount in amounts):
            raise ValueError("the amounts of a notice are all in its currency")

    def _difference(self) -> Money | None:
        lines_total = self.lines_total
        if self.total is None or lines_total is None:
            return None
        return (self.total - lines_total) or None


@dataclass(frozen=True)
class Ping:
    """A greeting of the marketplace: answer 200, keep nothing."""

    reason: str


@dataclass(frozen=True)
class IncomingEvent:
    """What a trusted delivery is, found without reading it in full.

    `event_key` is the same for the same event told again (retries, a poll after
    the webhook) and unique per account. `wanted` is False for what concerns
    neither refunds nor returns: answer 200, keep nothing.
    `readable` is False when the body is not what its topic promises: store it, so
    that a person sees it; reading it will raise `Unreadable`.
    """

    event_key: str
    topic: str
    external_ids: tuple[str, ...] = ()
    order_external_id: str = ""
    delivery_id: str = ""
    sent_at: datetime | None = None
    wanted: bool = True
    readable: bool = True


@dataclass(frozen=True)
class Fetched:
    """A message that was fetched by a poll: stored like a delivery."""

    event: IncomingEvent
    body: bytes


@dataclass(frozen=True)
class Page:
    """A part of what a poll found, to be stored together with its cursor.

    `cursor` is where to go on, given to the next `poll_pages`; "" when all of the
    window was told. `retry_after`: there is more, but not before so many seconds;
    no page follows this one.
    """

    messages: tuple[Fetched, ...]
    cursor: str = ""
    retry_after: float | None = None


@dataclass(frozen=True)
class Process:
    """Something that the marketplace was asked to do, and does in its own time.

    `state` is pending, success or failure; an empty `external_id` cannot be asked
    after. `message` is the marketplace's own word on a failure.
    """

    external_id: str
    state: str = "pending"
    message: str = ""
