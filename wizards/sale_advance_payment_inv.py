from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

DOWN_PAYMENTS = ("percentage", "fixed")


class SaleAdvancePaymentInv(models.TransientModel):
    """What was taken, what comes of it, and never more than the order."""

    _name = "sale.advance.payment.inv"
    _inherit = ["sale.advance.payment.inv", "avoir.number.mixin"]

    down_payment_invoice_ids = fields.Many2many(
        "account.move",
        string="Down Payments",
        compute="_compute_down_payments",
        compute_sudo=True,
    )
    down_payment_taken = fields.Monetary(
        string="Taken so far",
        compute="_compute_down_payments",
        compute_sudo=True,
        help="With taxes, drafts included, credit notes taken off.",
    )
    down_payment_left = fields.Monetary(
        string="Not deducted yet", compute="_compute_down_payments", compute_sudo=True
    )
    down_payment_max = fields.Monetary(
        string="At most now",
        compute="_compute_down_payments",
        compute_sudo=True,
        help="With taxes: what is neither invoiced nor taken as down payment yet.",
    )
    deduction = fields.Selection(
        [
            ("total", "As much as the invoice allows"),
            ("proportion", "In proportion to what is invoiced"),
        ],
        string="Deduct Down Payments",
        compute="_compute_deduction",
        store=True,
        readonly=False,
    )
    last_seen_id = fields.Integer(
        default=lambda self: self._default_last_seen_id(),
        help="The last down payment when this dialog was opened; -1 for none.",
    )
    preview_tax_totals = fields.Binary(compute="_compute_preview", exportable=False)
    preview_warning = fields.Char(compute="_compute_preview")

    # What to invoice
    choice = fields.Selection(
        [
            ("all", "All that can be invoiced"),
            ("lines", "Some lines"),
            ("category", "Some product categories"),
        ],
        string="Invoice",
        default="all",
        required=True,
    )
    invoiceable_line_ids = fields.Many2many(
        "sale.order.line", compute="_compute_invoiceable_line_ids", compute_sudo=True
    )
    invoiceable_categ_ids = fields.Many2many(
        "product.category", compute="_compute_invoiceable_line_ids", compute_sudo=True
    )
    left_out = fields.Char(compute="_compute_left_out", compute_sudo=True)
    line_ids = fields.Many2many(
        "sale.order.line",
        "sale_advance_payment_inv_line_rel",
        string="Lines",
        domain="[('id', 'in', invoiceable_line_ids)]",
    )
    categ_ids = fields.Many2many(
        "product.category",
        "sale_advance_payment_inv_categ_rel",
        string="Product Categories",
        domain="[('id', 'in', invoiceable_categ_ids)]",
    )
    split_by_category = fields.Boolean(
        string="One Invoice for Each Product Category",
    )

    # -- figures -----------------------------------------------------------------------

    @api.depends("sale_order_ids")
    def _compute_down_payments(self):
        for wizard in self:
            # As the user: a dialog tells nothing of orders that one may not read.
            orders = wizard.sale_order_ids._origin.sudo(False)
            orders = orders._filtered_access("read").sudo()
            figures = [order._get_down_payment_figures(True) for order in orders]
            wizard.down_payment_invoice_ids = orders._get_down_payment_invoices()
            wizard.down_payment_taken = sum(
                one["invoiced"] - one["credited"] for one in figures
            )
            wizard.down_payment_left = sum(one["left"] for one in figures)
            wizard.down_payment_max = (
                orders._get_down_payment_max() if len(orders) == 1 else 0.0
            )

    @api.model
    def _default_last_seen_id(self):
        if self.env.context.get("active_model") != "sale.order":
            return 0
        orders = self.env["sale.order"].browse(self.env.context.get("active_ids") or [])
        return self._get_last_down_payment(orders._filtered_access("read")).id or -1

    @api.model
    def _get_last_down_payment(self, orders):
        return orders._get_down_payment_invoices().sorted("id")[-1:]

    @api.depends("company_id")
    def _compute_deduction(self):
        for wizard in self:
            company = wizard.company_id or wizard.sale_order_ids.company_id[:1]
            company = company or self.env.company
            wizard.deduction = company.down_payment_deduction

    @api.depends("sale_order_ids")
    def _compute_invoiceable_line_ids(self):
        for wizard in self:
            lines = wizard.sale_order_ids._origin.order_line.filtered(
                lambda line: (
                    not line.display_type
                    and not line.is_downpayment
                    and line.qty_to_invoice
                )
            )
            wizard.invoiceable_line_ids = lines
            wizard.invoiceable_categ_ids = lines.product_id.categ_id

    @api.depends("sale_order_ids")
    def _compute_left_out(self):
        """Name what was ordered and is invoiced by delivery, but not delivered yet."""
        for wizard in self:
            orders = wizard.sale_order_ids._origin.sudo(False)
            lines = (
                orders._filtered_access("read")
                .sudo()
                .order_line.filtered(
                    lambda line: (
                        not line.display_type
                        and not line.is_downpayment
                        and line.product_id.invoice_policy == "delivery"
                        and line.product_uom_id.compare(
                            line.product_uom_qty,
                            max(line.qty_delivered, line.qty_invoiced),
                        )
                        > 0
                    )
                )
            )
            wizard.left_out = ", ".join(
                f"{line.product_uom_qty - line.qty_delivered:g} × "
                f"{line.product_id.display_name}"
                for line in lines
            )

    @api.depends(
        "advance_payment_method",
        "amount",
        "fixed_amount",
        "deduct_down_payments",
        "deduction",
        "choice",
        "line_ids",
        "categ_ids",
        "sale_order_ids",
    )
    def _compute_preview(self):
        for wizard in self:
            order = wizard.sale_order_ids._origin._filtered_access("read")
            wizard.preview_tax_totals = wizard.preview_warning = False
            if len(order) != 1:
                continue
            try:
                base_lines = wizard._preview_base_lines(order)
            except UserError as error:
                wizard.preview_warning = str(error)
                continue
            if base_lines:
                AccountTax = self.env["account.tax"]
                wizard.preview_tax_totals = AccountTax._get_tax_totals_summary(
                    base_lines, order.currency_id, order.company_id
                )

    def _preview_base_lines(self, order):
        """Return the base lines of the invoice that would be made; none is made."""
        if self.advance_payment_method not in DOWN_PAYMENTS:
            return order.with_context(
                **self._get_invoicing_context()
            )._preview_invoice_base_lines(self.deduct_down_payments)
        amount = self.amount
        if self.advance_payment_method == "fixed":
            amount = self.fixed_amount
        if amount <= 0:
            return []
        order = order.sudo()
        lines = order.order_line.filtered(lambda line: not line.display_type)
        return (
            self.env["account.tax"]
            .with_context(avoir_down_payment_order=order)
            ._prepare_down_payment_lines(
                order._prepare_base_lines_of(
                    {line: line.product_uom_qty for line in lines}
                ),
                order.company_id,
                "percent" if self.advance_payment_method == "percentage" else "fixed",
                amount,
                computation_key="down_payment,preview",
            )
        )

    # -- making the invoices -----------------------------------------------------------

    def _get_chosen_lines(self):
        """Return the order lines to invoice; None for all of them."""
        if self.choice == "lines":
            return self.line_ids
        if self.choice == "category":
            return self.invoiceable_line_ids.filtered(
                lambda line: line.product_id.categ_id in self.categ_ids
            )
        return None

    def _get_invoicing_context(self):
        context = {"avoir_deduction": self.deduction}
        lines = self._get_chosen_lines()
        if lines is not None:
            context["avoir_invoice_line_ids"] = tuple(lines._origin.ids)
        return context

    def create_invoices(self):
        """Invoice, and tell the payment steps of the orders that this invoices."""
        known = self.sale_order_ids.sudo().invoice_ids
        action = super().create_invoices()
        for order in self.sale_order_ids.sudo().filtered("payment_step_ids"):
            order.payment_step_ids._recognize(order.invoice_ids - known)
        return action

    def _create_invoices(self, sale_orders):
        """Invoice what was chosen; take a down payment under a lock of the order."""
        self.ensure_one()
        if not sale_orders:
            raise UserError(self.env._("Choose the order to invoice."))
        if self.advance_payment_method in DOWN_PAYMENTS:
            sale_orders._lock_for_down_payments()
            sale_orders.invalidate_recordset(["state", "order_line"])
            self._check_takes_down_payment(sale_orders)
            self._check_seen(sale_orders)
            wizard = self.with_context(avoir_down_payment_order=sale_orders.sudo())
            return super(SaleAdvancePaymentInv, wizard)._create_invoices(sale_orders)
        if self._get_chosen_lines() is not None and not self._get_chosen_lines():
            raise UserError(
                self.env._(
                    "Choose the lines or the product categories to invoice, or invoice "
                    "all that can be invoiced."
                )
            )
        context = self._get_invoicing_context()
        wizard = self.with_context(**context)
        orders = sale_orders.with_context(**context)
        if not self.split_by_category:
            return super(SaleAdvancePaymentInv, wizard)._create_invoices(orders)
        return wizard._create_invoices_by_category(orders)

    @api.model
    def _check_takes_down_payment(self, orders):
        """Raise for several orders, and for one that was cancelled meanwhile."""
        if len(orders) > 1:
            raise UserError(
                self.env._(
                    "A down payment is taken of one order at a time: open %(orders)s "
                    "one by one.",
                    orders=", ".join(orders.mapped("name")),
                )
            )
        if orders.state == "cancel":
            raise UserError(
                self.env._(
                    "%(order)s is cancelled: set it to quotation and confirm it before "
                    "you take a down payment.",
                    order=orders.name,
                )
            )

    def _check_seen(self, orders):
        """Raise where somebody took a down payment since this dialog was opened."""
        last = self._get_last_down_payment(orders)
        if not self.last_seen_id or self.last_seen_id == (last.id or -1):
            return
        if last.id < self.last_seen_id:  # what was seen is deleted
            return
        raise UserError(
            self.env._(
                "A down payment of %(amount)s was made on %(order)s meanwhile, by "
                "%(user)s: %(invoice)s. Close this dialog; open it again if you want "
                "one more.",
                amount=formatLang(
                    self.env, last.amount_total, currency_obj=last.currency_id
                ),
                order=orders.name,
                user=last.create_uid.name,
                invoice=last.display_name,
            )
        )

    def _create_invoices_by_category(self, orders):
        """Make one invoice for each category of products, down payments shared out."""
        lines = self._get_chosen_lines() or self.invoiceable_line_ids
        moves = self.env["account.move"]
        for _categ, group in lines.grouped(lambda li: li.product_id.categ_id).items():
            context = {"avoir_invoice_line_ids": tuple(group._origin.ids)}
            # pylint: disable-next=super-method-mismatch
            moves |= super(
                SaleAdvancePaymentInv, self.with_context(**context)
            )._create_invoices((orders & group.order_id).with_context(**context))
        return moves.with_context(avoir_invoice_line_ids=None)

    def action_open_down_payments(self):
        """Open the invoices of the down payments that were taken."""
        return self.down_payment_invoice_ids._get_records_action(
            name=self.env._("Down Payments")
        )
