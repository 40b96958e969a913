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
        refunds._check_fits_invoices(self)
        # An invoice that is posted again may have become smaller than its credits.
        invoices = refunds._get_corrected_invoices() | self.filtered(
            lambda move: move.posted_before and move._get_credit_notes()
        )
        invoices._lock_for_credit()
        invoices._check_not_overcredited()
        dates = {move: move.date for move in refunds}
        # Core reconciles only with invoices that were posted before.
        with_invoice = refunds.filtered(
            lambda move: move.state == "draft" and move.reversed_entry_id in self
        )
        posted = super()._post(soft)
        with_invoice &= posted
        with_invoice.reversed_entry_id._reconcile_reversed_moves(
            with_invoice, self.env.context.get("move_reverse_cancel", False)
        )
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
        refunds._check_not_replaced()
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

    def button_cancel(self):
        """Refuse to cancel invoices whose credit notes would be left alone.

        :raise UserError: naming the credit notes
        """
        self._check_no_credit_notes_left()
        return super().button_cancel()

    @api.ondelete(at_uninstall=False)
    def _unlink_without_credit_notes(self):
        self._check_no_credit_notes_left()

    def action_switch_move_type(self):
        """A credit note that is made an invoice corrects nothing any more."""
        refunds = self.filtered(lambda move: move.move_type in REFUND_TYPES)
        result = super().action_switch_move_type()
        refunds.line_ids.write(
            {"reversed_line_id": False, "is_price_correction": False}
        )
        refunds.reversed_entry_id = False
        return result

    def _get_credit_notes(self):
        """Return the credit notes of these invoices, as a whole or line by line."""
        moves = self.reversal_move_ids | self.line_ids.reversal_line_ids.move_id
        return moves.filtered(lambda move: move.move_type in REFUND_TYPES)

    def _get_corrected_invoices(self):
        """Return the invoices that these credit notes correct, likewise."""
        return self.reversed_entry_id | self.line_ids.reversed_line_id.move_id

    def _check_no_credit_notes_left(self):
        for move in self:
            credit_notes = move._get_credit_notes() - self
            credit_notes = credit_notes.filtered(lambda other: other.state == "posted")
            if credit_notes:
                raise UserError(
                    self.env._(
                        "%(invoice)s is credited by %(credit_notes)s: cancel these "
                        "first.",
                        invoice=move.display_name,
                        credit_notes=", ".join(credit_notes.mapped("name")),
                    )
                )

    def _check_not_replaced(self):
        """Never a replacement beside an invoice that is open again."""
        for move in self.filtered(lambda move: move.refund_method == "redraft"):
            replacements = move.reversed_entry_id.replacement_invoice_ids.filtered(
                lambda replacement: replacement.state != "cancel"
            )
            if replacements:
                raise UserError(
                    self.env._(
                        "%(credit_note)s cancels %(invoice)s, which %(replacements)s "
                        "replaces: cancel or delete that one first.",
                        credit_note=move.name,
                        invoice=move.reversed_entry_id.name,
                        replacements=", ".join(replacements.mapped("display_name")),
                    )
                )

    def _check_fits_invoices(self, posted_now):
        """Raise unless these credit notes are of the customers and in the currencies
        of the invoices that they correct, and these are posted.

        :param posted_now: documents that are being posted with them
        """
        for move in self:
            for invoice in move._get_corrected_invoices():
                if why := move._get_misfit(invoice, posted_now):
                    raise UserError(
                        self.env._(
                            "%(credit_note)s cannot correct %(invoice)s: %(why)s",
                            credit_note=move.display_name,
                            invoice=invoice.display_name,
                            why=why,
                        )
                    )

    def _get_misfit(self, invoice, posted_now):
        if invoice.state != "posted" and invoice not in posted_now:
            return self.env._("the invoice is not posted.")
        if self.currency_id != invoice.currency_id:
            return self.env._(
                "it is in %(currency)s, the invoice in %(other)s.",
                currency=self.currency_id.name,
                other=invoice.currency_id.name,
            )
        # The customers as they are today: they may have been joined since.
        partner, other = self.partner_id.sudo(), invoice.partner_id.sudo()
        if (
            partner
            and other
            and (partner.commercial_partner_id != other.commercial_partner_id)
        ):
            return self.env._(
                "it is for %(partner)s, the invoice for %(other)s.",
                partner=partner.display_name,
                other=other.display_name,
            )
        return None

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
        rounding = line.product_uom_id.rounding or 0.01
        invoiced = line.credited_subtotal + line.creditable_subtotal
        if self._is_within(
            line.credited_quantity,
            line.quantity,
            lambda a, b: float_compare(a, b, precision_rounding=rounding),
        ) and self._is_within(
            line.credited_subtotal, invoiced, line.currency_id.compare_amounts
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
                limit=formatLang(self.env, invoiced, currency_obj=line.currency_id),
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
