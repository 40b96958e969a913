from copy import deepcopy
from dataclasses import replace
from math import isfinite

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_compare, float_is_zero, formatLang

from ..tools import credit_amounts
from ..tools.credit import CreditLine
from ..tools.credit_amounts import LineCredit
from ..tools.tax_shares import TaxShares

CREDITABLE_TYPES = ("out_invoice", "in_invoice")


class AccountMove(models.Model):
    _inherit = "account.move"

    # -- the one way to a credit note --------------------------------------------------

    @api.model
    def _create_credit_notes(self, requests, post=True):
        """Make one credit note for each request, all in one create and one posting.

        This is what the refund wizard, the returns and the marketplaces call. Accounts,
        taxes, prices, discounts, currency, rate and analytic distribution come from the
        invoice lines, never from what product and partner say today. What is credited
        last of an invoice is what its earlier credit notes left, to the cent and for
        each tax, in the currency of the invoice and in the company's.

        :param list requests: of ``CreditRequest`` (``tools/credit.py``); several may
            name one invoice, they are then taken in turn
        :param bool post: post and reconcile the credit notes; those dated in the future
            or waiting for approval stay in draft all the same
        :return: the credit notes, ``account.move``, in the order of the requests
        :raise UserError: where a request asks for more than is left, for nothing, or of
            a document that cannot be credited; nothing is then created at all
        """
        if not requests:
            return self.browse()
        invoices = self._credit_request_invoices(requests)
        invoices._check_can_be_credited()
        invoices._lock_for_credit()
        remaining = credit_amounts.read_remaining(invoices)
        shares = TaxShares(invoices, remaining)
        templates = invoices._credit_note_templates()
        prepared = []
        for request in requests:
            invoice = request.invoice.with_prefetch(invoices._ids)
            invoice._check_credit_request_dates(request)
            credits = invoice._prepare_credits(request, remaining)
            base_lines = invoice._prepare_credit_base_lines(request, credits)
            for credit, base_line in zip(credits, base_lines, strict=False):
                credit.take_off(base_line)
            prepared.append(
                invoice._prepare_credit_note_vals(
                    request,
                    credits,
                    base_lines,
                    deepcopy(templates[invoice.id]),
                    shares,
                )
            )
        credit_notes = self._create_prepared_credit_notes(prepared)
        credit_notes._tell_moved_date(
            {
                move: fields.Date.to_date(request.values.get("date"))
                or move.invoice_date
                for move, request in zip(credit_notes, requests, strict=True)
            }
        )
        credit_notes._request_approval()
        if post:
            today = fields.Date.context_today(self)
            credit_notes.filtered(
                lambda move: move.refund_approval != "to_approve" and move.date <= today
            ).with_context(avoir_complete=True)._post()
        # Posted ones are told of by their number.
        credit_notes._log_credit()
        return credit_notes

    def _preview_credit_note(self, request):
        """Return the lines that ``request`` would credit, and create nothing.

        :return: base lines of core's tax engine, computed and rounded
        :raise UserError: as ``_create_credit_notes``
        """
        self.ensure_one()
        self._check_credit_request_dates(request)
        remaining = credit_amounts.read_remaining(self)
        credits = self._prepare_credits(request, remaining)
        return self._prepare_credit_base_lines(request, credits)

    def _credit_request_untaxed(self, request):
        """Return what ``request`` credits before taxes and charges, in currency."""
        bare = replace(request, charges=[])
        return sum(
            credit_amounts.read_amounts(base_line)[credit_amounts.UNTAXED]
            for base_line in self._preview_credit_note(bare)
        )

    def _credited_total(self):
        """Return what the credit notes of this invoice come to with taxes, drafts
        included, in its currency."""
        self.ensure_one()
        return sum(self._counted_credit_notes().mapped("amount_total"))

    def _creditable_total(self):
        """Return what is left to credit with taxes, in the invoice's currency."""
        self.ensure_one()
        remaining = credit_amounts.read_remaining(self)
        return self.currency_id.round(sum(left.total for left in remaining.values()))

    @api.model
    def _credit_request_invoices(self, requests):
        invoices = self.browse()
        for request in requests:
            invoices |= request.invoice
        return invoices

    def _check_can_be_credited(self):
        """Raise a ``UserError`` unless all are posted invoices or bills."""
        for move in self:
            if move.move_type not in CREDITABLE_TYPES:
                raise UserError(
                    self.env._(
                        "%(document)s is not an invoice or a bill: it cannot be "
                        "credited. Choose the invoice itself.",
                        document=move.display_name,
                    )
                )
            if move.state != "posted":
                raise UserError(
                    self.env._(
                        "%(document)s is not posted. A draft needs no credit note: "
                        "change or delete it.",
                        document=move.display_name,
                    )
                )

    def _check_credit_request_dates(self, request):
        date = fields.Date.to_date(request.values.get("invoice_date"))
        if date and self.invoice_date and date < self.invoice_date:
            raise UserError(
                self.env._(
                    "The credit note of %(invoice)s cannot be dated %(date)s, before "
                    "the invoice itself (%(invoice_date)s).",
                    invoice=self.name,
                    date=date,
                    invoice_date=self.invoice_date,
                )
            )

    def _lock_for_credit(self):
        """Let one transaction at a time credit these invoices.

        The update changes nothing, but unlike a mere lock it makes a transaction that
        began earlier fail with a serialization error, which Odoo answers by running
        the request again: it then sees the credit notes of the first.
        """
        self.flush_recordset()
        if self:
            self.env.cr.execute(
                SQL(
                    "UPDATE account_move SET id = id WHERE id IN %s",
                    tuple(sorted(self.ids)),
                )
            )

    # -- how much ----------------------------------------------------------------------

    def _prepare_credits(self, request, remaining):
        """Return the ``LineCredit`` of ``request``, with their amounts where known."""
        self.ensure_one()
        if not request.lines:
            credits = self._credits_of_what_is_left(request, remaining)
        else:
            credits = self._credits_of_lines(request, remaining)
        if request.total is not None:
            self._set_credit_total(request, credits)
        credits = [credit for credit in credits if not self._is_empty_credit(credit)]
        if not credits:
            raise UserError(
                self.env._(
                    "There is nothing to credit on %(invoice)s: enter a quantity or an "
                    "amount, or look at the credit notes that it has already.",
                    invoice=self.name,
                )
            )
        return credits

    def _is_empty_credit(self, credit):
        if credit.amounts is None:
            return not credit.quantity
        return float_is_zero(credit.quantity, precision_digits=6) and not any(
            credit.amounts.values()
        )

    def _credits_of_what_is_left(self, request, remaining):
        credits = []
        for line in self.line_ids.filtered(lambda line: line in remaining):
            left = remaining[line]
            # An amount spread over the invoice brings no goods back.
            quantity = left.quantity if request.total is None else 0.0
            credits.append(
                LineCredit(line, quantity, not quantity, left, dict(left.amounts))
            )
        return credits

    def _credits_of_lines(self, request, remaining):
        credits, factors = [], []
        for asked in self._merge_credit_lines(request.lines, remaining):
            left = remaining.get(asked.line)
            self._check_credit_line(asked, left)
            factor = self._credit_factor(asked, left, request)
            credit = LineCredit(
                asked.line, asked.quantity, asked.is_price_correction, left
            )
            credits.append(credit)
            factors.append(factor)
        known = [i for i, factor in enumerate(factors) if factor is not None]
        credit_amounts.scale(
            [credits[i] for i in known],
            [factors[i] for i in known],
            self.company_id.tax_calculation_rounding_method == "round_globally",
        )
        whole = {credits[i].line for i in known if factors[i] == 1.0}
        return credits + self._credits_of_rounding(whole, remaining)

    def _credits_of_rounding(self, whole, remaining):
        """Return the cash rounding, which goes with the last of the other lines."""
        left_over = [
            line
            for line, left in remaining.items()
            if line.move_id == self and line not in whole and any(left.amounts.values())
        ]
        if any(line.display_type != "rounding" for line in left_over):
            return []
        return [
            LineCredit(line, 0.0, True, remaining[line], dict(remaining[line].amounts))
            for line in left_over
        ]

    @api.model
    def _merge_credit_lines(self, lines, remaining):
        """Return ``lines`` with those of one invoice line made one.

        Two quantities add up; a quantity and an amount are that quantity at a price
        that gives both.
        """
        merged = {}
        for asked in lines:
            before = merged.get(asked.line)
            if before:
                amount = None
                if before.amount is not None or asked.amount is not None:
                    left = remaining.get(asked.line)
                    amount = sum(self._asked_amount(a, left) for a in (before, asked))
                asked = CreditLine(asked.line, before.quantity + asked.quantity, amount)
            merged[asked.line] = asked
        return merged.values()

    @api.model
    def _asked_amount(self, asked, left):
        if asked.amount is not None or not left or not left.quantity:
            return asked.amount or 0.0
        return asked.line.currency_id.round(
            left.untaxed * asked.quantity / left.quantity
        )

    def _credit_factor(self, asked, left, request):
        """Return the part of what is left that ``asked`` takes; None: by the engine."""
        if asked.amount is not None:
            same = not asked.line.currency_id.compare_amounts(
                asked.amount, left.untaxed
            )
            return 1.0 if same else asked.amount / left.untaxed
        rounding = asked.line.product_uom_id.rounding or 0.01
        if not float_compare(
            asked.quantity, left.quantity, precision_rounding=rounding
        ):
            return 1.0
        if left.is_fresh and request.total is None:
            return None
        return asked.quantity / left.quantity

    def _check_credit_line(self, asked, left):
        """Raise unless ``asked`` lies between nothing and what is left of its line."""
        line = asked.line
        if left is None or line.move_id != self:
            raise UserError(
                self.env._(
                    "%(line)s is not a line of %(invoice)s.",
                    line=line.display_name,
                    invoice=self.name,
                )
            )
        rounding = line.product_uom_id.rounding or 0.01
        if not self._is_within(
            asked.quantity,
            left.quantity,
            lambda a, b: float_compare(a, b, precision_rounding=rounding),
        ):
            raise UserError(
                self.env._(
                    "%(line)s on %(invoice)s: %(asked)s cannot be credited. Left to "
                    "credit: %(limit)s of %(invoiced)s %(unit)s.",
                    line=line.name or line.product_id.display_name,
                    invoice=self.name,
                    asked=f"{asked.quantity:g}",
                    limit=f"{left.quantity:g}",
                    unit=line.product_uom_id.name or "",
                    invoiced=f"{line.quantity:g}",
                )
            )
        if asked.amount is not None and not self._is_within(
            asked.amount, left.untaxed, line.currency_id.compare_amounts
        ):
            raise UserError(
                self.env._(
                    "%(line)s on %(invoice)s: %(asked)s cannot be credited, only "
                    "%(limit)s before taxes is left.",
                    line=line.name or line.product_id.display_name,
                    invoice=self.name,
                    asked=self._format_asked(asked.amount),
                    limit=formatLang(
                        self.env, left.untaxed, currency_obj=line.currency_id
                    ),
                )
            )

    @api.model
    def _is_within(self, asked, limit, compare):
        """Tell whether ``asked`` lies between zero and ``limit``, of either sign."""
        if not isfinite(asked):  # JSON knows NaN and Infinity
            return False
        if compare(limit, 0.0) < 0:
            asked, limit = -asked, -limit
        return compare(asked, 0.0) >= 0 and compare(asked, limit) <= 0

    def _format_asked(self, amount):
        if not isfinite(amount):
            return str(amount)
        return formatLang(self.env, amount, currency_obj=self.currency_id)

    def _set_credit_total(self, request, credits):
        limit = sum(credit.remaining.total for credit in credits)
        total = request.total
        if isfinite(total):
            total = self.currency_id.round(total)
        if not self._is_within(total, limit, self.currency_id.compare_amounts):
            raise UserError(
                self.env._(
                    "%(asked)s cannot be credited on %(invoice)s, only %(limit)s with "
                    "taxes is left.",
                    asked=self._format_asked(total),
                    limit=formatLang(self.env, limit, currency_obj=self.currency_id),
                    invoice=self.name,
                )
            )
        credit_amounts.set_total(credits, total)
