import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

_logger = logging.getLogger(__name__)


class SalePaymentStep(models.Model):
    """A step of an order's payment schedule, invoiced once when it is due."""

    _name = "sale.payment.step"
    _inherit = ["sale.payment.step.mixin"]
    _description = "Payment Step of an Order"
    _check_company_auto = True

    name = fields.Char(translate=False)  # named in the customer's language
    order_id = fields.Many2one(
        "sale.order", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="order_id.company_id", store=True)
    currency_id = fields.Many2one(related="order_id.currency_id")
    invoice_ids = fields.One2many(
        "account.move", "payment_step_id", string="Invoices", copy=False
    )
    invoice_id = fields.Many2one(
        "account.move", compute="_compute_state", compute_sudo=True
    )
    invoice_name = fields.Char(
        string="Invoice Number", compute="_compute_state", compute_sudo=True
    )
    amount = fields.Monetary(
        string="Amount with Taxes", compute="_compute_state", compute_sudo=True
    )
    due_date = fields.Date(compute="_compute_state", compute_sudo=True)
    state = fields.Selection(
        [
            ("waiting", "To Come"),
            ("due", "Due"),
            ("draft", "Draft Invoice"),
            ("invoiced", "Invoiced"),
            ("paid", "Paid"),
            ("settled", "Settled"),
            ("cancel", "Cancelled"),
        ],
        compute="_compute_state",
        compute_sudo=True,
        help="Settled: the order is invoiced whole, by other invoices.",
    )

    @api.depends(
        "percent",
        "kind",
        "trigger",
        "days",
        "order_id.state",
        "order_id.amount_total",
        "order_id.invoice_status",
        "order_id.order_line.qty_delivered",
        "invoice_ids.state",
        "invoice_ids.payment_state",
    )
    def _compute_state(self):
        for step in self:
            invoice = step._get_invoice()
            step.invoice_id = invoice
            step.invoice_name = invoice.display_name if invoice else False
            step.amount = invoice.amount_total if invoice else step._get_amount()
            step.due_date = step._get_due_date()
            step.state = step._get_state(invoice)

    def _get_invoice(self):
        """Return the invoice of this step: neither cancelled nor credited whole."""
        return self.invoice_ids.filtered(
            lambda move: move.state != "cancel" and move.payment_state != "reversed"
        )[:1]

    def _get_amount(self):
        order = self.order_id
        if self.kind == "percent":
            return order.currency_id.round(order.amount_total * self.percent / 100)
        others = order.payment_step_ids.filtered(lambda step: step.kind == "percent")
        return order.amount_total - sum(step._get_amount() for step in others)

    def _get_due_date(self):
        if self.trigger != "date" or not self.order_id.date_order:
            return False
        return (self.order_id.date_order + timedelta(days=self.days)).date()

    def _get_state(self, invoice):
        if invoice:
            if invoice.state == "draft":
                return "draft"
            paid = invoice.payment_state in ("paid", "in_payment")
            return "paid" if paid else "invoiced"
        if self.order_id.state == "cancel":
            return "cancel"
        if self.order_id.invoice_status == "invoiced":
            return "settled"
        return "due" if self._is_due() else "waiting"

    def _is_due(self):
        order = self.order_id
        if order.state != "sale":
            return False
        if self.trigger == "order":
            return True
        if self.trigger == "date":
            due = self._get_due_date()
            return bool(due) and due <= fields.Date.context_today(self)
        lines = order._get_goods_lines()
        if self.trigger == "delivery":
            goods = lines.filtered(lambda line: line.product_id.type == "consu")
            lines = goods or lines
        return all(
            line.product_uom_id.compare(line.qty_delivered, line.product_uom_qty) >= 0
            for line in lines
        )

    # -- what is invoiced stays as it is -----------------------------------------------

    def write(self, values):
        """Refuse another part or another order for a step that is invoiced."""
        before = {step: (step.order_id, step.kind, step.percent) for step in self}
        result = super().write(values)
        for step, was in before.items():
            if was != (step.order_id, step.kind, step.percent):
                step._check_not_invoiced()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_invoiced(self):
        self._check_not_invoiced()

    def _check_not_invoiced(self):
        for step in self:
            invoice = step.sudo()._get_invoice()
            if invoice:
                raise UserError(
                    self.env._(
                        "The step %(step)s of %(order)s is invoiced by %(invoice)s and "
                        "stays as it is: cancel or credit that invoice first.",
                        step=step.name,
                        order=step.order_id.name,
                        invoice=invoice.display_name,
                    )
                )

    # -- invoicing ---------------------------------------------------------------------

    def action_invoice(self):
        """Make the draft invoices of these steps, due or not: by hand one may be early.

        :return: the action that opens them
        :raise UserError: for steps that have one, or orders that are not confirmed
        """
        invoices = self._create_invoices()
        return self.order_id[:1].action_view_invoice(invoices=invoices)

    def action_open_invoice(self):
        """Open the invoice of this step."""
        self.ensure_one()
        return self.order_id.action_view_invoice(invoices=self.invoice_id)

    def _create_invoices(self):
        """Return the draft invoices of these steps, one each."""
        invoices = self.env["account.move"]
        for step in self:
            step.order_id._lock_for_down_payments()
            step.invalidate_recordset(["invoice_ids"])
            step._check_can_be_invoiced()
            invoice = step._create_invoice()
            # sudo: salespeople make invoices that they may not write
            invoice.sudo().payment_step_id = step
            invoices |= invoice
        return invoices

    def _check_can_be_invoiced(self):
        if self.order_id.state != "sale":
            raise UserError(
                self.env._(
                    "%(order)s is not confirmed: confirm it before invoicing the step "
                    "%(step)s.",
                    order=self.order_id.name,
                    step=self.name,
                )
            )
        invoice = self.sudo()._get_invoice()
        if invoice:
            raise UserError(
                self.env._(
                    "The step %(step)s of %(order)s is invoiced already, by "
                    "%(invoice)s.",
                    step=self.name,
                    order=self.order_id.name,
                    invoice=invoice.display_name,
                )
            )

    def _create_invoice(self):
        order = self.order_id
        if self.kind == "rest":
            return order._create_invoices(final=True)[:1]
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [(6, 0, order.ids)],
                "advance_payment_method": "percentage",
                "amount": self.percent,
            }
        )
        return wizard._create_invoices(order)

    def _recognize(self, invoices):
        """Take invoices that were made by the order's own button for these steps.

        A down payment of the same percentage, and the one that invoices the rest.
        """
        for invoice in invoices.filtered(lambda move: not move.payment_step_id):
            kind = "percent" if invoice._is_down_payment_invoice() else "rest"
            for step in self.filtered(lambda step, kind=kind: step.kind == kind):
                if not step._get_invoice() and step._is_invoiced_by(invoice):
                    invoice.payment_step_id = step
                    break

    def _is_invoiced_by(self, invoice):
        order = self.order_id
        if self.kind == "rest":
            return order.invoice_status == "invoiced"
        tolerance = order.currency_id.rounding * (len(invoice.invoice_line_ids) + 0.5)
        return (
            invoice.currency_id == order.currency_id
            and abs(invoice.amount_total - self._get_amount()) <= tolerance
        )

    @api.model
    def _cron_invoice(self):
        """Invoice the steps that are due, where the company wants it.

        Each on its own: one that cannot be invoiced gets an activity, once, and keeps
        no other from it.
        """
        steps = self.search(
            [
                ("order_id.state", "=", "sale"),
                ("company_id.payment_schedule_mode", "!=", "manual"),
            ]
        ).filtered(lambda step: step.state == "due")
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(steps))
        for step in steps:
            step._invoice_by_cron()
            cron._commit_progress(1)

    def _invoice_by_cron(self):
        step = self.with_company(self.company_id)
        try:
            with self.env.cr.savepoint():
                invoice = step._create_invoices()
                if self.company_id.payment_schedule_mode == "post":
                    invoice.action_post()
        except (UserError, ValidationError) as error:
            _logger.info("Step %s of %s: %s", self.name, self.order_id.name, error)
            self._tell_cannot_be_invoiced(str(error))

    def _tell_cannot_be_invoiced(self, why):
        order = self.order_id
        summary = self.env._("Payment step not invoiced: %(step)s", step=self.name)
        if summary not in order.activity_ids.mapped("summary"):
            order.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=summary,
                note=why,
                user_id=order.user_id.id or self.env.uid,
            )

    # -- what the customer reads -------------------------------------------------------

    def _get_trigger_text(self):
        """Say when the step is due, in the language of the environment."""
        if self.trigger == "date":
            if self.order_id.state != "sale":
                return self.env._("%(days)s days after the order", days=self.days)
            return False
        return {
            "order": self.env._("When the order is confirmed"),
            "delivery": self.env._("When the goods are delivered"),
            "completion": self.env._("When everything is done"),
        }[self.trigger]


class SaleOrder(models.Model):
    _inherit = "sale.order"

    payment_schedule_id = fields.Many2one("sale.payment.schedule", check_company=True)
    payment_step_ids = fields.One2many(
        "sale.payment.step",
        "order_id",
        string="Payment Steps",
        compute="_compute_payment_step_ids",
        store=True,
        readonly=False,
        copy=True,
    )

    @api.depends("payment_schedule_id")
    def _compute_payment_step_ids(self):
        for order in self:
            schedule = order.payment_schedule_id
            if not schedule or order.payment_step_ids.invoice_ids:
                continue
            lines = schedule.line_ids
            order.payment_step_ids = [
                (5, 0, 0),
                *lines._prepare_steps(order.partner_id.lang),
            ]

    @api.constrains("payment_step_ids")
    def _check_payment_steps(self):
        for order in self:
            order.payment_step_ids._check_steps()

    def action_confirm(self):
        result = super().action_confirm()
        self._trigger_payment_schedule()
        return result

    def _trigger_payment_schedule(self):
        """Have the cron look for steps that became due."""
        modes = self.filtered("payment_step_ids").company_id.mapped(
            "payment_schedule_mode"
        )
        if set(modes) - {"manual"}:
            # sudo: whoever confirms or delivers need not see the cron
            self.env.ref("avoir.ir_cron_payment_schedule").sudo()._trigger()


class AccountMove(models.Model):
    _inherit = "account.move"

    payment_step_id = fields.Many2one(
        "sale.payment.step",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )


class StockPicking(models.Model):
    _inherit = "stock.picking"

    def _action_done(self):
        result = super()._action_done()
        # sudo: the warehouse does not read orders
        self.sudo().sale_id._trigger_payment_schedule()
        return result


class ResCompany(models.Model):
    _inherit = "res.company"

    payment_schedule_mode = fields.Selection(
        [
            ("manual", "By hand"),
            ("draft", "Make drafts"),
            ("post", "Make and post"),
        ],
        string="Invoicing of Payment Steps",
        default="manual",
        required=True,
        help="What becomes of a step of a payment schedule when it is due.",
    )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    payment_schedule_mode = fields.Selection(
        related="company_id.payment_schedule_mode", readonly=False
    )
