"""Invoices and orders of a marketplace, to be taken over as they are.

In the vocabulary and by the rules of `notices`, with one exception: amounts are seen
from the document. On an invoice and on a credit note alike a sold (or returned)
article has a positive amount, a discount a negative one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .notices import Money, add_up

DOCUMENT_LINE_KINDS = ("product", "shipping", "fee", "discount")


@dataclass(frozen=True)
class Address:
    """A person or a firm, as the shop knows them; "" where it does not tell."""

    name: str = ""
    company: str = ""
    street: str = ""
    street2: str = ""
    zip: str = ""
    city: str = ""
    state: str = ""
    country_code: str = ""
    phone: str = ""

    def __bool__(self) -> bool:
        return any((self.name, self.company, self.street, self.zip, self.city))


@dataclass(frozen=True)
class Buyer:
    """Who bought: `external_id` is his account at the shop, "" for a guest."""

    external_id: str = ""
    email: str = ""
    vat: str = ""
    company_registry: str = ""
    reference: str = ""
    language: str = ""
    invoice_address: Address = Address()
    delivery_address: Address = Address()


@dataclass(frozen=True)
class DocumentLine:
    """A line of an invoice or an order.

    `unit_price` is before `discount` (an amount a unit), with or without tax as
    the document says (`taxes_included`). `total` is of the whole line, likewise.
    `tax_rate` is a percentage, None where the shop does not tell.
    """

    external_id: str
    kind: str = "product"
    sku: str = ""
    barcode: str = ""
    title: str = ""
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    discount: Decimal = Decimal(0)
    tax_rate: Decimal | None = None
    total: Money | None = None
    order_line_ref: str = ""
    # None: as the document says.
    taxes_included: bool | None = None

    def __post_init__(self):
        if self.kind not in DOCUMENT_LINE_KINDS:
            raise ValueError(f"no such kind of line: {self.kind}")


@dataclass(frozen=True)
class _Document:
    external_id: str
    number: str
    order_external_id: str = ""
    order_number: str = ""
    issued_at: datetime | None = None
    currency: str = ""
    taxes_included: bool = True
    intra_community: bool = False
    lines: tuple[DocumentLine, ...] = ()
    total: Money | None = None
    tax: Money | None = None
    paid: bool = False
    payment_method: str = ""
    payment_label: str = ""
    buyer: Buyer = Buyer()
    note: str = ""
    difference: Money | None = field(init=False, default=None)

    def __post_init__(self):
        if len({line.external_id for line in self.lines}) < len(self.lines):
            raise ValueError("two lines of the document have the same id")
        object.__setattr__(self, "difference", self._difference())

    @property
    def untaxed(self) -> Money | None:
        """The total without tax; None where not told."""
        if self.total is None or self.tax is None:
            return None
        return self.total - self.tax

    def _difference(self) -> Money | None:
        """What the lines miss of the total that they make up; None: nothing."""
        lines = add_up(line.total for line in self.lines)
        mixed = any(
            line.taxes_included not in (None, self.taxes_included)
            for line in self.lines
        )
        told = self.total if self.taxes_included else self.untaxed
        if told is None or lines is None or mixed:
            return None
        return (told - lines) or None


@dataclass(frozen=True)
class InvoiceNotice(_Document):
    """An invoice or a credit note of the shop: "invoice:12".

    `kind` is invoice or credit; both have positive totals. `status` is paid, unpaid
    or reimbursed, and never a reason not to take it over. `reversed_external_id` is
    the invoice that a credit note takes back, "" where the shop tells only the order.
    `order_missing`: the order was deleted at the shop. The document is then not to
    be imported (its lines are gone); its number is a gap to be reported.
    """

    kind: str = "invoice"
    status: str = ""
    reversed_external_id: str = ""
    order_missing: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.kind not in ("invoice", "credit"):
            raise ValueError(f"no such kind of invoice: {self.kind}")


@dataclass(frozen=True)
class OrderNotice(_Document):
    """An order of the shop: "sale:12". Only paid ones are told."""
