from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class SaleOrderCancel(models.TransientModel):
    """Cancel an order with all that came of it, in one go."""

    _name = "sale.order.cancel"
    _description = "Cancel an Order and Credit It"

    order_id = fields.Many2one("sale.order", required=True, readonly=True)
    currency_id = fields.Many2one(related="order_id.currency_id")
    company_id = fields.Many2one(related="order_id.company_id")
    line_ids = fields.One2many(
        "sale.order.cancel.line",
        "wizard_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    reason_id = fields.Many2one(
        "account.refund.reason",
        required=True,
        check_company=True,
        default=lambda self: self._default_reason(),
    )
    note = fields.Text(string="Explanation", help="Printed on the credit notes.")
    has_delivered = fields.Boolean(compute="_compute_has_delivered", compute_sudo=True)
    picking_names = fields.Char(compute="_compute_has_delivered", compute_sudo=True)
    delivered_goods = fields.Selection(
        [
            ("back", "They come back: credit them, the warehouse expects them"),
            ("keep", "The customer keeps them: they stay invoiced"),
        ],
        string="Goods Delivered",
        default="back",
        required=True,
    )
    new_quotation = fields.Boolean(string="Make a New Quotation from It")
    may_post = fields.Boolean(compute="_compute_may_post")

    @api.model
    def _default_reason(self):
        reason = self.env.ref(
            "avoir.refund_reason_order_cancelled", raise_if_not_found=False
        )
        return (reason or self.env["account.refund.reason"]).filtered("active")

    @api.depends("order_id")
    def _compute_has_delivered(self):
        for wizard in self:
            # As the user: the dialog tells nothing of orders that one may not read.
            order = wizard.order_id.sudo(False)._filtered_access("read").sudo()
            wizard.has_delivered = any(
                line.qty_delivered > 0 for line in order.order_line
            )
            pickings = order.picking_ids.filtered(
                lambda picking: picking.state not in ("done", "cancel")
            )
            wizard.picking_names = ", ".join(pickings.mapped("name"))

    @api.depends_context("uid")
    def _compute_may_post(self):
        self.may_post = self.env.user.has_group("account.group_account_invoice")

    @api.depends("order_id")
    def _compute_line_ids(self):
        for wizard in self:
            # Stored, so computed as superuser: only orders that the user may read.
            order = wizard.order_id.sudo(False)._filtered_access("read")
            wizard.line_ids = [
                Command.clear(),
                *(
                    Command.create({"invoice_id": move.id})
                    for move in order.uncredited_invoice_ids
                ),
            ]

    def action_cancel_order(self):
        """Cancel transfers and order, make the credit notes, offer the new quotation.

        Accountants post the credit notes; what others make waits as a draft for the
        approval of a manager.

        :return: the new quotation where one was asked for, else the credit notes
        """
        self.ensure_one()
        order = self.order_id
        order.check_access("write")
        self._check_open()
        invoices = self.line_ids.filtered("credit").invoice_id
        order._lock_for_down_payments()
        if order.state != "cancel":
            order.with_context(avoir_cancel_wizard=True).action_cancel()
        credit_notes = self._create_credit_notes(invoices)
        if self.delivered_goods == "back":
            self._expect_goods(credit_notes)
        order.invalidate_recordset()
        if order.uncredited_invoice_ids:
            order._tell_of_uncredited_invoices()
        self._log(credit_notes)
        if self.new_quotation:
            return order.copy()._get_records_action(name=self.env._("New Quotation"))
        if credit_notes and self.may_post:
            return credit_notes._get_records_action(name=self.env._("Credit Notes"))
        return {"type": "ir.actions.act_window_close"}

    def _check_open(self):
        if self.reason_id.note_required and not (self.note or "").strip():
            raise UserError(
                self.env._(
                    "The reason %(reason)s asks for an explanation.",
                    reason=self.reason_id.name,
                )
            )

    def _create_credit_notes(self, invoices):
        requests = self.order_id._prepare_cancel_requests(
            invoices,
            keep_delivered=self.delivered_goods == "keep",
            values={
                "refund_reason_id": self.reason_id.id,
                "refund_note": self.note,
                "return_goods": self.delivered_goods == "back",
            },
        )
        # sudo: salespeople may cancel their orders, and propose what that takes
        moves = self.env["account.move"].sudo(not self.may_post)
        credit_notes = moves._create_credit_notes(requests, post=self.may_post)
        credit_notes = credit_notes.sudo(self.env.su)
        if not self.may_post:
            credit_notes.sudo()._ask_for_approval()
        return credit_notes

    def _expect_goods(self, credit_notes):
        """Announce all that was delivered, invoiced or not, to the warehouse."""
        goods = self.order_id._get_returnable_goods()
        if not goods:
            return
        # sudo: neither salespeople nor accountants are warehouse users
        pickings = self.env["stock.picking"].sudo()._create_returns(goods)
        for move in credit_notes.sudo():
            products = move.invoice_line_ids.product_id
            for picking in pickings:
                if picking.move_ids.product_id & products:
                    move.return_picking_ids = [Command.link(picking.id)]

    def _log(self, credit_notes):
        if not credit_notes:
            return
        credit_notes = credit_notes.sudo()
        self.env["sale.order"]._log_credit_note_origin(credit_notes)
        order = self.order_id
        env = order.with_context(lang=(order.user_id or self.env.user).lang).env
        drafts = credit_notes.filtered(lambda move: move.state == "draft")
        posted = credit_notes - drafts
        texts = []
        if posted:
            links = posted._get_html_links()
            texts.append(env._("Cancelled; credited by %(names)s.", names=links))
        if drafts:
            links = drafts._get_html_links()
            texts.append(
                env._(
                    "Cancelled; not credited before %(names)s is posted.", names=links
                )
            )
        order.message_post(body=Markup("<br/>").join(texts))


class SaleOrderCancelLine(models.TransientModel):
    _name = "sale.order.cancel.line"
    _description = "Invoice of a Cancelled Order"

    wizard_id = fields.Many2one("sale.order.cancel", required=True, ondelete="cascade")
    invoice_id = fields.Many2one("account.move", required=True, readonly=True)
    credit = fields.Boolean(default=True)
    name = fields.Char(compute="_compute_figures", compute_sudo=True)
    is_down_payment = fields.Boolean(compute="_compute_figures", compute_sudo=True)
    date = fields.Date(compute="_compute_figures", compute_sudo=True)
    amount_total = fields.Monetary(compute="_compute_figures", compute_sudo=True)
    creditable = fields.Monetary(
        string="Not Credited", compute="_compute_figures", compute_sudo=True
    )
    paid = fields.Monetary(
        compute="_compute_figures",
        compute_sudo=True,
        help="Once it is credited, this is owed back to the customer.",
    )
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_figures", compute_sudo=True
    )

    @api.depends("invoice_id")
    def _compute_figures(self):
        for line in self:
            order = line.wizard_id.order_id.sudo(False)._filtered_access("read")
            # Only invoices of the order: any number can be sent as ``invoice_id``.
            move = line.invoice_id & order.sudo().invoice_ids
            line.name = move.name
            line.date = move.invoice_date
            line.is_down_payment = move._is_down_payment_invoice()
            line.amount_total = move.amount_total
            line.creditable = move._creditable_total() if move else 0.0
            line.paid = move._get_paid_amount() if move else 0.0
            line.currency_id = move.currency_id
