from collections import defaultdict

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .account_move_post import REFUND_TYPES

DONE_STATES = ("posted", "cancel")


class AccountMove(models.Model):
    """What the auditor's report tells of a credit note."""

    _inherit = "account.move"

    @api.model
    def _audited_domain(self, company, date_from, date_to):
        """Return the credit notes of a period: those that were posted once."""
        return Domain(
            [
                ("company_id", "=", company.id),
                ("move_type", "in", REFUND_TYPES),
                ("posted_before", "=", True),
                ("date", ">=", date_from),
                ("date", "<=", date_to),
            ]
        )

    def _audit_rows(self):
        """Return a dictionary for each credit note, in their order.

        Amounts are in the company's currency, positive for what is given back;
        ``vat`` is a list of (rate in percent, base, VAT).
        """
        told = self._audit_told()
        # sudo: an auditor sees what a credit note rests on, wherever it is kept
        return [move._audit_row(told[move.id]) for move in self.sudo()]

    def _audit_row(self, told):
        posted, approved = told.get("posted"), told.get("approved")
        invoices = self.corrected_invoice_ids
        return {
            "move": self,
            "number": self.name,
            "date": self.invoice_date or self.date,
            "partner": self.partner_id.display_name or "",
            "vat_number": self.commercial_partner_id.vat or "",
            "invoices": [(i.name, i.invoice_date, i.amount_total) for i in invoices],
            "reason": self.refund_reason_id.name or "",
            "note": self.refund_note or self.without_invoice_reason or "",
            "user": posted and posted.user_id.name or "",
            "time": posted and posted.recorded_at or False,
            "approved_by": approved and approved.user_id.name or "",
            "approved_at": approved and approved.recorded_at or False,
            "untaxed": abs(self.amount_untaxed_signed),
            "tax": abs(self.amount_tax_signed),
            "total": abs(self.amount_total_signed),
            "vat": self._audit_vat(),
            "returns": self._audit_returns(),
            "goods_note": self._audit_goods_note(),
            "payments": self._audit_payments(),
            "state": self.state,
            "overcredited": self._audit_overcredited(),
        }

    def _audit_told(self):
        """Return the last posting and approval of each in the journal, by id."""
        entries = self.env["audit.entry"].sudo()
        found = entries.search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("action", "in", ("posted", "approved")),
            ],
            order="id",
        )
        told = defaultdict(dict)
        for entry in found:
            told[entry.res_id][entry.action] = entry
        return told

    def _audit_vat(self):
        sign = 1 if self.move_type == "out_refund" else -1
        rates = defaultdict(lambda: [0.0, 0.0])
        for line in self.line_ids:
            if line.display_type == "tax":
                rates[line.tax_line_id.amount][1] += sign * line.balance
            elif line.display_type == "product":
                percents = line.tax_ids.flatten_taxes_hierarchy().mapped("amount")
                for rate in set(percents or [0.0]):
                    rates[rate][0] += sign * line.balance
        rounding = self.company_currency_id.round
        return [
            (rate, rounding(base), rounding(tax))
            for rate, (base, tax) in sorted(rates.items())
        ]

    def _audit_returns(self):
        """Return the transfers by which goods came back: (number, day received)."""
        return [
            (picking.name, picking.date_done and picking.date_done.date())
            for picking in self.return_picking_ids
            if picking.state != "cancel"
        ]

    def _audit_goods_note(self):
        """Return what an auditor asks at once: goods came back, and by no transfer?"""
        if self.refund_reason_id.return_goods and not self._audit_returns():
            return self.env._("Expected, but no transfer")
        return ""

    def _audit_payments(self):
        """Return what it was paid or set off with: (number, amount)."""
        lines = self.line_ids
        partials = lines.matched_debit_ids | lines.matched_credit_ids
        return [
            (other.name, partial.amount)
            for partial in partials
            for other in (
                (partial.debit_move_id | partial.credit_move_id).move_id - self
            )
        ]

    def _audit_overcredited(self):
        """Return the invoices of which more was credited than they come to."""
        return [
            invoice.name
            for invoice in self.corrected_invoice_ids
            if invoice.currency_id.compare_amounts(
                sum(
                    note.amount_total
                    for note in invoice.reversal_move_ids
                    if note.state == "posted" and note.move_type in REFUND_TYPES
                ),
                invoice.amount_total,
            )
            > 0
        ]

    @api.model
    def _audit_gaps(self, company, date_from, date_to):
        """Return the numbers that are missing in the series of a period's credit notes.

        Of each series, from its first number to its last in the period, and what the
        audit journal saw posted and is there no more: the first or the last of a
        series leaves no gap. A number that is kept by a cancelled or reset document is
        not missing.

        :return: list of texts, ``RINV/2026/00007``
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH series AS (
                    SELECT journal_id, sequence_prefix, max(sequence_number) AS last
                      FROM account_move
                     WHERE company_id = %(company)s AND move_type IN %(types)s
                       AND date BETWEEN %(start)s AND %(stop)s
                       AND sequence_number > 0 AND name <> '/'
                     GROUP BY journal_id, sequence_prefix
                ), known AS (
                    SELECT s.journal_id, s.sequence_prefix, s.last,
                           min(m.sequence_number) AS first, max(m.name) AS example
                      FROM series s
                      JOIN account_move m USING (journal_id, sequence_prefix)
                     WHERE m.sequence_number > 0
                     GROUP BY s.journal_id, s.sequence_prefix, s.last
                )
                SELECT k.sequence_prefix, n.number, length(k.example)
                  FROM known k, generate_series(k.first, k.last) AS n(number)
                 WHERE NOT EXISTS (
                       SELECT FROM account_move m
                        WHERE m.journal_id = k.journal_id
                          AND m.sequence_prefix = k.sequence_prefix
                          AND m.sequence_number = n.number)
                 ORDER BY 1, 2
                """,
                company=company.id,
                types=REFUND_TYPES,
                start=date_from,
                stop=date_to,
            )
        )
        gaps = {
            prefix + str(number).zfill(length - len(prefix))
            for prefix, number, length in self.env.cr.fetchall()
        }
        gaps.update(self._audit_vanished(company, date_from, date_to))
        return sorted(gaps)

    @api.model
    def _audit_vanished(self, company, date_from, date_to):
        """Return the names of credit notes that were posted and are not there."""
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT e.res_name
                  FROM audit_entry e
                 WHERE e.company_id = %(company)s AND e.res_model = 'account.move'
                   AND e.action = 'posted'
                   AND e.recorded_at >= %(start)s
                   AND e.recorded_at < %(stop)s::date + 1
                   AND NOT EXISTS (
                       SELECT FROM account_move m
                        WHERE m.id = e.res_id
                           OR m.company_id = e.company_id AND m.name = e.res_name)
                """,
                company=company.id,
                start=date_from,
                stop=date_to,
            )
        )
        return [name for (name,) in self.env.cr.fetchall() if name]
