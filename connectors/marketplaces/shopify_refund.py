"""Shopify's refund, as its webhooks and its (legacy) REST API write it.

Documented: `*_set` amounts are told in the shop's and in the customer's currency;
plain ones in the shop's, those of transactions aside. A refund is announced
whatever becomes of the money: its transactions tell. Money is counted from
transactions of kind refund.

Captured, not documented: in shops with prices including tax, `subtotal` includes
it. The sign of `order_adjustments` is the books' view: negative is money given back
beyond the lines, positive is money kept. The same shipping refund may be told twice,
in `refund_shipping_lines` (from 2024-10) and in `order_adjustments`: taken once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..notices import Money, ReturnLine, ReturnNotice, add_up
from ..readers import (
    decimal,
    identifier,
    mapping,
    moment,
    money,
    optional_identifier,
    rows,
    text,
)
from .events import dedupe

# The two views of an amount: what the customer saw and paid, and the shop's own.
SIDES = ("presentment_money", "shop_money")
FEES = (("duties", "Duties"), ("additional_fees", "Additional fees"))
GOODS_COME_BACK = ("return", "legacy_restock")
PAID, WAITING = ("success",), ("pending", "awaiting_response", "unknown")


@dataclass(frozen=True)
class Order:
    """What a refund needs to know of its order and does not tell itself.

    `taxes_included` is None when it is not known.
    """

    external_id: str
    name: str = ""
    taxes_included: bool | None = None
    shop_currency: str = ""
    presentment_currency: str = ""
    language: str = ""

    @property
    def refs(self) -> tuple[str, ...]:
        """The order's number as people may have written it: "#1001", "1001"."""
        return dedupe((self.name, self.name.lstrip("#")))


def order_of(data: Mapping[str, Any]) -> Order:
    """The order from its own payload; only some deliveries carry one."""
    included = data.get("taxes_included")
    return Order(
        external_id=identifier(data),
        name=text(data, "name"),
        taxes_included=included if isinstance(included, bool) else None,
        shop_currency=text(data, "currency").upper(),
        presentment_currency=text(data, "presentment_currency").upper(),
        language=text(data, "customer_locale"),
    )


def refund_state(refund: Mapping[str, Any]) -> str:
    """Pending while money is under way, cancelled when none of it was paid out."""
    statuses = {text(row, "status").lower() for row in payments(refund)}
    if statuses & set(WAITING):
        return "pending"
    if statuses and not statuses & set(PAID):
        return "cancelled"
    return "refunded"


def refund_notice(refund: Mapping[str, Any], order: Order) -> ReturnNotice:
    """The notice of a refund, in the customer's currency and in the shop's."""
    sides: dict[str, str] = {}
    for side in SIDES:
        sides.setdefault(side_currency(refund, order, side), side)
    known = [code for code in sides if code] or [""]
    notices = [one_side(refund, order, sides[code], code) for code in known]
    if len(notices) == 1:
        return notices[0]
    return replace(notices[0], other_currency=notices[1])


def one_side(
    refund: Mapping[str, Any], order: Order, side: str, currency: str
) -> ReturnNotice:
    total = paid_total(refund, side, currency)
    plain = currency == side_currency(refund, order, "shop_money")
    view = View(refund, side, currency, plain, order.taxes_included)
    lines = view.lines()
    if view.taxes_included is None and total is not None:
        lines = view.lines_that_add_up_to(total) or lines
    belongs_to = mapping(refund.get("return"), "return")
    return_id = optional_identifier(belongs_to, "id")
    return ReturnNotice(
        external_id=f"refund:{identifier(refund)}",
        kind="refund",
        state=refund_state(refund),
        order_external_id=order.external_id,
        order_refs=order.refs,
        return_external_id=return_id and f"return:{return_id}",
        occurred_at=moment(
            refund.get("processed_at") or refund.get("created_at"), "processed_at"
        ),
        currency=currency,
        lines=lines,
        total=total,
        goods_expected=any(line.goods_expected for line in lines),
        note=text(refund, "note"),
        customer_language=order.language,
    )


def payments(refund: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The transactions that give money back."""
    return [
        row
        for row in rows(refund, "transactions")
        if text(row, "kind").lower() == "refund"
    ]


def paid_total(refund: Mapping[str, Any], side: str, currency: str) -> Money | None:
    """What the transactions pay back in this currency, those under way included.

    Nothing when no money moved; None when it is told in another currency only.
    """
    if not currency:
        return None
    counted = (*PAID, *WAITING)
    amounts = [
        payment_amount(row, side, currency)
        for row in payments(refund)
        if text(row, "status").lower() in counted
    ]
    return add_up(amounts) if amounts else Money(Decimal(0), currency)


def payment_amount(row: Mapping[str, Any], side: str, currency: str) -> Money | None:
    """The amount of one transaction; its plain amount is in its own currency."""
    if row.get("amount_set"):
        return in_currency(set_money(row, "amount_set", side), currency)
    if text(row, "currency").upper() != currency:
        return None
    return money(row.get("amount"), currency, "amount")


def side_currency(refund: Mapping[str, Any], order: Order, side: str) -> str:
    """The currency of a side: told by the order, or by the amounts themselves."""
    told = order.shop_currency if side == "shop_money" else order.presentment_currency
    if told:
        return told
    for row in amount_rows(refund):
        for name, value in row.items():
            if name.endswith("_set") and isinstance(value, dict):
                amount = set_money(row, name, side)
                if amount is not None:
                    return amount.currency
    currencies = {text(row, "currency").upper() for row in payments(refund)}
    # A payment is in the customer's currency, as a rule; the shop's stays unknown.
    return currencies.pop() if len(currencies) == 1 and side == SIDES[0] else ""


def amount_rows(refund: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("refund_line_items", "refund_shipping_lines", "order_adjustments"):
        yield from rows(refund, name)
    yield refund


def set_money(row: Mapping[str, Any], name: str, side: str) -> Money | None:
    """One side of an amount that is told in both currencies."""
    both = mapping(row.get(name), name)
    value = mapping(both.get(side), name)
    currency = text(value, "currency_code") or text(value, "currency")
    return money(value.get("amount"), currency.upper(), name)


def in_currency(amount: Money | None, currency: str) -> Money | None:
    """The amount, unless it contradicts the currency: then it is not known."""
    return amount if amount is not None and amount.currency == currency else None


@dataclass
class View:
    """A refund seen in one currency, its prices with or without tax.

    `plain` says that the amounts without a set are in this currency too.
    """

    refund: Mapping[str, Any]
    side: str
    currency: str
    plain: bool
    taxes_included: bool | None

    def lines(self) -> tuple[ReturnLine, ...]:
        """All lines: goods, shipping, duties and what is left over or kept."""
        return (
            *self._products(),
            *self._shipping(),
            *self._duties(),
            *self._adjustments(),
        )

    def lines_that_add_up_to(self, total: Money) -> tuple[ReturnLine, ...] | None:
        """The lines, when only one of with and without tax fits what was paid."""
        readings = []
        for taxes_included in (True, False):
            lines = replace(self, taxes_included=taxes_included).lines()
            if add_up(line.total for line in lines) == total:
                readings.append(lines)
        return readings[0] if len(readings) == 1 else None

    def _amount(self, row: Mapping[str, Any], name: str) -> Money | None:
        """An amount: its set, or the plain one, which is in the shop's currency."""
        if row.get(f"{name}_set"):
            return self._set(row, f"{name}_set")
        if self.plain:
            return money(row.get(name), self.currency, name)
        return None

    def _set(self, row: Mapping[str, Any], name: str) -> Money | None:
        """This side of an amount told in both currencies."""
        return in_currency(set_money(row, name, self.side), self.currency)

    def _priced(self, subtotal: Money | None, tax: Money | None) -> dict[str, Any]:
        """Untaxed, tax and total of a subtotal that may include the tax."""
        if subtotal is None:
            return {"tax": tax}
        if tax is not None and not tax:
            return {"untaxed": subtotal, "tax": tax}
        if self.taxes_included is None:
            return {"tax": tax}
        if self.taxes_included:
            untaxed = None if tax is None else subtotal - tax
            return {"untaxed": untaxed, "tax": tax, "total": subtotal}
        return {"untaxed": subtotal, "tax": tax}

    def _products(self) -> Iterator[ReturnLine]:
        for row in rows(self.refund, "refund_line_items"):
            item = mapping(row.get("line_item"), "line_item")
            gift_card = item.get("gift_card") is True
            quantity = decimal(row.get("quantity"), "quantity") or Decimal(0)
            comes_back = text(row, "restock_type").lower() in GOODS_COME_BACK
            yield ReturnLine(
                external_id=f"product:{identifier(row)}",
                kind="gift_card" if gift_card else "product",
                order_line_ref=optional_identifier(row, "line_item_id")
                or optional_identifier(item, "id"),
                sku=text(item, "sku"),
                title=text(item, "name") or text(item, "title"),
                quantity=quantity,
                goods_expected=comes_back and quantity > 0 and not gift_card,
                **self._priced(
                    self._amount(row, "subtotal"), self._amount(row, "total_tax")
                ),
            )

    def _shipping(self) -> Iterator[ReturnLine]:
        """Shipping, from the one of two places that tells its tax."""
        shipping = rows(self.refund, "refund_shipping_lines")
        adjusted = [row for row in self._adjustment_rows() if is_shipping(row)]
        told = all(self._shipping_tax(row) is not None for row in shipping)
        if not shipping or (adjusted and not told):
            yield from map(self._adjusted_shipping, adjusted)
            return
        for row in shipping:
            line = mapping(row.get("shipping_line"), "shipping_line")
            yield ReturnLine(
                external_id=f"shipping:{identifier(row)}",
                kind="shipping",
                order_line_ref=optional_identifier(row, "shipping_line_id"),
                title=text(line, "title"),
                **self._priced(
                    self._amount(row, "subtotal_amount"), self._shipping_tax(row)
                ),
            )

    def _shipping_tax(self, row: Mapping[str, Any]) -> Money | None:
        """The tax on a refunded shipping line; none when the line bears none."""
        if row.get("tax_amount_set"):
            return self._set(row, "tax_amount_set")
        tax_lines = mapping(row.get("shipping_line"), "shipping_line").get("tax_lines")
        return Money(Decimal(0), self.currency) if tax_lines == [] else None

    def _adjusted_shipping(self, row: Mapping[str, Any]) -> ReturnLine:
        untaxed, tax = self._amount(row, "amount"), self._amount(row, "tax_amount")
        return ReturnLine(
            external_id=f"shipping:{identifier(row)}",
            kind="shipping",
            untaxed=untaxed and -untaxed,
            tax=tax and -tax,
        )

    def _duties(self) -> Iterator[ReturnLine]:
        """Duties and additional fees given back; tax is no part of them."""
        for name, title in FEES:
            listed = listed_fees(self.refund, name)
            if self.refund.get(f"total_{name}_set"):
                amount = self._set(self.refund, f"total_{name}_set")
            else:
                amount = add_up(self._set(row, "amount_set") for row in listed)
            if amount or (listed and amount is None):
                yield ReturnLine(name, "fee", title=title, total=amount)

    def _adjustments(self) -> Iterator[ReturnLine]:
        """Money beyond the lines, or kept: a fee of its own where that is told."""
        for row in self._adjustment_rows():
            reason = text(row, "reason").lower().replace(" ", "_")
            if is_shipping(row) or "pending" in reason:
                # Pending: the transactions tell it already.
                continue
            amount = add_up(
                (self._amount(row, "amount"), self._amount(row, "tax_amount"))
            )
            if amount is not None and not amount:
                continue
            yield ReturnLine(
                external_id=f"adjustment:{identifier(row)}",
                kind="fee" if "restock" in reason else "adjustment",
                total=amount and -amount,
                reason=text(row, "reason"),
            )

    def _adjustment_rows(self) -> list[Mapping[str, Any]]:
        return rows(self.refund, "order_adjustments")


def is_shipping(adjustment: Mapping[str, Any]) -> bool:
    """Whether an adjustment is refunded shipping, as told before 2024-10."""
    return text(adjustment, "kind").lower() == "shipping_refund"


def listed_fees(refund: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Duties or fees of a refund: a list, or in the documentation a list within."""
    within = refund.get(name)
    return rows(within if isinstance(within, dict) else refund, name)
