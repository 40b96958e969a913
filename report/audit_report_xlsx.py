"""The auditor's report as a spreadsheet, and as lines of a FEC."""

import io

import xlsxwriter

FEC_COLUMNS = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)


def make_xlsx(report):
    """Return the spreadsheet of an ``audit.report``, as bytes.

    Amounts are numbers, dates are dates; no text is taken for a formula.
    """
    env = report.env
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    )
    styles = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
        "title": book.add_format({"bold": True, "font_size": 14}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "amount": book.add_format({"num_format": "#,##0.00"}),
    }
    _write_summary(book.add_worksheet(env._("Summary")), report, styles)
    _write_credit_notes(book.add_worksheet(env._("Credit notes")), report, styles)
    book.close()
    return out.getvalue()


def _write_summary(sheet, report, styles):
    env = report.env
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 18)
    sheet.write_string(0, 0, report._get_title(), styles["title"])
    rows = [
        (env._("Company"), report.company_id.name),
        (env._("State of the audit journal"), report.chain_text or ""),
        (env._("Last entry"), str(report.chain_number)),
        (env._("Hash of the last entry"), report.chain_hash or ""),
        (env._("Missing numbers"), report.gaps or env._("none")),
        (env._("Credited beyond the invoice"), report.overcredited or env._("none")),
        (env._("Credit notes"), str(len(report.line_ids))),
        (env._("Cancelled or reset"), str(report.cancelled_count)),
        (env._("Without original invoice"), str(report.without_invoice_count)),
    ]
    for number, (name, text) in enumerate(rows, 2):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, text)
    start = len(rows) + 3
    for column, name in enumerate((env._("Rate %"), env._("Base"), env._("VAT"))):
        sheet.write_string(start, column, name, styles["head"])
    for number, rate in enumerate(report.rate_ids, start + 1):
        sheet.write_number(number, 0, rate.rate)
        sheet.write_number(number, 1, rate.base, styles["amount"])
        sheet.write_number(number, 2, rate.tax, styles["amount"])


def _write_credit_notes(sheet, report, styles):
    env = report.env
    moves = report.line_ids.move_id
    rates = [rate.rate for rate in report.rate_ids]
    heads = [
        env._("Number"),
        env._("Date"),
        env._("Customer"),
        env._("VAT number"),
        env._("Corrects"),
        env._("Date of the invoice"),
        env._("Reason"),
        env._("Explanation"),
        env._("Posted by"),
        env._("Posted at (UTC)"),
        env._("Approved by"),
        env._("Untaxed"),
        env._("VAT"),
        env._("Total"),
        *(env._("Base %(rate)s %%", rate=f"{rate:g}") for rate in rates),
        *(env._("VAT %(rate)s %%", rate=f"{rate:g}") for rate in rates),
        env._("Returned goods"),
        env._("Set off or refunded"),
        env._("State"),
    ]
    sheet.set_column(0, len(heads) - 1, 17)
    sheet.freeze_panes(1, 1)
    for column, name in enumerate(heads):
        sheet.write_string(0, column, name, styles["head"])
    states = dict(moves._fields["state"]._description_selection(report.env))
    for number, row in enumerate(report._iter_rows(moves), 1):
        vat = {rate: (base, tax) for rate, base, tax in row["vat"]}
        cells = [
            row["number"],
            row["date"],
            row["partner"],
            row["vat_number"],
            ", ".join(name for name, _d, _t in row["invoices"]),
            ", ".join(str(date or "") for _n, date, _t in row["invoices"]),
            row["reason"],
            row["note"],
            row["user"],
            row["time"],
            row["approved_by"],
            row["untaxed"],
            row["tax"],
            row["total"],
            *(vat.get(rate, (0.0, 0.0))[0] for rate in rates),
            *(vat.get(rate, (0.0, 0.0))[1] for rate in rates),
            row["goods_note"]
            or ", ".join(f"{name} {day or '…'}" for name, day in row["returns"]),
            ", ".join(f"{name} {amount:.2f}" for name, amount in row["payments"]),
            states[row["state"]],
        ]
        _write_row(sheet, number, cells, styles)


def _write_row(sheet, number, cells, styles):
    for column, value in enumerate(cells):
        if isinstance(value, float):
            sheet.write_number(number, column, value, styles["amount"])
        elif hasattr(value, "hour"):
            sheet.write_datetime(number, column, value, styles["time"])
        elif hasattr(value, "year"):
            sheet.write_datetime(number, column, value, styles["date"])
        elif value:
            sheet.write_string(number, column, str(value))


def make_fec(report):
    """Return the journal items of the posted credit notes as lines of a FEC, bytes.

    Each bears the number of its credit note (PieceRef), which core's export fills
    with free text. Layout: LPF art. A47 A-1, tabs, comma as decimal sign, UTF-8.
    """
    lines = ["\t".join(FEC_COLUMNS)]
    moves = report.line_ids.move_id.sudo().filtered(lambda m: m.state == "posted")
    for move in moves:
        for line in move.line_ids:
            if line.account_id:
                lines.append("\t".join(_fec_line(move, line)))
    return ("\r\n".join(lines) + "\r\n").encode()


def _fec_line(move, line):
    partner = line.partner_id.commercial_partner_id
    is_third = line.account_id.account_type in (
        "asset_receivable",
        "liability_payable",
    )
    full = line.full_reconcile_id
    let_date = max(full.reconciled_line_ids.mapped("date")) if full else None
    is_foreign = line.currency_id != line.company_currency_id
    return [
        _text(move.journal_id.code),
        _text(move.journal_id.name),
        _text(move.name),
        _day(move.date),
        _text(line.account_id.code),
        _text(line.account_id.name),
        _text(partner.ref or str(partner.id)) if is_third and partner else "",
        _text(partner.name) if is_third else "",
        _text(move.name),
        _day(move.invoice_date or move.date),
        _text(line.name or move.refund_reason_id.name or move.name),
        _amount(line.debit),
        _amount(line.credit),
        str(full.id) if full else "",
        _day(let_date),
        _day(move.date),
        _amount(abs(line.amount_currency)) if is_foreign else "",
        line.currency_id.name if is_foreign else "",
    ]


def _text(value):
    return " ".join((value or "").replace("\t", " ").split())


def _day(value):
    return value.strftime("%Y%m%d") if value else ""


def _amount(value):
    return f"{value:.2f}".replace(".", ",")
