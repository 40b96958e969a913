"""The money of a refund at Amazon: charges into lines, fees into what is settled.

All amounts are seen from the seller there, and from the customer here: they change
their sign. A charge that is not known is kept as a line of its own name, so that the
total is always what was paid back.

Taken as likely, not documented: the principal holds the tax where no tax is told
beside it (sellers in Europe without the calculation of VAT by the marketplace). Tax
that the marketplace collects itself is taken back from it, not from the seller: what
is withheld is set off against the tax of the line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ..errors import Unreadable
from ..marks import _lt
from ..notices import FeeLine, Money, ReturnLine
from ..readers import decimal, mapping, text

# Charge: (kind of line, title, whether it is the tax of that line)
CHARGES = {
    "principal": ("product", "", False),
    "principle": ("product", "", False),
    "tax": ("product", "", True),
    "discount": ("product", "", False),
    "promotion": ("product", "", False),
    "taxdiscount": ("product", "", True),
    "marketplacefacilitatortax-principal": ("product", "", True),
    "lowvaluegoodstax-principal": ("product", "", True),
    "shippingcharge": ("shipping", "Shipping", False),
    "shipping": ("shipping", "Shipping", False),
    "shippingtax": ("shipping", "Shipping", True),
    "marketplacefacilitatortax-shipping": ("shipping", "Shipping", True),
    "lowvaluegoodstax-shipping": ("shipping", "Shipping", True),
    "giftwrap": ("fee", "Gift wrap", False),
    "giftwraptax": ("fee", "Gift wrap", True),
    "marketplacefacilitatortax-giftwrap": ("fee", "Gift wrap", True),
    "restockingfee": ("fee", "Restocking fee", False),
    "marketplacefacilitatortax-restockingfee": ("fee", "Restocking fee", True),
    "returnshipping": ("fee", "Return shipping", False),
    "marketplacefacilitatortax-returnshipping": ("fee", "Return shipping", True),
    "goodwill": ("adjustment", "Goodwill", False),
}
FEES = {"commission": "commission", "refundcommission": "commission_kept"}


class Charge(NamedTuple):
    """An amount under a name, seen from the seller."""

    name: str
    amount: Money


class Item(NamedTuple):
    """An article of a refund, and what is said of it."""

    external_id: str
    sku: str
    quantity: Decimal
    order_line_ref: str
    title: str


def charge(row: Mapping[str, Any], name_key: str, amount_key: str) -> Charge | None:
    """A charge in the notation of the finances; None when it has no amount."""
    amount = currency_amount(row.get(amount_key), amount_key)
    return Charge(text(row, name_key) or "?", amount) if amount is not None else None


def currency_amount(value: Any, name: str) -> Money | None:
    """`{"CurrencyCode": "EUR", "CurrencyAmount": 1.5}`, whatever its capitals."""
    found = {key.lower(): inner for key, inner in mapping(value, name).items()}
    amount = decimal(found.get("currencyamount"), name)
    if amount is None:
        return None
    currency = text(found, "currencycode").upper()
    if not currency:
        raise Unreadable(_lt("%(field)s: an amount without its currency."), field=name)
    return Money(amount, currency)


def lines_of(item: Item, charges: Iterable[Charge]) -> Iterator[ReturnLine]:
    """The lines of an article: the goods, their shipping, and all else by name."""
    found: dict[tuple[str, str], dict[bool, list[Money]]] = {}
    for name, amount in charges:
        kind, title, is_tax = CHARGES.get(name.lower(), ("adjustment", name, False))
        parts = found.setdefault((kind, title), defaultdict(list))
        parts[is_tax].append(amount)
    for (kind, title), parts in found.items():
        total = negated(parts[False] + parts[True])
        taxed = any(parts[True])
        is_product = kind == "product"
        quantity = item.quantity if is_product else Decimal(0)
        if not total and not taxed and not quantity:
            continue
        yield ReturnLine(
            external_id=":".join(filter(None, (kind, item.external_id, title))),
            kind=kind,
            order_line_ref=item.order_line_ref,
            sku=item.sku if is_product else "",
            title=item.title if is_product else title,
            quantity=quantity,
            untaxed=negated(parts[False]) if taxed and parts[False] else None,
            tax=negated(parts[True]) if taxed and parts[False] else None,
            total=total,
        )


def check_direction(total: Money | None) -> None:
    """Refuse what would take money from the customer: a reversal, not a refund."""
    if total is not None and total.amount < 0:
        raise Unreadable(
            _lt("This takes money back from the customer: it is no refund.")
        )


def negated(amounts: list[Money]) -> Money:
    """The sum of some amounts, seen from the other side; never a negative zero."""
    total = amounts[0]
    for amount in amounts[1:]:
        total += amount
    return Money(Decimal(0) - total.amount, total.currency)


def fee_lines(fees: Iterable[Charge]) -> tuple[FeeLine, ...]:
    """The fees, one for each name: what was told several times is added up."""
    sums: dict[str, Money] = {}
    for name, amount in fees:
        sums[name] = sums[name] + amount if name in sums else amount
    return tuple(
        FeeLine(FEES.get(name.lower(), "other"), name, amount)
        for name, amount in sums.items()
        if amount
    )
