from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    marketplace_return_id = fields.Many2one(
        "marketplace.return",
        copy=False,
        readonly=True,
        index="btree_not_null",
        check_company=True,
    )


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
