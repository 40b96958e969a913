from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    _inherit = "account.move"

    marketplace_return_id = fields.Many2one(
        "marketplace.return",
        copy=False,
        readonly=True,
        index="btree_not_null",
        check_company=True,
    )

    def _invoice_paid_hook(self):
        """Note on the orders of many returns at once that their credit notes are paid.

        Core posts a message for each of them by itself.
        """
        mine = self.filtered("marketplace_return_id")
        if not mine:
            return super()._invoice_paid_hook()
        notes = {}
        batch = self.with_context(avoir_paid_notes=notes)
        result = super(AccountMove, batch)._invoice_paid_hook()
        self.env["sale.order"].browse(notes)._message_log_batch(notes)
        return result

    # ------------------------------------------------------------------
    # Credit notes of returns that are cancelled or deleted
    # ------------------------------------------------------------------

    def button_cancel(self):
        """What was credited of a marketplace's return is open again."""
        counted = self.filtered(lambda move: move.state != "cancel")
        result = super().button_cancel()
        counted._give_back_to_returns()
        return result

    def button_draft(self):
        """A cancelled one is not taken up again: its return may be credited anew.

        :raise UserError: naming the return to go on with
        """
        cancelled = self.filtered(
            lambda move: move.state == "cancel" and move.sudo().marketplace_return_id
        )
        if cancelled:
            raise UserError(
                self.env._(
                    "%(credit_note)s was cancelled, and what it credited is open again"
                    " on the return %(return)s: continue there.",
                    credit_note=cancelled[0].display_name,
                    **{"return": cancelled[0].sudo().marketplace_return_id.name},
                )
            )
        return super().button_draft()

    @api.ondelete(at_uninstall=False)
    def _unlink_give_back_to_returns(self):
        self.filtered(lambda move: move.state != "cancel")._give_back_to_returns()

    def _give_back_to_returns(self):
        """Have the returns of these credit notes wait for a person.

        sudo: the accountant who cancels need not be allowed to change returns.
        """
        for record, credit_notes in (
            self.sudo().grouped("marketplace_return_id").items()
        ):
            if record:
                record._take_back_credited(credit_notes)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _get_total_left(self):
        """What is left of this invoice line to credit, with tax."""
        self.ensure_one()
        share = self.price_subtotal and self.creditable_subtotal / self.price_subtotal
        return self.currency_id.round(self.price_total * share)

    def _get_total_of(self, part):
        """What a part of this invoice line comes to with tax.

        :param part: a ``CreditLine`` of this line
        """
        self.ensure_one()
        if part.amount is not None:
            share = self.price_subtotal and part.amount / self.price_subtotal
        elif self.product_uom_id.compare(self.creditable_quantity, 0) > 0:
            # Earlier price corrections are off what is left.
            total = self._get_total_left() * part.quantity / self.creditable_quantity
            return self.currency_id.round(total)
        else:
            share = self.quantity and part.quantity / self.quantity
        return self.currency_id.round(self.price_total * share)
