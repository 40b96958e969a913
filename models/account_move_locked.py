from odoo import api, models
from odoo.exceptions import UserError

from .account_move_post import REFUND_TYPES

# What core leaves open on a posted document, or closes but for a context that anybody
# may send (``skip_readonly_check``). Payment reference and bank account stay open, for
# the money still has to move: the audit journal tells of them.
LOCKED_FIELDS = (
    "ref",
    "reversed_entry_id",
    "replaced_invoice_id",
    "refund_reason_id",
    "refund_note",
    "refund_method",
    "refund_approval",
    "without_invoice_reason",
    "net_of_tax",
    "invoice_date",
    "date",
    "journal_id",
    "company_id",
    "currency_id",
    "invoice_payment_term_id",
    "invoice_cash_rounding_id",
    "partner_id",
    "fiscal_position_id",
    "invoice_origin",
    "move_type",
    "name",
    "delivery_date",
    "taxable_supply_date",
    "invoice_date_due",
    "partner_shipping_id",
    "invoice_incoterm_id",
    "incoterm_location",
    "narration",
    "sequence_prefix",
    "sequence_number",
    "made_sequence_gap",
    "secure_sequence_number",
    "inalterable_hash",
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "amount_residual",
    "amount_untaxed_signed",
    "amount_tax_signed",
    "amount_total_signed",
    "amount_total_in_currency_signed",
    "amount_residual_signed",
    "amount_untaxed_in_currency_signed",
    "payment_state",
    "always_tax_exigible",
    "tax_cash_basis_rec_id",
    "tax_cash_basis_origin_move_id",
    "is_reminder_charge",
    "invoice_pdf_report_file",
    "ubl_cii_xml_file",
    "commercial_partner_id",
    "invoice_partner_display_name",
    "einvoice_format",
    "einvoice_date",
    "einvoice_sha256",
    "einvoice_missing",
)
LOCKED_LINE_FIELDS = (
    "name",
    "product_id",
    "product_uom_id",
    "quantity",
    "price_unit",
    "discount",
    "reversed_line_id",
    "is_price_correction",
    "is_downpayment",
    "sale_line_ids",
    "sequence",
    "collapse_prices",
    "collapse_composition",
)
# Stored results and copies of the document's fields: core recomputes them past
# ``write``, but takes what a program writes into them.
LOCKED_RESULT_FIELDS = (
    "balance",
    "debit",
    "credit",
    "amount_currency",
    "price_subtotal",
    "price_total",
    "ref",
    "move_name",
    "parent_state",
    "date",
    "date_maturity",
    "invoice_date",
    "account_id",
    "partner_id",
    "tax_tag_ids",
    "tax_base_amount",
    "amount_residual",
    "amount_residual_currency",
    "reconciled",
    "display_type",
    "currency_id",
    "company_currency_id",
    "journal_id",
    "tax_group_id",
    "tax_line_id",
    "tax_repartition_line_id",
    "group_tax_id",
    "is_storno",
    "is_imported",
    "cogs_origin_id",
    "discount_date",
    "discount_balance",
    "discount_amount_currency",
)
SET_OFF = frozenset(
    "amount debit_amount_currency credit_amount_currency debit_move_id "
    "credit_move_id".split()
)
# In the context while this addon or a button of core changes what is closed. Compared
# by identity: a context that comes from outside cannot contain it.
OPEN = object()
# Where a file's content is, and what it is called and belongs to. Core renames it when
# a document is reset, by the button.
LOCKED_FILE_FIELDS = ("raw", "datas", "db_datas", "store_fname", "checksum", "url")
LOCKED_FILE_LABELS = ("name", "mimetype", "res_field", "access_token")
LOCKED_FILE_FIELDS_OF_MOVE = ("invoice_pdf_report_file", "ubl_cii_xml_file")
LOCKED_FILE_PLACE = ("res_model", "res_id", "company_id", "type", "public")


class AccountMove(models.Model):
    """Nothing changes on a posted credit note, nor on the invoice that it corrects."""

    _inherit = "account.move"

    def write(self, vals):
        names = [name for name in LOCKED_FIELDS if name in vals]
        if self.env.context.get("avoir_locked") is not OPEN:
            if names:
                self._check_not_locked(names, vals)
            if "state" in vals or "posted_before" in vals:
                self._check_state_not_forced(vals)
        return super().write(vals)

    def button_draft(self):
        return super(AccountMove, self._open_lock()).button_draft()

    def button_cancel(self):
        return super(AccountMove, self._open_lock()).button_cancel()

    def action_toggle_block_payment(self):
        return super(AccountMove, self._open_lock()).action_toggle_block_payment()

    def _hash_moves(self, **kwargs):
        return super(AccountMove, self._open_lock())._hash_moves(**kwargs)

    def _set_next_made_sequence_gap(self, made_gap):
        """It writes on the documents next to these, closed or not."""
        opened = super(AccountMove, self._open_lock())
        return opened._set_next_made_sequence_gap(made_gap)

    def _open_lock(self):
        """Return these documents, for code that may change what is closed."""
        return self.with_context(avoir_locked=OPEN)

    def _check_state_not_forced(self, vals):
        """Raise where a document would be opened past the buttons and their checks.

        :raise UserError: naming the document
        """
        for move in self:
            forced = (
                vals.get("state", "posted") != "posted" and move._is_locked()
            ) or (
                not vals.get("posted_before", True)
                and move.posted_before
                and (move.move_type in REFUND_TYPES or move._is_locked())
            )
            if forced:
                raise UserError(
                    self.env._(
                        "%(document)s is posted: use Reset to Draft or Cancel, which "
                        "check what depends on it.",
                        document=move.display_name,
                    )
                )

    def _check_not_locked(self, names, vals):
        """Raise where ``vals`` would change what is closed.

        :raise UserError: naming the document and the fields
        """
        for move in self:
            changed = [n for n in names if move._field_will_change(move, vals, n)]
            if changed and move._is_locked():
                move._refuse_change(move, changed)

    def _is_locked(self):
        """Tell whether this is a posted credit note or an invoice that has one."""
        if self.state != "posted":
            return False
        if self.move_type in REFUND_TYPES:
            return True
        # sudo: a credit note closes its invoice for who cannot read it, too
        credit_notes = self.sudo()._get_credit_notes() if self.is_invoice() else self
        return any(note.state == "posted" for note in credit_notes - self)

    def _refuse_change(self, record, names):
        self.check_access("write")  # who may not write at all is told that
        labels = [record._fields[n]._description_string(self.env) for n in names]
        if self.move_type in REFUND_TYPES:
            raise UserError(
                self.env._(
                    "%(document)s is posted: %(fields)s cannot be changed. Reset it to "
                    "draft, or make another credit note.",
                    document=self.display_name,
                    fields=", ".join(labels),
                )
            )
        raise UserError(
            self.env._(
                "%(document)s has a posted credit note: %(fields)s cannot be changed "
                "any more. Cancel the credit note first.",
                document=self.display_name,
                fields=", ".join(labels),
            )
        )

    def _keeps_files(self):
        """Tell whether the files of this document stay as they are.

        Those of a credit note that was posted once do, though it is a draft again:
        the customer may have them.
        """
        if self.move_type in REFUND_TYPES:
            return self.posted_before
        return self._is_locked()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_posted_credit_note(self):
        """A number that was given stays given: the document is cancelled instead."""
        once = self.filtered(
            lambda move: move.move_type in REFUND_TYPES and move.posted_before
        )
        if once:
            raise UserError(
                self.env._(
                    "%(documents)s was posted once and has its number: it cannot be "
                    "deleted. Cancel it instead.",
                    documents=", ".join(once.mapped("display_name")),
                )
            )


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        if self.env.context.get("avoir_locked") is not OPEN:
            lines._check_none_added()
        return lines

    def _check_none_added(self):
        """Raise where these new lines are on a document that is closed.

        The cost of goods is added by core when it is known.

        :raise UserError: naming the document
        """
        added = self.filtered(lambda line: line.display_type != "cogs")
        for move in added.move_id:
            if move._is_locked():
                move._refuse_change(move, ["invoice_line_ids"])

    @api.ondelete(at_uninstall=False)
    def _unlink_except_locked(self):
        """Core lets ``force_delete`` in the context, which anybody may send, pass."""
        if self.env.context.get("avoir_locked") is OPEN:
            return
        for move in self.move_id:
            if move._is_locked():
                move._refuse_change(move, ["line_ids"])

    def write(self, vals):
        for locked, skipped in (
            (LOCKED_LINE_FIELDS, ("payment_term", "tax")),
            (LOCKED_RESULT_FIELDS, ()),
        ):
            names = [name for name in locked if name in vals]
            if names:
                self._check_not_locked(names, vals, skipped)
        return super().write(vals)

    def _check_not_locked(self, names, vals, skipped):
        will_change = self.env["account.move"]._field_will_change
        for move, lines in self.grouped("move_id").items():
            if move.state != "posted":
                continue
            changed = [
                name
                for name in names
                if any(
                    will_change(line, vals, name)
                    for line in lines
                    if line.display_type not in skipped
                )
            ]
            if changed and move._is_locked():
                move._refuse_change(self, changed)


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    def write(self, vals):
        """What is set off is undone and set off again, never with another amount."""
        if not SET_OFF.isdisjoint(vals):
            for move in (self.debit_move_id | self.credit_move_id).move_id:
                if move._is_locked():
                    move._refuse_change(move, ["amount_residual"])
        return super().write(vals)


class IrAttachment(models.Model):
    """Files of posted credit notes and of their invoices stay as they are.

    Whatever their type: core guesses it, and takes an XML file for something else
    (``text/xml``, where it looks for ``application/xml``).
    """

    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        """Only the system puts a document's own PDF and e-invoice beside it."""
        files = super().create(vals_list)
        if not self.env.su:
            forged = files.filtered(lambda f: f.res_field in LOCKED_FILE_FIELDS_OF_MOVE)
            forged._check_not_locked({"raw": None})
        return files

    def write(self, vals):
        locked = LOCKED_FILE_FIELDS + LOCKED_FILE_PLACE
        if self.env.context.get("avoir_locked") is not OPEN:
            locked += LOCKED_FILE_LABELS
        closed = {name: vals[name] for name in locked if name in vals}
        if closed:
            self._check_not_locked(closed)
        return super().write(vals)

    def generate_access_token(self):
        """A link in a mail has a token that Odoo draws, never one that is chosen."""
        opened = self.with_context(avoir_locked=OPEN)
        return super(IrAttachment, opened).generate_access_token()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_locked(self):
        self._check_not_locked({"raw": None})

    def _check_not_locked(self, vals):
        """Raise where ``vals`` would change or move a file that has to stay.

        :raise UserError: naming the file and its document
        """
        files = self.sudo().filtered(lambda file: file.res_model == "account.move")
        if not files:
            return
        moves = self.env["account.move"].sudo().browse(set(files.mapped("res_id")))
        locked = {move.id: move for move in moves.exists() if move._keeps_files()}
        for file in files:
            move = locked.get(file.res_id)
            if move and file._is_changed_by(vals):
                raise UserError(
                    self.env._(
                        "The file %(file)s belongs to %(document)s, which is posted: "
                        "it can be neither changed nor deleted.",
                        file=file.name,
                        document=move.display_name,
                    )
                )

    def _is_changed_by(self, vals):
        if any(name in vals for name in LOCKED_FILE_FIELDS):
            return True
        return any(
            (self[name].id if name == "company_id" else self[name]) != vals[name]
            for name in vals
        )
