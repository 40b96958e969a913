from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountDiscountCredit(models.TransientModel):
    """A discount given afterwards: on an invoice, or outside any."""

    _name = "account.discount.credit"
    _inherit = ["avoir.number.mixin"]
    _description = "Discount by Credit Note"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    move_ids = fields.Many2many("account.move", string="Invoices", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer")
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        store=True,
        readonly=False,
    )
    kind = fields.Selection(
        [("percent", "Percentage"), ("amount", "Amount with taxes")],
        string="Discount",
        default="percent",
        required=True,
    )
    percent = fields.Float(digits=(5, 2))
    amount = fields.Monetary()
    creditable = fields.Monetary(
        string="Left to Credit", compute="_compute_total", compute_sudo=True
    )
    total = fields.Monetary(
        string="Total Credited",
        compute="_compute_total",
        compute_sudo=True,
        help="With taxes.",
    )
    tax_totals = fields.Binary(compute="_compute_preview", exportable=False)
    preview_message = fields.Char(compute="_compute_preview")
    will_post = fields.Boolean(compute="_compute_will_post", compute_sudo=True)
    tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes",
        check_company=True,
        domain="[('type_tax_use', '=', 'sale'), ('company_id', '=', company_id)]",
        compute="_compute_tax_ids",
        store=True,
        readonly=False,
    )
    product_id = fields.Many2one(
        "product.product",
        required=True,
        check_company=True,
        domain="[('type', '=', 'service')]",
        default=lambda self: self._default_product(),
    )
    reason_id = fields.Many2one(
        "account.refund.reason",
        required=True,
        check_company=True,
        default=lambda self: self._default_reason(),
    )
    note = fields.Text(string="Explanation", help="Printed on the credit note.")
    date = fields.Date(required=True, default=fields.Date.context_today)
    credit_note_ids = fields.Many2many(
        "account.move", "account_discount_credit_note_rel"
    )

    @api.model
    def default_get(self, fields_list):
        """Take the invoices or the customer that the wizard is opened on.

        :raise UserError: naming the invoice of which nothing is left to credit
        """
        values = super().default_get(fields_list)
        ids = self.env.context.get("active_ids") or []
        model = self.env.context.get("active_model")
        if model == "account.move" and ids:
            moves = self.env["account.move"].browse(ids)
            self._check_something_left(moves)
            values.update(
                move_ids=[(6, 0, moves.ids)],
                company_id=moves[:1].company_id.id,
                partner_id=moves[:1].partner_id.id,
            )
        elif model == "res.partner" and ids:
            values.update(partner_id=ids[0], kind="amount")
        elif not ids:
            values["kind"] = "amount"
        return values

    @api.model
    def _check_something_left(self, moves):
        empty = moves.filtered(
            lambda move: move.currency_id.is_zero(move._creditable_total())
        )
        if empty:
            raise UserError(
                self.env._(
                    "%(invoices)s: nothing is left to give a discount on. Credit notes,"
                    " drafts too, have credited it all.",
                    invoices=", ".join(empty.mapped("display_name")),
                )
            )

    @api.model
    def _default_product(self):
        product = self.env.ref("avoir.product_discount", raise_if_not_found=False)
        return (product or self.env["product.product"]).filtered("active")

    @api.model
    def _default_reason(self):
        on_invoice = self.env.context.get("active_model") == "account.move"
        name = "refund_reason_price" if on_invoice else "refund_reason_rebate"
        reason = self.env.ref(f"avoir.{name}", raise_if_not_found=False)
        return (reason or self.env["account.refund.reason"]).filtered("active")

    @api.depends("move_ids", "company_id")
    def _compute_currency_id(self):
        for wizard in self:
            currency = wizard.move_ids.currency_id[:1]
            wizard.currency_id = currency or wizard.company_id.currency_id

    @api.depends("company_id")
    def _compute_tax_ids(self):
        for wizard in self:
            wizard.tax_ids = wizard.company_id.account_sale_tax_id

    @api.depends("move_ids", "kind", "percent", "amount")
    def _compute_total(self):
        for wizard in self:
            moves = wizard.move_ids._origin
            wizard.creditable = sum(move._creditable_total() for move in moves)
            wizard.total = wizard.amount
            if wizard.kind == "percent":
                wizard.total = sum(wizard._get_totals().values())

    @api.depends("move_ids", "kind", "percent", "amount", "tax_ids", "product_id")
    def _compute_preview(self):
        """Show the VAT by rate of what would be credited now."""
        for wizard in self:
            wizard.tax_totals = wizard.preview_message = False
            currency = wizard.currency_id
            if not wizard.total or len(wizard.move_ids.currency_id) > 1:
                continue
            try:
                wizard._check_amount()
                base_lines = wizard._prepare_base_lines()
            except UserError as error:
                wizard.preview_message = error.args[0]
                continue
            wizard.tax_totals = self.env["account.tax"]._get_tax_totals_summary(
                base_lines, currency, wizard.company_id
            )

    def _prepare_base_lines(self):
        moves = self.env["account.move"].with_company(self.company_id)
        if not self.move_ids:
            return [
                moves._prepare_discount_base_line(
                    self.partner_id, self.amount, self.tax_ids, self.currency_id
                )
            ]
        requests = moves._prepare_discount_requests(self.product_id, self._get_totals())
        return [
            base_line
            for request in requests
            for base_line in request.invoice._preview_credit_note(request)
        ]

    @api.depends("move_ids", "kind", "percent", "amount", "date", "reason_id")
    @api.depends_context("uid")
    def _compute_will_post(self):
        """Tell whether the button posts: not what waits for a manager or its day."""
        moves = self.env["account.move"]
        may_approve = moves.with_user(self.env.uid)._may_approve_refunds()
        for wizard in self:
            limit = 0.0 if may_approve else wizard.reason_id.approval_amount
            is_due = not wizard.date or wizard.date <= fields.Date.context_today(self)
            wizard.will_post = is_due and not (
                limit and any(amount > limit for amount in wizard._get_own_amounts())
            )

    def _get_own_amounts(self):
        """Return what each credit note comes to in the currency of the company."""
        if self.move_ids:
            return [
                total / (move.invoice_currency_rate or 1.0)
                + move._credited_without_approval(self.reason_id)
                for move, total in self._get_totals().items()
            ]
        own = self.company_id.currency_id
        return [
            self.currency_id._convert(
                self.amount, own, self.company_id, self.date or fields.Date.today()
            )
        ]

    def _get_totals(self):
        """Return what to give back by invoice, with taxes.

        A percentage is of what is left: on what was credited before, goods that came
        back for instance, there is no discount.
        """
        moves = self.move_ids._origin
        if self.kind == "percent":
            return {
                move: move.currency_id.round(
                    move._creditable_total() * self.percent / 100
                )
                for move in moves
            }
        return {move: self.amount for move in moves}

    def action_credit(self):
        """Make and post the credit notes, where they need no approval.

        :return: the action that shows them
        :raise UserError: where the discount is nothing, or above what is left
        """
        self.ensure_one()
        if not self.credit_note_ids:  # else pressed twice
            self._check_discount()
            self.credit_note_ids = self._create_credit_notes()
        return self.credit_note_ids._get_records_action(name=self.env._("Credit Notes"))

    def _create_credit_notes(self):
        values = {
            "refund_reason_id": self.reason_id.id,
            "refund_note": self.note,
            "invoice_date": self.date,
        }
        moves = self.env["account.move"].with_company(self.company_id)
        if self.move_ids:
            return moves._create_discount_credit_notes(
                self.product_id, self._get_totals(), values
            )
        return moves._create_credit_note_without_invoice(
            self.product_id,
            self.partner_id,
            self.amount,
            self.tax_ids,
            self.currency_id,
            values,
        )

    def _check_amount(self):
        if self.kind == "percent" and not 0 < self.percent <= 100:
            raise UserError(
                self.env._(
                    "The discount has to be above 0 and at most 100 %%: %(percent)s is "
                    "not.",
                    percent=f"{self.percent:g}",
                )
            )
        if self.kind == "amount" and self.amount <= 0:
            raise UserError(self.env._("Enter the amount of the discount."))
        if self.kind == "amount" and len(self.move_ids) > 1:
            raise UserError(
                self.env._(
                    "An amount is given on one invoice at a time; a percentage on "
                    "several."
                )
            )

    def _check_discount(self):
        self._check_amount()
        if not self.move_ids and not self.partner_id:
            raise UserError(self.env._("Choose the customer of the discount."))
        if not self.move_ids and self.kind == "percent":
            raise UserError(self.env._("Outside any invoice, a discount is an amount."))
        if self.reason_id.note_required and not (self.note or "").strip():
            raise UserError(
                self.env._(
                    "The reason %(reason)s asks for an explanation.",
                    reason=self.reason_id.name,
                )
            )
