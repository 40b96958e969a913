from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, formatLang

from ..tools.credit_amounts import UNTAXED
from .sale_order_line import _is_posted


class AccountMove(models.Model):
    """Invoices of down payments, and invoices that deduct them."""

    _inherit = "account.move"

    # Core counts payments, which salespeople may not read, on a form that they may.
    payment_count = fields.Integer(compute_sudo=True)

    # -- which are they ----------------------------------------------------------------

    def _get_down_payment_order_lines(self):
        """Return the lines of down payments of orders that these documents name."""
        # sudo: accountants post invoices of orders that they may not read
        return self.sudo().line_ids.sale_line_ids._filter_down_payments()

    def _get_deduction_lines(self):
        """Return the lines by which these invoices deduct down payments."""
        return self.invoice_line_ids.filtered(
            lambda line: (
                line.quantity < 0
                and line.move_id.move_type == "out_invoice"
                and line.sudo().sale_line_ids._filter_down_payments()
            )
        )

    def _get_deducted_invoices(self):
        """Return the invoices of the down payments that these invoices deduct.

        :return: ``account.move``, oldest first
        """
        invoices = self.browse()
        for order_line in self._get_deduction_lines().sudo().sale_line_ids:
            invoices |= order_line._get_down_payment_origin().move_id
        return invoices.sorted(lambda move: (move.invoice_date or move.date, move.id))

    def _get_deducted_down_payments(self):
        """Return what this invoice deducts of each down payment, as it is printed.

        :return: dictionaries ``invoice``, ``untaxed``, ``taxes`` and ``total``, oldest
            first, amounts positive and in the currency of this invoice
        """
        self.ensure_one()
        result = {}
        for line in self._get_deduction_lines().sudo():
            order_line = line.sale_line_ids._filter_down_payments()[:1]
            invoice = order_line._get_down_payment_origin().move_id
            sums = result.setdefault(invoice, {"untaxed": 0.0, "total": 0.0})
            sums["untaxed"] -= line.price_subtotal
            sums["total"] -= line.price_total
        return [
            {
                "invoice": invoice,
                "taxes": result[invoice]["total"] - result[invoice]["untaxed"],
                **result[invoice],
            }
            for invoice in self._get_deducted_invoices()
        ]

    def _is_down_payment_invoice(self):
        """Whether these are invoices of down payments: nothing else is on them."""
        return bool(
            self.move_type == "out_invoice"
            and not self._get_deduction_lines()
            and self.sudo()._is_downpayment()
        )

    def _get_down_payment_name(self):
        """Name this invoice as the final invoice does: number, date and amount.

        In the language of the environment (ACCOUNTING.md case 33).
        """
        if not self or self.state != "posted":
            return self.env._("Down payment (draft)")
        return self.env._(
            "Down payment %(invoice)s of %(date)s, %(amount)s with taxes",
            invoice=self.name,
            date=format_date(self.env, self.invoice_date),
            amount=formatLang(
                self.env, self.amount_total, currency_obj=self.currency_id
            ),
        )

    # -- posting -----------------------------------------------------------------------

    def _post(self, soft=True):
        """Hold down payments to what they are of and deductions to what was taken.

        Under a lock of the orders. The invoices of down payments are posted before
        those that deduct and name them.
        """
        order_lines = self._get_down_payment_order_lines()
        if not order_lines:
            return super()._post(soft)
        order_lines.order_id._lock_for_down_payments()
        first = self._get_deducted_invoices() & self
        posted = super(AccountMove, first)._post(soft) if first else first
        rest = self - first
        rest._name_deducted_invoices()
        posted |= super(AccountMove, rest)._post(soft)
        lines = posted._get_down_payment_order_lines()
        lines._check_not_overdeducted()
        takers = posted.filtered(lambda move: move._is_down_payment_invoice())
        takers._get_down_payment_order_lines().order_id._check_down_payments_fit()
        posted._reconcile_down_payments()
        posted._update_down_payment_prices()
        return posted

    def _name_deducted_invoices(self):
        """Write the numbers, which drafts of down payments did not have before."""
        for line in self._get_deduction_lines():
            order_line = line.sudo().sale_line_ids._filter_down_payments()[:1]
            if order_line._get_down_payment_origin().move_id == line.move_id:
                continue
            name = order_line._get_deduction_name()
            if line.name != name:
                line.name = name

    def _reconcile_down_payments(self):
        """Match what was deducted with what was taken, where the account allows it.

        The account of down payments is then empty in the company's currency as well:
        core books the difference of the exchange rates.
        """
        lines = self.env["account.move.line"]
        for order_line in self._get_down_payment_order_lines():
            open_lines = order_line.invoice_lines.filtered(
                lambda line: (
                    line.parent_state == "posted"
                    and line.account_id.reconcile
                    and not line.reconciled
                )
            )
            for account in open_lines.account_id:
                matching = open_lines.filtered(
                    lambda line, account=account: line.account_id == account
                )
                if len(matching.move_id) > 1:
                    (lines | matching).browse(matching.ids).reconcile()

    def _update_down_payment_prices(self):
        """Show on the order what credit notes left, however they were posted."""
        credit_notes = self.filtered(lambda move: move.move_type == "out_refund")
        lines = credit_notes._get_down_payment_order_lines()
        for line in lines.filtered(lambda line: not line.order_id.locked):
            goods = line.order_id.order_line.filtered(lambda li: not li.is_downpayment)
            line.price_unit = line._get_downpayment_line_price_unit(
                goods.invoice_lines.move_id
            )

    # -- going back --------------------------------------------------------------------

    def button_draft(self):
        """Take a deduction off the down payment when its invoice goes back to draft;
        refuse it for a down payment that an invoice deducts.

        :raise UserError: naming the invoice
        """
        lines = self.line_ids.filtered(
            lambda line: (
                line.is_downpayment
                and line.account_id.account_type
                not in ("asset_receivable", "liability_payable")
                and (line.matched_debit_ids or line.matched_credit_ids)
            )
        )
        order_lines = self._get_down_payment_order_lines()
        order_lines.order_id._lock_for_down_payments()
        if lines:
            lines.remove_move_reconcile()
        result = super().button_draft()
        order_lines._check_not_overdeducted()
        return result

    def unlink(self):
        """Refuse to delete a down payment that an invoice deducts.

        Not by ``ondelete``: core has deleted the lines, which tell, before that runs.
        """
        self._check_not_deducted_elsewhere()
        return super().unlink()

    def _check_not_deducted_elsewhere(self):
        for line in self._get_down_payment_order_lines():
            others = line.invoice_lines.move_id - self
            if line._get_down_payment_origin().move_id in self and others.filtered(
                lambda move: move.state != "cancel"
            ):
                raise UserError(
                    self.env._(
                        "%(invoice)s is a down payment that %(others)s deducts: delete "
                        "that one first.",
                        invoice=line._get_down_payment_origin().move_id.display_name,
                        others=", ".join(others.mapped("display_name")),
                    )
                )


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _check_not_overdeducted(self):
        """Raise a ``UserError`` where posted invoices deduct more than was taken.

        Because the down payment is a draft, was credited since, or is deducted twice.
        """
        for line, left in self._get_down_payment_left(_is_posted).items():
            if line.currency_id.compare_amounts(left[UNTAXED], 0.0) >= 0:
                continue
            origin = line._get_down_payment_origin().move_id
            deducting = line.invoice_lines.move_id.filtered(_is_posted) - origin
            deducting = deducting.filtered(lambda move: move.move_type == "out_invoice")
            names = ", ".join(deducting.mapped("name")) or "…"
            if origin.state == "draft":
                raise UserError(
                    self.env._(
                        "%(order)s: %(others)s would deduct the down payment of "
                        "%(amount)s, which is still a draft. Post the down payment "
                        "first.",
                        order=line.order_id.name,
                        others=names,
                        amount=formatLang(
                            self.env,
                            origin.amount_total,
                            currency_obj=origin.currency_id,
                        ),
                    )
                )
            raise UserError(
                self.env._(
                    "%(order)s: %(others)s would deduct %(excess)s before taxes more "
                    "of the down payment %(invoice)s than was taken and not credited. "
                    "If it was deducted already, credit the invoice that deducts it.",
                    order=line.order_id.name,
                    others=names,
                    excess=formatLang(
                        self.env, -left[UNTAXED], currency_obj=line.currency_id
                    ),
                    invoice=origin.name or line.name,
                )
            )
