from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.account_move_credit import CREDITABLE_TYPES
from ..tools.credit import ChargeLine, CreditRequest

REFUND_METHODS = [
    ("partial", "Partial credit"),
    ("cancel", "Full cancel"),
    ("redraft", "Cancel and redraft"),
]


class AccountMoveReversal(models.TransientModel):
    """Core's reversal wizard, with partial credits, reasons and their consequences.

    Opened on invoices and bills it has a ``refund_method`` and works as described
    here; journal entries and callers that know nothing of it keep core's way.
    """

    _inherit = "account.move.reversal"

    refund_method = fields.Selection(
        REFUND_METHODS,
        string="Credit Method",
        compute="_compute_from_reason",
        store=True,
        readonly=False,
    )
    refund_reason_id = fields.Many2one(
        "account.refund.reason", string="Reason for the Credit", check_company=True
    )
    note_required = fields.Boolean(related="refund_reason_id.note_required")
    refund_note = fields.Text(string="Explanation")
    line_ids = fields.One2many("account.move.reversal.line", "wizard_id")
    fill = fields.Selection(
        [("all", "Everything that is left"), ("none", "Clear")],
        store=False,
        help="Fills in the lines, or empties them.",
    )
    credit_by = fields.Selection(
        [
            ("line", "Lines"),
            ("amount", "Amount"),
            ("percent", "Percentage"),
        ],
        required=True,
        default="line",
        help="Lines: say for each line how many or how much.\n"
        "Amount: a total with taxes, spread over all that is left.\n"
        "Percentage: a part of all that is left.",
    )
    credit_amount = fields.Monetary(string="Amount with Taxes")
    credit_percent = fields.Float(string="Percentage", digits=(5, 2))
    fee_type = fields.Selection(
        [("amount", "Amount"), ("percent", "Percentage")],
        string="Fee",
        help="What is kept back, for restocking or as a penalty: a line of its own.",
    )
    fee_value = fields.Float(
        help="Before taxes; the percentage is of the untaxed amount credited."
    )
    fee_product_id = fields.Many2one(
        "product.product",
        default=lambda self: self.env.ref(
            "avoir.product_restocking_fee", raise_if_not_found=False
        ),
    )
    invoice_again = fields.Boolean(
        compute="_compute_from_reason",
        store=True,
        readonly=False,
        help="What is credited is to be invoiced again on the sales order.",
    )
    return_goods = fields.Boolean(
        compute="_compute_from_reason",
        store=True,
        readonly=False,
        help="The warehouse gets a return transfer for what is credited.",
    )
    has_order = fields.Boolean(compute="_compute_has_order")
    has_delivery = fields.Boolean(compute="_compute_has_order")
    has_foreign_currency = fields.Boolean(compute="_compute_has_order")
    currency_rate_date = fields.Selection(
        [("invoice", "Of the invoice"), ("day", "Of the credit note's date")],
        string="Exchange Rate",
        required=True,
        default="invoice",
    )
    post = fields.Boolean(
        string="Post at Once", default=True, help="Else it is left as a draft."
    )
    send = fields.Boolean(string="Send by Email")

    # -- defaults ----------------------------------------------------------------------

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        moves = self.env["account.move"].browse(
            [res_id for command in values.get("move_ids", []) for res_id in command[2]]
        )
        if self.env.context.get("refund_wizard") and moves:
            values.update(self._refund_defaults(moves))
        return values

    @api.model
    def _refund_defaults(self, moves):
        if all(move.move_type not in CREDITABLE_TYPES for move in moves):
            return {}
        moves._check_can_be_credited()
        values = {"journal_id": moves.journal_id.filtered("active")[:1].id}
        if len(moves) > 1:
            return {**values, "refund_method": "cancel", "credit_by": "percent"}
        lines = moves.invoice_line_ids.filtered(
            lambda line: (
                line.display_type == "product"
                and (line.creditable_quantity or line.creditable_subtotal)
            )
        )
        return {
            **values,
            "refund_method": "partial",
            "line_ids": [(0, 0, {"move_line_id": line.id}) for line in lines],
        }

    @api.depends("refund_reason_id")
    def _compute_from_reason(self):
        for wizard in self:
            reason = wizard.refund_reason_id
            if not reason or not wizard._credits_invoices():
                continue
            single = len(wizard.move_ids) == 1
            if single or reason.refund_method != "partial":
                wizard.refund_method = reason.refund_method
            wizard.invoice_again = reason.invoice_again
            wizard.return_goods = reason.return_goods and wizard.has_delivery

    def _credits_invoices(self):
        return all(move.move_type in CREDITABLE_TYPES for move in self.move_ids._origin)

    @api.depends("move_ids")
    def _compute_has_order(self):
        for wizard in self:
            moves = wizard.move_ids._origin
            order_lines = moves.invoice_line_ids.sale_line_ids.sudo()
            wizard.has_order = bool(order_lines)
            wizard.has_delivery = any(
                move.state == "done" and move.location_dest_id.usage == "customer"
                for move in order_lines.move_ids
            )
            wizard.has_foreign_currency = any(
                move.currency_id != move.company_currency_id for move in moves
            )

    # -- buttons -----------------------------------------------------------------------

    @api.onchange("fill")
    def _onchange_fill(self):
        if self.fill:
            self.line_ids._fill(everything=self.fill == "all")
            self.fill = False

    def action_credit(self):
        """Create the credit notes; the button of the form.

        :return: the action that opens them, or the replacement drafts
        :raise UserError: naming the line and the limit; nothing is then created
        """
        return self.reverse_moves(is_modify=self.refund_method == "redraft")

    def reverse_moves(self, is_modify=False):
        self.ensure_one()
        if not self.refund_method or not self._credits_invoices():
            return super().reverse_moves(is_modify)
        if self.new_move_ids:
            # Pressed twice.
            return self._open_new_moves()
        if is_modify:
            self.refund_method = "redraft"
        self._check_refund()
        redraft = self.refund_method == "redraft"
        payments = self.move_ids._free_payments() if redraft else {}
        credit_notes = self.env["account.move"]._create_credit_notes(
            self._prepare_credit_requests(), post=redraft or self.post
        )
        if redraft:
            self._check_redraft_posted(credit_notes)
        if self.return_goods:
            credit_notes._return_credited_goods()
        if redraft:
            self.new_move_ids = self.move_ids._create_replacements(
                payments, {"invoice_date": self.date}
            )
        else:
            self.new_move_ids = credit_notes
        if self.send:
            self._send(credit_notes)
        return self._open_new_moves()

    def _check_redraft_posted(self, credit_notes):
        """No replacement draft beside an invoice that is still open."""
        waiting = credit_notes.filtered(lambda move: move.state != "posted")
        if waiting:
            raise UserError(
                self.env._(
                    "%(invoices)s: a credit of this amount needs the approval of a "
                    "manager. Have a manager cancel and redraft it, or choose Full "
                    "cancel: the credit note then waits for approval.",
                    invoices=", ".join(waiting.reversed_entry_id.mapped("name")),
                )
            )

    def _send(self, credit_notes):
        posted = credit_notes.filtered(lambda move: move.state == "posted")
        if posted:
            self.env["account.move.send"]._generate_and_send_invoices(
                posted, sending_methods=["email"], allow_fallback_pdf=True
            )

    def _open_new_moves(self):
        moves = self.new_move_ids
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Credit Notes"),
            "res_model": "account.move",
            "context": {"default_move_type": moves[:1].move_type},
        }
        if len(moves) == 1:
            return {**action, "view_mode": "form", "res_id": moves.id}
        return {
            **action,
            "view_mode": "list,form",
            "domain": [("id", "in", moves.ids)],
        }

    # -- checks ------------------------------------------------------------------------

    def _check_refund(self):
        """Raise a ``UserError`` for what the form cannot tell by itself."""
        reason = self.refund_reason_id
        if not reason:
            raise UserError(
                self.env._("Choose the reason for the credit: it is printed on it.")
            )
        if not reason.active:
            raise UserError(
                self.env._(
                    "The reason %(reason)s is archived: choose another.",
                    reason=reason.name,
                )
            )
        if reason.note_required and not (self.refund_note or "").strip():
            raise UserError(
                self.env._(
                    "The reason %(reason)s asks for an explanation.",
                    reason=reason.name,
                )
            )
        self._check_refund_date()
        self._check_fee()

    def _check_refund_date(self):
        """A cancellation takes effect now: not a draft beside an open invoice."""
        today = fields.Date.context_today(self)
        methods = dict(self._fields["refund_method"]._description_selection(self.env))
        if self.refund_method != "partial" and self.date > today:
            raise UserError(
                self.env._(
                    "%(method)s takes effect at once and cannot be dated %(date)s: "
                    "choose today's date, or come back then.",
                    method=methods[self.refund_method],
                    date=self.date,
                )
            )

    def _has_fee(self):
        # What is kept back would leave the invoice open beside its replacement.
        return bool(self.fee_type) and self.refund_method != "redraft"

    def _check_fee(self):
        if not self._has_fee():
            return
        if self.fee_value <= 0 or (self.fee_type == "percent" and self.fee_value > 100):
            raise UserError(
                self.env._(
                    "The fee has to be above zero and at most what is credited: "
                    "%(fee)s is not.",
                    fee=f"{self.fee_value:g}",
                )
            )
        if not self.fee_product_id:
            raise UserError(
                self.env._("Choose the product of the fee: it gives account and taxes.")
            )

    # -- what is asked of the credit notes ---------------------------------------------

    def _prepare_credit_requests(self):
        """Return one ``CreditRequest`` for each invoice of the wizard."""
        self.ensure_one()
        return [self._prepare_credit_request(move) for move in self.move_ids]

    def _prepare_credit_request(self, move):
        request = CreditRequest(
            move,
            day_rate=self.currency_rate_date == "day",
            values=self._prepare_refund_values(move),
        )
        if self.refund_method == "partial":
            self._set_partial(request)
        if self._has_fee():
            request.charges.append(
                ChargeLine(self.fee_product_id, self._fee_amount(request))
            )
        if self.refund_method == "cancel":
            request.charges += move._prepare_early_payment_charges()
        return request

    def _set_partial(self, request):
        if len(self.move_ids) > 1 and self.credit_by != "percent":
            raise UserError(
                self.env._(
                    "Several invoices at once are credited in full or by percentage. "
                    "Open them one by one to credit lines or an amount."
                )
            )
        if self.credit_by == "line":
            request.lines = [
                line._prepare_credit_line() for line in self.line_ids if line.is_asked
            ]
            if not request.lines:
                raise UserError(
                    self.env._(
                        "No line of %(invoice)s says what to credit: enter a quantity "
                        "or an amount, or choose Full cancel.",
                        invoice=request.invoice.name,
                    )
                )
            return
        left = request.invoice._creditable_total()
        total = self.credit_amount
        if self.credit_by == "percent":
            if not 0 < self.credit_percent <= 100:
                raise UserError(
                    self.env._(
                        "The percentage has to be above 0 and at most 100: "
                        "%(percent)s is not.",
                        percent=f"{self.credit_percent:g}",
                    )
                )
            total = left * self.credit_percent / 100
        if request.invoice.currency_id.compare_amounts(total, 0.0) <= 0:
            raise UserError(
                self.env._(
                    "Enter the amount to credit on %(invoice)s, above zero.",
                    invoice=request.invoice.name,
                )
            )
        request.total = request.invoice.currency_id.round(total)

    def _fee_amount(self, request):
        if self.fee_type == "amount":
            return self.fee_value
        currency = request.invoice.currency_id
        return currency.round(
            request.invoice._credit_request_untaxed(request) * self.fee_value / 100
        )

    def _prepare_refund_values(self, move):
        values = {
            "invoice_date": self.date,
            "refund_reason_id": self.refund_reason_id.id,
            "refund_note": self.refund_note,
            "refund_method": self.refund_method,
            # A replacement invoices the same lines again by itself.
            "invoice_again": self.invoice_again or self.refund_method == "redraft",
            "return_goods": self.return_goods,
        }
        if len(self.move_ids.journal_id) == 1:
            values["journal_id"] = self.journal_id.id
        return values
