from collections import defaultdict

from markupsafe import Markup

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, formatLang

REFUND_TYPES = ("out_refund", "in_refund")


class AccountMove(models.Model):
    _inherit = "account.move"

    def _post(self, soft=True):
        """Check once more, under a lock, that no invoice is credited beyond its own.

        Drafts may have been changed by hand since they were made, and another user may
        be posting one at this moment.
        """
        refunds = self.filtered(lambda move: move.move_type in REFUND_TYPES)
        refunds._check_refund_approval()
        invoices = refunds.reversed_entry_id | refunds.line_ids.reversed_line_id.move_id
        invoices._lock_for_credit()
        invoices._check_not_overcredited()
        dates = {move: move.date for move in refunds}
        posted = super()._post(soft)
        (posted & refunds)._tell_moved_date(dates)
        posted._apply_pending_payments()
        return posted

    def button_draft(self):
        """Take a credit note that goes back to draft off its invoice's residual.

        Core leaves the two reconciled, as if the draft counted.
        """
        refunds = self.filtered(
            lambda move: move.move_type in REFUND_TYPES and move.state == "posted"
        )
        lines = refunds.line_ids
        origin_lines = refunds.reversed_entry_id.line_ids
        partials = lines.matched_debit_ids.filtered(
            lambda partial: partial.debit_move_id in origin_lines
        ) | lines.matched_credit_ids.filtered(
            lambda partial: partial.credit_move_id in origin_lines
        )
        result = super().button_draft()
        partials.exists().unlink()
        return result

    # -- never more than was invoiced --------------------------------------------------

    def _check_not_overcredited(self):
        """Raise a ``UserError`` where credit notes, drafts included, exceed these.

        Per line, in quantity and in untaxed amount, and per document with its taxes.
        Sources: VAT directive 2006/112 art. 90 and 219; ``ACCOUNTING.md`` case 2.
        """
        for line in self.line_ids:
            if line.reversal_line_ids and line.display_type == "product":
                self._check_line_not_overcredited(line)
        for invoice in self:
            refunds = invoice._counted_credit_notes()
            credited = sum(refunds.mapped("amount_total"))
            if invoice.currency_id.compare_amounts(credited, invoice.amount_total) > 0:
                raise UserError(
                    self.env._(
                        "%(invoice)s comes to %(limit)s, its credit notes to "
                        "%(credited)s (%(refunds)s): more than was invoiced cannot be "
                        "credited. Lower or cancel one of them.",
                        invoice=invoice.name,
                        limit=formatLang(
                            self.env,
                            invoice.amount_total,
                            currency_obj=invoice.currency_id,
                        ),
                        credited=formatLang(
                            self.env, credited, currency_obj=invoice.currency_id
                        ),
                        refunds=", ".join(refunds.mapped("display_name")),
                    )
                )

    def _counted_credit_notes(self):
        """Return the credit notes that use up this invoice, drafts included."""
        self.ensure_one()
        return self.reversal_move_ids.filtered(
            lambda move: move.state != "cancel" and move.currency_id == self.currency_id
        )

    @api.model
    def _check_line_not_overcredited(self, line):
        sign = -1 if line.quantity < 0 else 1
        rounding = line.product_uom_id.rounding or 0.01
        left = sign * line.creditable_quantity
        amount = line.creditable_subtotal
        if line.currency_id.compare_amounts(line.price_subtotal, 0.0) < 0:
            amount = -amount
        if (
            float_compare(left, 0.0, precision_rounding=rounding) >= 0
            and line.currency_id.compare_amounts(amount, 0.0) >= 0
        ):
            return
        raise UserError(
            self.env._(
                "%(line)s on %(invoice)s: the credit notes give back %(quantity)s of "
                "%(invoiced)s and %(credited)s of %(limit)s before taxes. Lower what "
                "is credited now to what is left.",
                line=line.name or line.product_id.display_name,
                invoice=line.move_id.name,
                quantity=f"{line.credited_quantity:g}",
                invoiced=f"{line.quantity:g}",
                credited=formatLang(
                    self.env, line.credited_subtotal, currency_obj=line.currency_id
                ),
                limit=formatLang(
                    self.env,
                    line.credited_subtotal + line.creditable_subtotal,
                    currency_obj=line.currency_id,
                ),
            )
        )

    # -- what posting tells and does ---------------------------------------------------

    def _tell_moved_date(self, dates):
        moved = self.filtered(lambda move: move.date != dates[move])
        moved._message_log_batch(
            bodies={
                move.id: self.env._(
                    "The period of %(asked)s is locked: booked on %(date)s.",
                    asked=dates[move],
                    date=move.date,
                )
                for move in moved
            }
        )

    def _reconcile_reversed_moves(self, reverse_moves, move_reverse_cancel):
        """Reconcile each credit note with the invoice that it names itself.

        Core pairs by position, with the invoices made unique: two credit notes of one
        invoice posted together end up on another customer's. Receivables go first, so
        that cash basis taxes find their rate; all in one plan.
        """
        receivables, others = [], []
        for origin, reverses in reverse_moves.grouped("reversed_entry_id").items():
            lines = (origin | reverses).line_ids.filtered(lambda li: not li.reconciled)
            for (account, _currency), group in lines.grouped(
                lambda li: (li.account_id, li.currency_id)
            ).items():
                if len(group.move_id) < 2 or not (
                    account.reconcile
                    or account.account_type in ("asset_cash", "liability_credit_card")
                ):
                    continue
                first = account.account_type in (
                    "asset_receivable",
                    "liability_payable",
                )
                (receivables if first else others).append(group)
        lines = self.env["account.move.line"].with_context(
            move_reverse_cancel=move_reverse_cancel,
            skip_invoice_sync=self._reconcile_is_plain(receivables + others),
        )
        if receivables:
            lines._reconcile_plan(receivables)
        open_others = [group for group in others if not any(group.mapped("reconciled"))]
        if open_others:
            lines._reconcile_plan(open_others)
        return reverse_moves

    def _apply_pending_payments(self):
        """Reconcile a replacement with the payments of the invoice that it replaces."""
        for move in self.filtered("pending_payment_line_ids"):
            payments = move.pending_payment_line_ids.filtered(
                lambda line: not line.reconciled and line.parent_state == "posted"
            )
            accounts = payments.account_id
            terms = move.line_ids.filtered(lambda line: not line.reconciled)
            terms = terms.filtered_domain([("account_id", "in", accounts.ids)])
            if payments and terms:
                (terms + payments).reconcile()

    def _log_credit(self):
        """Say on the invoices and on the credit notes where the money went, and why."""
        bodies = defaultdict(Markup)
        for move in self:
            origin = move.reversed_entry_id
            why = Markup("").join(
                Markup("<br/>%s") % text
                for text in (move.refund_reason_id.name, move.refund_note)
                if text
            )
            bodies[origin.id] += Markup("<p>%s%s</p>") % (
                self.env._("Credited by %s", move._get_html_link(move.name or None)),
                why,
            )
            bodies[move.id] = (
                self.env._("Credit note of %s", origin._get_html_link(origin.name))
                + why
            )
        (self | self.reversed_entry_id)._message_log_batch(bodies=bodies)
