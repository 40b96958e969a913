"""What credit notes look like, in words that two databases have in common."""


def snapshot(invoices):
    """Return all that matters of ``invoices``, their credit notes and orders.

    :return: dictionary by (document, line, field)
    """
    result = {}
    for invoice in invoices:
        result[invoice.ref, "", "residual"] = invoice.amount_residual
        result[invoice.ref, "", "payment_state"] = invoice.payment_state
        for number, credit_note in enumerate(invoice.reversal_move_ids):
            document = f"{invoice.ref} credit note {number}"
            for name, value in _header(credit_note).items():
                result[document, "", name] = value
            for label, values in _lines(credit_note):
                for name, value in values.items():
                    result[document, label, name] = value
        orders = invoice.invoice_line_ids.sale_line_ids.order_id
        for line in orders.order_line:
            for name in ("qty_invoiced", "qty_to_invoice", "invoice_status"):
                result[invoice.ref, line.product_id.default_code, name] = line[name]
        for name in ("invoice_status", "amount_to_invoice"):
            result[invoice.ref, "order", name] = orders.mapped(name)
    return result


def differences(theirs, ours):
    """Return one text for each value that is not the same."""
    return [
        f"{' '.join(filter(None, key))}: Odoo {theirs.get(key)!r}, "
        f"avoir {ours.get(key)!r}"
        for key in sorted(set(theirs) | set(ours))
        if theirs.get(key) != ours.get(key)
    ]


def _header(move):
    return {
        "state": move.state,
        "payment_state": move.payment_state,
        "partner": move.partner_id.name,
        "journal": move.journal_id.code,
        "currency": move.currency_id.name,
        "rate": round(move.invoice_currency_rate, 9),
        "fiscal position": move.fiscal_position_id.name,
        "term": move.invoice_payment_term_id.name,
        "date": move.date,
        "invoice_date": move.invoice_date,
        "due": move.invoice_date_due,
        "ref": move.ref,
        "origin": move.invoice_origin,
        "user": move.invoice_user_id.login,
        "bank": move.partner_bank_id.acc_number,
        "reference": move.payment_reference == move.name,
        "untaxed": move.amount_untaxed,
        "tax": move.amount_tax,
        "total": move.amount_total,
        "signed": move.amount_total_signed,
        "residual": move.amount_residual,
    }


def _lines(move):
    """Return label and values of each line, the same lines in the same order."""
    lines = [(_label(line), _line(line)) for line in move.line_ids]
    lines.sort(key=lambda pair: (pair[0], sorted(map(repr, pair[1].items()))))
    return [(f"{i} {label}", values) for i, (label, values) in enumerate(lines)]


def _label(line):
    return " ".join(
        filter(
            None,
            (
                line.display_type,
                line.account_id.code,
                line.product_id.default_code,
                line.tax_line_id.name,
            ),
        )
    )


def _line(line):
    return {
        "name": line.name,
        "quantity": line.quantity,
        "unit": line.product_uom_id.name,
        "price": round(line.price_unit, 6),
        "discount": line.discount,
        "taxes": sorted(line.tax_ids.mapped("name")),
        "tags": sorted(line.tax_tag_ids.mapped("name")),
        "base": line.tax_base_amount,
        "repartition": (
            line.tax_repartition_line_id.document_type,
            line.tax_repartition_line_id.factor_percent,
        ),
        "amount": line.amount_currency,
        "balance": line.balance,
        "subtotal": line.price_subtotal,
        "total": line.price_total,
        "residual": line.amount_residual_currency,
        "company residual": line.amount_residual,
        "reconciled": line.reconciled,
        "matching": bool(line.full_reconcile_id),
        "partner": line.partner_id.name,
        "due": line.date_maturity,
        "analytic": line.analytic_distribution or {},
        "order lines": len(line.sale_line_ids),
    }
