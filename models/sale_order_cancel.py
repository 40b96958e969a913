from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import formatLang

from ..tools.credit import CreditLine, CreditRequest
from ..tools.credit_amounts import UNTAXED


class SaleOrder(models.Model):
    """Orders that are cancelled: nothing posted stays behind unseen."""

    _inherit = "sale.order"

    uncredited_invoice_ids = fields.Many2many(
        "account.move",
        string="Posted and Not Credited",
        compute="_compute_uncredited_invoice_ids",
        compute_sudo=True,
    )
    uncredited_invoice_names = fields.Char(
        compute="_compute_uncredited_invoice_ids", compute_sudo=True
    )
    waiting_credit_text = fields.Char(
        compute="_compute_waiting_credit_text", compute_sudo=True
    )

    @api.depends(
        "state",
        "order_line.invoice_lines.move_id.state",
        "order_line.invoice_lines.reversal_line_ids.parent_state",
    )
    def _compute_uncredited_invoice_ids(self):
        for order in self:
            invoices = order._get_uncredited_invoices()
            order.uncredited_invoice_ids = invoices
            order.uncredited_invoice_names = ", ".join(invoices.mapped("name"))

    @api.depends(
        "state",
        "order_line.invoice_lines.move_id.state",
        "order_line.invoice_lines.move_id.amount_total",
        "order_line.invoice_lines.move_id.amount_residual",
    )
    @api.depends_context("lang")
    def _compute_waiting_credit_text(self):
        """Say that a cancelled order is not credited as long as that is a draft."""
        for order in self:
            order.waiting_credit_text = (
                order.state == "cancel" and order._get_waiting_credit_text()
            )

    def _get_waiting_credit_text(self):
        drafts = self._get_credit_notes().filtered(lambda move: move.state == "draft")
        invoices = drafts.corrected_invoice_ids
        if not invoices:
            return False
        names = ", ".join(invoices.mapped("name"))
        # An order's invoices may be in several currencies: each is named.
        amounts = []
        for currency, notes in drafts.grouped("currency_id").items():
            paid = sum(
                min(note.amount_total, max(0.0, left))
                for note in notes
                for left in [
                    sum(one._get_paid_amount() for one in note.corrected_invoice_ids)
                ]
            )
            if currency.compare_amounts(paid, 0.0) > 0:
                amounts.append(formatLang(self.env, paid, currency_obj=currency))
        if not amounts:
            return self.env._(
                "The credit note of %(invoices)s is a draft: it waits to be posted.",
                invoices=names,
            )
        return self.env._(
            "%(amount)s paid by the customer waits for the credit note of %(invoices)s"
            " to be posted.",
            amount=", ".join(amounts),
            invoices=names,
        )

    def _get_uncredited_invoices(self):
        """Return the posted invoices of this order that are not credited whole, credit
        notes in draft counted; goods first, then down payments."""
        invoices = self.sudo().invoice_ids.filtered(
            lambda move: move.move_type == "out_invoice" and move.state == "posted"
        )
        invoices = invoices.filtered(
            lambda move: any(
                not move.currency_id.is_zero(line.creditable_subtotal)
                for line in move._get_lines_of_orders(self)
            )
        )
        return invoices.sorted(
            lambda move: (move._is_down_payment_invoice(), move.invoice_date, move.id)
        )

    def action_open_cancel(self):
        """Cancel this order, and propose the credit notes of what was invoiced.

        :return: the wizard where something was invoiced or delivered; nothing where
            the order is simply cancelled
        """
        self.ensure_one()
        delivered = any(line.qty_delivered > 0 for line in self.order_line)
        if not self.uncredited_invoice_ids and not delivered:
            self.action_cancel()
            return None
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Cancel %(order)s", order=self.name),
            "res_model": "sale.order.cancel",
            "view_mode": "form",
            "target": "new",
            "context": {"default_order_id": self.id},
        }

    def _action_cancel(self):
        """Tell of the invoices that stay posted, however the order is cancelled."""
        result = super()._action_cancel()
        if not self.env.context.get("avoir_cancel_wizard"):
            for order in self:
                if order.uncredited_invoice_ids:
                    order._tell_of_uncredited_invoices()
        return result

    def _tell_of_uncredited_invoices(self):
        self.ensure_one()
        user = self.user_id or self.env.user
        self.message_post(
            body=self.with_context(lang=user.lang).env._(
                "The order is cancelled, but %(invoices)s are posted and not credited.",
                invoices=self.uncredited_invoice_ids._get_html_links(),
            )
        )
        self._ask_to_credit(user)

    def _tell_of_refused_credit(self, credit_notes, reason):
        """Tell the salesperson who refused and why, and an accountant to credit it."""
        self.ensure_one()
        seller = self.user_id or self.create_uid
        self.message_post(
            body=self.with_context(lang=seller.lang).env._(
                "%(user)s has refused %(credit_notes)s (%(reason)s): %(invoices)s are"
                " posted and not credited.",
                user=self.env.user.name,
                reason=reason,
                credit_notes=credit_notes._get_html_links(),
                invoices=self.uncredited_invoice_ids._get_html_links(),
            ),
            partner_ids=seller.partner_id.ids,
        )
        self._ask_to_credit(self.company_id._get_return_accountant() or seller)

    def _ask_to_credit(self, user):
        inside = self.with_context(lang=user.lang).env
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=inside._("Credit the invoices of a cancelled order"),
            user_id=user.id,
        )

    # -- what is credited --------------------------------------------------------------

    def _prepare_cancel_requests(self, invoices, keep_delivered=False, values=None):
        """Ask for the credit notes of a cancelled order.

        Invoices of goods first; of each down payment what is then left of it, so that
        what an invoice deducted comes back to the customer once.

        :param invoices: the posted invoices to credit, ``account.move``
        :param bool keep_delivered: the customer keeps what was delivered, and owes it
        :param dict values: of the credit notes: reason, explanation…
        :return: a list of ``CreditRequest``
        """
        self.ensure_one()
        order = self.sudo()
        values = {"invoice_again": False, **(values or {})}
        downs = order._get_down_payment_invoices()
        lefts = order.order_line._filter_down_payments()._get_down_payment_left()
        kept = order._get_kept_quantities() if keep_delivered else {}
        requests = []
        for invoice in invoices.sudo() - downs:
            lines = order._get_lines_to_credit(invoice, kept)
            if not lines:
                continue
            for asked in lines:
                self._add_deduction(lefts, asked)
            requests.append(CreditRequest(invoice, lines, values=dict(values)))
        for invoice in downs & invoices.sudo():
            lines = order._get_down_payments_to_credit(invoice, lefts)
            if lines:
                requests.append(CreditRequest(invoice, lines, values=dict(values)))
        return requests

    @api.model
    def _add_deduction(self, lefts, asked):
        """A deduction that is credited is left of its down payment again."""
        for line in asked.line.sale_line_ids & self.order_line:
            if line in lefts:
                lefts[line][UNTAXED] -= asked.line.creditable_subtotal

    def _get_kept_quantities(self):
        """Return what was delivered, by order line in its unit."""
        return {
            line: line.qty_delivered
            for line in self._get_goods_lines()
            if line.qty_delivered > 0
        }

    def _get_lines_to_credit(self, invoice, kept):
        """Return the ``CreditLine`` of what ``invoice`` bears of this order.

        :param dict kept: quantities by order line that are not credited, lowered
        """
        lines = invoice._get_lines_of_orders(self)
        deductions = lines.filtered("is_downpayment")
        result, untaxed = [], 0.0
        for line in lines - deductions:
            quantity = line.creditable_quantity - self._take_kept(line, kept)
            if line.product_uom_id.compare(quantity, 0.0) > 0:
                result.append(CreditLine(line, quantity))
                part = quantity / line.creditable_quantity
                untaxed += line.creditable_subtotal * part
            elif not line.creditable_quantity and line.creditable_subtotal:
                result.append(CreditLine(line, 0.0, line.creditable_subtotal))
                untaxed += line.creditable_subtotal
            elif line.creditable_quantity < 0:
                result.append(CreditLine(line, line.creditable_quantity))
                untaxed += line.creditable_subtotal
        room = sum(lines.mapped("creditable_subtotal"))
        if invoice.currency_id.compare_amounts(untaxed, room) > 0:
            # More than the invoice asked for: what it deducted is given back as well.
            result += [
                CreditLine(line, line.creditable_quantity)
                for line in deductions
                if line.creditable_quantity
            ]
        return result

    @api.model
    def _take_kept(self, line, kept):
        """Return how much of an invoice line stays with the customer, in its unit.

        :param dict kept: quantities left by order line, lowered in place
        """
        order_line = line.sale_line_ids[:1]
        if not kept.get(order_line) or line.creditable_quantity <= 0:
            return 0.0
        in_unit = order_line.product_uom_id._compute_quantity(
            kept[order_line], line.product_uom_id, round=False
        )
        stays = min(line.creditable_quantity, in_unit)
        kept[order_line] -= line.product_uom_id._compute_quantity(
            stays, order_line.product_uom_id, round=False
        )
        return stays

    def _get_down_payments_to_credit(self, invoice, lefts):
        """Return the ``CreditLine`` of what is left of the down payment ``invoice``."""
        result = []
        for line in invoice._get_lines_of_orders(self):
            left = lefts.get(line.sale_line_ids[:1], {}).get(UNTAXED, 0.0)
            amount = min(left, line.creditable_subtotal)
            if line.currency_id.compare_amounts(amount, 0.0) <= 0:
                continue
            whole = not line.currency_id.compare_amounts(
                amount, line.creditable_subtotal
            )
            if whole and line.creditable_quantity:
                result.append(CreditLine(line, line.creditable_quantity))
            else:
                result.append(CreditLine(line, 0.0, amount))
        return result

    def _get_returnable_goods(self):
        """Return what the customer can send back: ``{stock.move: quantity}``."""
        moves = self.sudo().order_line.move_ids.filtered(
            lambda move: (
                move.state == "done" and move.location_dest_id.usage == "customer"
            )
        )
        return {
            move: quantity
            for move, quantity in moves._get_returnable_quantities().items()
            if quantity > 0
        }


class AccountMove(models.Model):
    _inherit = "account.move"

    def _get_lines_of_orders(self, orders):
        """Return the lines of these documents that invoice ``orders``."""
        return self.invoice_line_ids.filtered(
            lambda line: (
                line.display_type == "product"
                and line.sudo().sale_line_ids.order_id & orders
            )
        )

    def _get_html_links(self):
        """Return the names of these documents, as links, to be put into a message."""
        return Markup(", ").join(move._get_html_link() for move in self)

    def _refuse_refund(self, reason):
        """Tell cancelled orders as well: they are not credited by it after all."""
        # sudo: who decides on credit notes need not be able to write on orders
        orders = self.sudo().invoice_line_ids.sale_line_ids.order_id
        result = super()._refuse_refund(reason)
        orders.invalidate_recordset()
        for order in orders.filtered(lambda one: one.state == "cancel"):
            if order.uncredited_invoice_ids:
                order._tell_of_refused_credit(self & order.invoice_ids, reason)
        return result
