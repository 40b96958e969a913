from odoo import api, fields, models
from odoo.fields import Domain

from .account_move_credit import CREDITABLE_TYPES
from .account_move_post import REFUND_TYPES

ACCOUNTING_GROUPS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    """What an invoice and its credit notes show of each other."""

    _inherit = "account.move"

    # On the invoice
    credit_note_ids = fields.Many2many(
        "account.move",
        string="Credit Notes",
        compute="_compute_credit_notes",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
        help="The credit notes that correct this document, cancelled ones included.",
    )
    credit_note_count = fields.Integer(
        compute="_compute_credit_notes", compute_sudo=True, groups=ACCOUNTING_GROUPS
    )
    credited_total = fields.Monetary(
        string="Credited",
        compute="_compute_credited_total",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
        help="What the credit notes come to with taxes, drafts included.",
    )
    creditable_total = fields.Monetary(
        string="Left to Credit",
        compute="_compute_credited_total",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
        help="What can still be credited, with taxes.",
    )
    # On the credit note
    corrected_invoice_ids = fields.Many2many(
        "account.move",
        string="Corrected Invoices",
        compute="_compute_corrected_invoice_ids",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
        help="The invoices that this credit note corrects, as a whole or line by line.",
    )
    corrected_invoice_count = fields.Integer(
        compute="_compute_corrected_invoice_ids",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
    )
    corrected_invoice_name = fields.Char(
        string="Corrected Invoice",
        compute="_compute_corrected_invoice_ids",
        compute_sudo=True,
        groups=ACCOUNTING_GROUPS,
    )
    reversed_invoice_date = fields.Date(
        related="reversed_entry_id.invoice_date", string="Date of the Invoice"
    )
    is_without_invoice = fields.Boolean(
        string="No Original Invoice",
        compute="_compute_corrected_invoice_ids",
        compute_sudo=True,
        search="_search_is_without_invoice",
        help="A credit note that names no invoice: a discount granted outside any.",
    )
    return_picking_count = fields.Integer(
        compute="_compute_return_picking_count", compute_sudo=True
    )

    @api.depends("reversal_move_ids", "line_ids.reversal_line_ids")
    def _compute_credit_notes(self):
        for move in self:
            move.credit_note_ids = (
                move.reversal_move_ids | move.line_ids.reversal_line_ids.move_id
            ).filtered(lambda other: other.move_type in REFUND_TYPES)
            move.credit_note_count = len(move.credit_note_ids)

    @api.depends("credit_note_ids", "amount_total", "state")
    def _compute_credited_total(self):
        for move in self:
            move.credited_total = move.creditable_total = 0.0
            if move.move_type not in CREDITABLE_TYPES or move.state != "posted":
                continue
            move.creditable_total = move.amount_total
            if move.credit_note_ids:
                move.credited_total = move._credited_total()
                move.creditable_total = move._creditable_total()

    @api.depends("move_type", "reversed_entry_id", "line_ids.reversed_line_id")
    def _compute_corrected_invoice_ids(self):
        for move in self:
            is_refund = move.move_type in REFUND_TYPES
            invoices = self.browse()
            if is_refund:
                invoices = (
                    move.reversed_entry_id | move.line_ids.reversed_line_id.move_id
                )
            move.corrected_invoice_ids = invoices.sorted(
                lambda invoice: (str(invoice.invoice_date or ""), invoice.name or "")
            )
            move.corrected_invoice_count = len(invoices)
            move.corrected_invoice_name = ", ".join(invoices.mapped("display_name"))
            move.is_without_invoice = is_refund and not invoices

    @api.model
    def _search_is_without_invoice(self, operator, value):
        if operator != "in" or True not in value:
            return NotImplemented
        return Domain(
            [
                ("move_type", "in", REFUND_TYPES),
                ("reversed_entry_id", "=", False),
                ("line_ids", "not any", [("reversed_line_id", "!=", False)]),
            ]
        )

    @api.depends("return_picking_ids")
    def _compute_return_picking_count(self):
        for move in self:
            move.return_picking_count = len(move.return_picking_ids)

    def _fetch_duplicate_reference(self, matching_states=("draft", "posted")):
        """Leave credit notes and replacements out of what core takes for duplicates.

        They have the amount and often the date of another document by their nature,
        and core offers to delete "all duplicates".
        """
        duplicates = super()._fetch_duplicate_reference(matching_states)
        for move, others in duplicates.items():
            duplicates[move] = others.filtered(
                lambda other, move=move: not move._is_by_intent(other)
            )
        return duplicates

    def _is_by_intent(self, other):
        """Tell whether two documents are alike as credit note or replacement."""
        return bool(
            self.replaced_invoice_id & other
            or other.replaced_invoice_id & self
            or self.reversed_entry_id & other
            or other.reversed_entry_id & self
            or (
                self.reversed_entry_id
                and other.reversed_entry_id
                and self.refund_reason_id
            )
        )

    def _get_alerts(self):
        alerts = super()._get_alerts()
        # sudo: salespeople open the invoices of their orders too
        if self.state == "posted" and self.sudo()._is_owed_back():
            alerts["avoir_owed_back"] = {
                "level": "info",
                "message": self.env._(
                    "The invoice was paid: this amount is owed back. Press Pay to pay "
                    "it back, or leave it to be set off against a later invoice."
                ),
            }
        if self.state != "draft":
            return alerts
        if self.refund_approval == "to_approve":
            alerts["avoir_to_approve"] = {
                "level": "warning",
                "message": self.env._(
                    "This credit note waits for the approval of a manager: it is not "
                    "posted yet."
                ),
            }
        if (
            self.move_type == "out_refund"
            and self.id
            and self.sudo().is_without_invoice
        ):
            alerts["avoir_without_invoice"] = {
                "level": "info",
                "message": self.env._(
                    "This credit note names no original invoice. Choose the one that "
                    "it corrects, or, for a discount outside any invoice, say so by "
                    "its reason."
                ),
            }
        return alerts

    def _is_owed_back(self):
        invoices = self.corrected_invoice_ids
        return (
            self.move_type in REFUND_TYPES
            and self.payment_state in ("not_paid", "partial")
            and bool(invoices)
            and not any(invoices.mapped("amount_residual"))
        )

    def _get_credit_note_title(self):
        """Return what the document is called, in the language of the environment.

        By the words that the law uses, which are not core's in Dutch.
        """
        self.ensure_one()
        if self.state == "draft":
            return self.env._("Draft Credit Note")
        if self.state == "cancel":
            return self.env._("Cancelled Credit Note")
        return self.env._("Credit Note")

    # -- buttons -----------------------------------------------------------------------

    def action_open_credit_notes(self):
        """Open the credit notes of this invoice.

        :return: the action, a form where there is one, a list where there are several
        """
        return self._open_related(self.credit_note_ids, self.env._("Credit Notes"))

    def action_open_corrected_invoices(self):
        """Open the invoices that this credit note corrects.

        :return: the action, as ``action_open_credit_notes``
        """
        return self._open_related(
            self.corrected_invoice_ids, self.env._("Corrected Invoices")
        )

    def action_open_replacements(self):
        """Open the invoices that replace this one.

        :return: the action, as ``action_open_credit_notes``
        """
        return self._open_related(
            self.replacement_invoice_ids, self.env._("Replacement Invoices")
        )

    def action_open_returns(self):
        """Open the transfers by which the goods of this credit note come back.

        :return: the action, as ``action_open_credit_notes``
        """
        return self.return_picking_ids._get_records_action(name=self.env._("Returns"))

    def _open_related(self, moves, name):
        return moves._get_records_action(
            name=name, context={"default_move_type": moves[:1].move_type}
        )
