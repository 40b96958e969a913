from collections import defaultdict
from dataclasses import dataclass, field

from odoo import Command, fields, models
from odoo.tools import LazyTranslate, formatLang

from ..tools.credit import CreditRequest

_lt = LazyTranslate(__name__)


@dataclass
class ReturnCredit:
    """What is credited now of one return: a request for each of its invoices.

    ``quantities``: by return line, what the requests take of it; ``announced``: what
    the marketplace paid back for that, with tax.
    """

    record: object
    requests: dict = field(default_factory=dict)
    quantities: dict = field(default_factory=dict)
    announced: float | None = None


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    def _step_credit(self):
        """Credit what was received, or what is to be credited without goods."""
        for _company, returns in self._by_company():
            taken = defaultdict(lambda: [0.0, 0.0])
            returns._read_ahead()
            returns.line_ids._get_sources().mapped("creditable_quantity")
            credits = [record._prepare_credit(taken) for record in returns]
            credits = [credit for credit in credits if credit]
            for policy in ("post", "draft"):
                returns._credit(
                    [
                        c
                        for c in credits
                        if c.record.account_id.post_credit_note == policy
                    ],
                    post=policy == "post",
                )
            ended = {"waiting": self.browse(), "done": self.browse()}
            for credit in credits:
                ended[credit.record._note_credited(credit)] |= credit.record
            for state, some in ended.items():
                some._set_state(state)

    def _credit(self, credits, post):
        requests = [request for c in credits for request in c.requests.values()]
        if requests:
            self.env["account.move"]._create_credit_notes(requests, post=post)

    def _note_credited(self, credit):
        """Keep what was credited, in the transaction of the credit note itself.

        :return: the state that follows
        """
        for line, quantity in credit.quantities.items():
            line.quantity_credited += quantity
            line.is_credited = True
        pending = self._get_goods_moves().filtered(
            lambda move: move.state not in ("done", "cancel")
        )
        left = self.line_ids.filtered(
            lambda line: line._waits_for_goods() and line._get_quantity_left() > 0
        )
        return "waiting" if pending and left else "done"

    def _take_back_credited(self, credit_notes):
        """These credit notes were cancelled or deleted: what they credited is open."""
        self.ensure_one()
        if self.state not in ("done", "waiting", "received"):
            return
        others = self.credit_note_ids - credit_notes
        whole = not others.filtered(lambda move: move.state != "cancel")
        for line in self.line_ids:
            line._take_back_credited(credit_notes.invoice_line_ids, whole)
        self.amount_choice = False
        self._set_state("received")
        self._set_missing(
            _lt(
                "Its credit note was cancelled: %(names)s. Continue to credit it again,"
                " or close it.",
                names=", ".join(credit_notes.mapped("display_name")),
            )
        )

    # ------------------------------------------------------------------
    # The requests
    # ------------------------------------------------------------------

    def _prepare_credit(self, taken):
        """What to ask of the credit note, or None when a person has to decide.

        :param taken: ``{invoice line: [quantity, untaxed]}`` that others of this batch
            take already
        """
        credit = ReturnCredit(self)
        quantities = self.line_ids._get_quantities_to_credit()
        money_only = self.line_ids.filtered(
            lambda line: not line.quantity and not line.is_credited
        )
        lines = [line for line in self.line_ids if line in quantities]
        lines += list(money_only)
        if not lines and self.line_ids:
            return self._prepare_nothing(credit)
        parts = []
        for line in lines:
            credit.quantities[line] = quantities.get(line, 0.0)
            if line._has_something_to_credit() and line._get_source():
                parts += line._allot_invoices(credit.quantities[line], taken)
        if not self._get_invoices():
            self._set_missing(self._get_missing_invoice())
            return None
        if self.amount_choice != "invoice":
            credit.announced = self._get_announced(credit.quantities)
        if not self._check_announced(credit, parts):
            return None
        self._make_requests(credit, parts)
        return credit

    def _prepare_nothing(self, credit):
        """Nothing was received that is not credited yet."""
        if self._get_goods_moves().filtered(
            lambda move: move.state not in ("done", "cancel")
        ) or any(self.line_ids.mapped("is_credited")):
            return credit
        self._set_missing(
            _lt("Nothing was received: credit it without the goods, or close it.")
        )
        return None

    def _make_requests(self, credit, parts):
        """One request for each invoice; fees kept back go onto the first."""
        for part in parts:
            invoice = part.line.move_id
            if invoice not in credit.requests:
                credit.requests[invoice] = self._new_request(invoice)
            credit.requests[invoice].lines.append(part)
        if not credit.requests:
            invoice = self._get_invoices()[:1]
            credit.requests[invoice] = self._new_request(invoice)
        first = next(iter(credit.requests.values()))
        for line in credit.quantities:
            if charge := line._prepare_charge(first.invoice):
                first.charges.append(charge)
        room = sum(part.line._get_total_left() for part in parts)
        if len(credit.requests) == 1 and credit.announced is not None:
            # The marketplace's amount, to the cent, unless the invoice has not as much.
            chosen = self.amount_choice == "announced"
            if not parts or chosen or credit.announced <= room:
                first.total = credit.announced

    def _new_request(self, invoice):
        return CreditRequest(
            invoice=invoice, values=self._prepare_credit_note_values(invoice)
        )

    def _prepare_credit_note_values(self, invoice):
        reason = self.refund_reason_id
        note = "\n".join(filter(None, [self.reason, self.note]))
        values = {
            "marketplace_return_id": self.id,
            "refund_reason_id": reason.id,
            "refund_note": note or False,
            "invoice_again": reason.invoice_again,
            "return_goods": bool(self._get_goods_moves()),
            "return_picking_ids": [
                Command.link(move.picking_id.id)
                for move in self._get_goods_moves()
                if move.state == "done"
            ],
        }
        if self.account_id.journal_id:
            values["journal_id"] = self.account_id.journal_id.id
        return values

    # ------------------------------------------------------------------
    # Announced and computed
    # ------------------------------------------------------------------

    def _get_announced(self, quantities):
        """What the marketplace paid back with tax for this, before the fees it kept.

        :param quantities: ``{line: quantity}`` of what is credited now
        :return: None where the marketplace does not tell
        """
        kept = [line for line in self.line_ids if line._is_kept_back()]
        known = self.is_amount_known and all(line.is_total_known for line in kept)
        if known and self._is_whole(quantities):
            return self.amount_total - sum(line.amount_total for line in kept)
        paid = [line for line in quantities if line not in kept]
        if not paid or not all(line.is_total_known for line in paid):
            return None
        return sum(
            line.amount_total * (quantity / line.quantity if line.quantity else 1.0)
            for line in paid
            for quantity in [quantities[line]]
        )

    def _is_whole(self, quantities):
        """Whether all of the return is credited at once, as announced."""
        return all(
            not line.is_credited
            and line in quantities
            and line._is_same(quantities[line], line.quantity)
            for line in self.line_ids
        )

    def _check_announced(self, credit, parts):
        """Compare what the marketplace paid back with what the invoice gives.

        :return: whether they agree, within the account's tolerance
        """
        announced = credit.announced
        spread = [line for line in credit.quantities if line._is_spread()]
        by_invoice = self.amount_choice == "invoice" and parts
        if announced is None and (spread or not parts) and not by_invoice:
            self._set_missing(
                _lt(
                    "The marketplace does not tell what it paid back for this. Credit"
                    " the invoice by hand, then close this."
                )
            )
            return False
        if announced is None or not parts or self.amount_choice:
            return True
        currency = parts[0].line.currency_id
        computed = sum(part.line._get_total_of(part) for part in parts)
        computed += sum(line.amount_total for line in spread)
        difference = currency.round(computed - announced)
        self.amount_computed = self.amount_total + difference
        if abs(difference) <= self._get_tolerance(currency):
            return True
        self._set_missing(
            _lt(
                "The marketplace paid back %(announced)s and the credit note would be"
                " %(computed)s. Choose which one to credit.",
                announced=formatLang(self.env, announced, currency_obj=currency),
                computed=formatLang(self.env, computed, currency_obj=currency),
            )
        )
        return False

    def _get_tolerance(self, currency):
        account = self.account_id
        return account.currency_id._convert(
            account.tolerance, currency, self.company_id, fields.Date.today()
        )
