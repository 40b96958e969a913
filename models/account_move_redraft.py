from odoo import models


class AccountMove(models.Model):
    """Cancel and redraft: the payments and the replacement of a cancelled invoice."""

    _inherit = "account.move"

    def _free_payments(self):
        """Take the payments off these invoices.

        Their credit notes stay reconciled: what they gave back stays given back. A
        cancelled invoice is then reversed, and its payment waits, open on the
        customer's account, for the replacement to be posted.

        :return: the payments' journal items, ``account.move.line``, by invoice
        """
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        refunds = self.reversal_move_ids
        partials = (terms.matched_debit_ids | terms.matched_credit_ids).filtered(
            lambda partial: (
                not (partial.debit_move_id | partial.credit_move_id).move_id & refunds
            )
        )
        payments = {}
        for move in self:
            own = partials.filtered(
                lambda partial, lines=move.line_ids: (
                    (partial.debit_move_id | partial.credit_move_id) & lines
                )
            )
            payments[move] = (own.debit_move_id | own.credit_move_id) - move.line_ids
        partials.unlink()
        return payments

    def _create_replacements(self, payments, values):
        """Create the drafts that replace these invoices, to be corrected and posted.

        :param dict payments: as ``_free_payments`` returned them
        :param dict values: of all drafts, on top of what is copied
        :return: the drafts, ``account.move``, in the order of the invoices
        """
        vals_list = []
        templates = self._credit_note_templates()
        for invoice in self:
            vals = templates[invoice.id]
            vals["line_ids"] = [
                command
                for command in vals["line_ids"]
                if command[2].get("display_type")
                in ("product", "line_section", "line_subsection", "line_note")
            ]
            for _command, _id, line_vals in vals["line_ids"]:
                line_vals.pop("reversed_line_id", None)
                for name in ("amount_currency", "balance", "tax_tag_ids"):
                    line_vals.pop(name, None)
            vals_list.append(
                {**vals, **invoice._prepare_replacement_values(), **values}
            )
        drafts = self.create(vals_list)
        for invoice, draft in zip(self, drafts, strict=True):
            draft.pending_payment_line_ids = payments[invoice]
            draft._copy_files_of(invoice)
        drafts._message_log_batch(
            bodies={
                draft.id: self.env._(
                    "Replaces %s", draft.replaced_invoice_id._get_html_link()
                )
                for draft in drafts
            }
        )
        return drafts

    def _prepare_replacement_values(self):
        """Return what a copy drops and the replacement keeps."""
        self.ensure_one()
        return {
            "replaced_invoice_id": self.id,
            "invoice_origin": self.invoice_origin,
            "invoice_payment_term_id": self.invoice_payment_term_id.id,
            "invoice_user_id": self.invoice_user_id.id,
            "narration": self.narration,
            "ref": self.ref,
            "fiscal_position_id": self.fiscal_position_id.id,
            "partner_shipping_id": self.partner_shipping_id.id,
        }

    def _copy_files_of(self, invoice):
        """Refer to the files that people attached to the replaced invoice."""
        files = self.env["ir.attachment"].search(
            [
                ("res_model", "=", "account.move"),
                ("res_id", "=", invoice.id),
                ("res_field", "=", False),
                ("id", "!=", invoice.message_main_attachment_id.id),
            ]
        )
        for file in files:
            file.copy({"res_id": self.id})
