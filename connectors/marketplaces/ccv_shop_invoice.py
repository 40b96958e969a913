"""Invoices and orders of CCV Shop, taken over as they are.

An invoice leads by its own content; of its order only the payment method and the
language are taken. Not documented, and so decided by what makes up the total, or left
as a difference for a person: whether the discounts of rows are in `total_discounts`,
and the sign of credit invoices (here both kinds have positive totals).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..documents import Address, Buyer, DocumentLine, InvoiceNotice, OrderNotice
from ..errors import Unreadable, shown
from ..marks import _lt
from ..notices import Money, add_up
from ..readers import decimal, identifier, mapping, moment, text
from .ccv_shop_return import cents, first_of

INVOICE_STATUSES = {"1": "paid", "2": "unpaid", "3": "reimbursed"}
# What is on an invoice beside its rows and its shipping: (field, title).
COSTS = (
    ("extra_payment_option_price", "extra_payment_option", "Payment option"),
    ("paymethod_costs", "", "Payment costs"),
    ("extra_costs", "extra_costs_description", "Extra costs"),
)
Rows = Sequence[Mapping[str, Any]]


def invoice_notice(
    data: Mapping[str, Any],
    order: Mapping[str, Any] | None,
    rows: Rows,
    reversed_external_id: str,
) -> InvoiceNotice:
    """An invoice or a credit invoice; without its order nothing but its number."""
    told_kind = text(data, "type").lower()
    if told_kind not in ("debit", "credit"):
        raise Unreadable(
            _lt("Unknown type of an invoice: “%(found)s”"), found=shown(told_kind)
        )
    kind = "credit" if told_kind == "credit" else "invoice"
    status = INVOICE_STATUSES.get(text(data, "status"), "")
    shared = {
        "external_id": f"invoice:{identifier(data)}",
        "kind": kind,
        "number": text(data, "invoicenumber_full") or text(data, "invoicenumber"),
        "status": status,
        "paid": status == "paid",
        "reversed_external_id": reversed_external_id,
        "order_external_id": number_at_end(text(data, "order")),
    }
    if order is None:
        return InvoiceNotice(**shared, **header(data, {}), order_missing=True)
    total = cents(
        data.get("total_price_inc_tax"), currency_of(data), "total_price_inc_tax"
    )
    if total is None:
        raise Unreadable(
            _lt("total_price_inc_tax: the total of the invoice is missing.")
        )
    sign = -1 if kind == "credit" and total.amount < 0 else 1
    included = data.get("invoice_row_taxes_included") is not False
    return InvoiceNotice(
        **shared,
        **header(data, order),
        **amounts(data, rows, total, included, sign),
    )


def order_notice(data: Mapping[str, Any], rows: Rows) -> OrderNotice:
    """An order that was paid."""
    total = cents(data.get("total_price"), currency_of(data), "total_price")
    if total is None:
        raise Unreadable(_lt("total_price: the total of the order is missing."))
    number = identifier(data)
    included = data.get("order_row_taxes_included") is not False
    if data.get("taxes_included") is False and not included:
        # Then the total is told without tax.
        total += cents(data.get("total_tax") or 0, total.currency, "total_tax")
    return OrderNotice(
        external_id=f"sale:{number}",
        number=text(data, "ordernumber_full") or text(data, "ordernumber"),
        order_external_id=number,
        paid=data.get("paid") is True,
        **header(data, data),
        **amounts(data, rows, total, included, 1),
    )


def header(data: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    """What invoices and orders tell alike; the payment method comes of the order."""
    return {
        "order_number": text(data, "ordernumber_full") or text(data, "ordernumber"),
        "issued_at": moment(data.get("create_date"), "create_date", utc=True),
        "currency": currency_of(data),
        "intra_community": data.get("is_intra_community_order") is True,
        "payment_method": text(order, "paymethod"),
        "payment_label": text(order, "paymethod_label"),
        "buyer": buyer_of(data, text(order, "orderedinlng")),
    }


def amounts(
    data: Mapping[str, Any], rows: Rows, total: Money, included: bool, sign: int
) -> dict[str, Any]:
    """The lines and the totals of a document."""
    currency = total.currency
    lines = [row_line(row, currency, sign) for row in rows]
    lines += other_lines(data, currency, sign)
    total = Money(total.amount * sign, currency)
    tax = cents(data.get("total_tax"), currency, "total_tax")
    tax = tax and Money(abs(tax.amount), currency)
    # What the lines are to make up, as far as it is told.
    target = total if included or tax is None else total - tax
    lines += discount_line(data, lines, target)
    return {
        "lines": tuple(lines),
        "total": total,
        "tax": tax,
        "taxes_included": included,
    }


def row_line(row: Mapping[str, Any], currency: str, sign: int) -> DocumentLine:
    """A row; its price is that of the article with the options that were chosen."""
    name = "total_price_with_attributes"
    if row.get(name) is None:
        name = "total_price"
    total = cents(row.get(name), currency, name)
    price = first_number(row, "price_without_discount_with_attributes", "price")
    discount = decimal(row.get("discount"), "discount") or Decimal(0)
    orderrow = mapping(row.get("orderrow"), "orderrow")
    return DocumentLine(
        external_id=f"product:{identifier(row)}",
        sku=first_of(row, "sub_sku_number", "sub_product_number", "product_number"),
        barcode=text(row, "sub_ean_number"),
        title=titled(row),
        quantity=abs(decimal(row.get("count"), "count") or Decimal(0)),
        unit_price=price,
        discount=discount,
        tax_rate=decimal(row.get("tax"), "tax"),
        total=total and Money(total.amount * sign, currency),
        order_line_ref=number_at_end(text(orderrow, "href")),
    )


def other_lines(
    data: Mapping[str, Any], currency: str, sign: int
) -> Iterator[DocumentLine]:
    """Shipping, costs, and points that were turned in."""
    shipping = cents(data.get("total_shipping"), currency, "total_shipping")
    if shipping:
        yield DocumentLine(
            external_id="shipping",
            kind="shipping",
            title="Shipping",
            unit_price=shipping.amount * sign,
            # Without tax where the shipping has no part in the total tax.
            tax_rate=Decimal(0)
            if data.get("shipping_taxes_included") is False
            else decimal(data.get("shipping_tax_percentage"), "shipping tax"),
            total=Money(shipping.amount * sign, currency),
        )
    for name, title_name, title in COSTS:
        cost = cents(data.get(name), currency, name)
        if cost:
            yield extra_line("fee", name, text(data, title_name) or title, cost, sign)
    points = cents(data.get("credit_point_discount"), currency, "credit_point_discount")
    if points:
        off = Money(-abs(points.amount), currency)
        yield extra_line("discount", "credit_point_discount", "Credit points", off, 1)


def discount_line(
    data: Mapping[str, Any], lines: list[DocumentLine], target: Money
) -> list[DocumentLine]:
    """The discount of the document, unless its rows have it already."""
    discount = cents(data.get("total_discounts"), target.currency, "total_discounts")
    sum_of_lines = add_up(line.total for line in lines)
    if not discount or sum_of_lines is None:
        return []
    off = Money(-abs(discount.amount), target.currency)
    if sum_of_lines + off != target:
        return []
    coupon = text(mapping(data.get("discountcoupon"), "discountcoupon"), "code")
    return [extra_line("discount", "total_discounts", coupon or "Discount", off, 1)]


def extra_line(
    kind: str, name: str, title: str, amount: Money, sign: int
) -> DocumentLine:
    amount = Money(amount.amount * sign, amount.currency)
    return DocumentLine(
        external_id=f"{kind}:{name}",
        kind=kind,
        title=title,
        unit_price=amount.amount,
        total=amount,
    )


def titled(row: Mapping[str, Any]) -> str:
    """The name of the article and the options that were chosen."""
    chosen = [
        f"{text(one, 'option_name')}: {text(one, 'value_name')}"
        for one in row.get("attributes") or []
        if isinstance(one, dict)
    ]
    name = text(row, "product_name")
    return f"{name} ({', '.join(chosen)})" if chosen else name


def buyer_of(data: Mapping[str, Any], language: str) -> Buyer:
    customer = mapping(data.get("customer"), "customer")
    user = mapping(data.get("user"), "user")
    billing, delivery = (
        address_of(mapping(customer.get(name), name))
        for name in ("billingaddress", "deliveryaddress")
    )
    return Buyer(
        external_id=text(user, "id"),
        email=text(customer, "email"),
        vat=text(customer, "btw"),
        company_registry=text(customer, "kvk"),
        reference=text(customer, "reference"),
        language=language,
        invoice_address=billing,
        delivery_address=delivery or billing,
    )


def address_of(row: Mapping[str, Any]) -> Address:
    """An address; its country alone, as an empty form has it, is none."""
    street = text(row, "address_line_1") or " ".join(
        filter(
            None,
            (text(row, n) for n in ("street", "housenumber", "housenumber_suffix")),
        )
    )
    names = (text(row, name) for name in ("first_name", "last_name"))
    return Address(
        name=text(row, "full_name") or " ".join(filter(None, names)),
        company=text(row, "company"),
        street=street,
        street2=text(row, "address_line_2"),
        zip=text(row, "zipcode"),
        city=text(row, "city"),
        state=text(row, "province"),
        country_code=text(row, "country_code").upper(),
        phone=text(row, "telephone") or text(row, "mobile"),
    )


def currency_of(data: Mapping[str, Any]) -> str:
    currency = text(data, "currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Unreadable(_lt("currency: the currency is missing."))
    return currency


def first_number(row: Mapping[str, Any], *names: str) -> Decimal | None:
    """The first of these numbers that is told."""
    found = (decimal(row.get(name), name) for name in names)
    return next((number for number in found if number is not None), None)


def number_at_end(address: str) -> str:
    """The number at the end of an address."""
    found = re.search(r"/(\d+)/?$", address)
    return found.group(1) if found else ""
