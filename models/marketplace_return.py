from operator import methodcaller

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import LazyTranslate

# From each state to those that can follow.
_transitions = {
    "announced": {"new", "declined", "cancelled", "done"},
    "new": {"unmatched", "matched", "declined", "cancelled", "done"},
    "unmatched": {"new", "matched", "declined", "cancelled", "done"},
    "matched": {"new", "unmatched", "approved", "declined", "cancelled", "done"},
    "approved": {"waiting", "received", "done", "cancelled"},
    "waiting": {"received", "done", "cancelled"},
    "received": {"waiting", "done", "cancelled"},
    "done": {"received"},
    "declined": {"new", "announced"},
    "cancelled": {"new", "announced"},
}

# What is done with a return in each state, one after the other. Each step ends in
# another state, or in a text that says what is missing.
_steps = (
    ("new", "_step_match"),
    ("matched", "_step_approve"),
    ("approved", "_step_return_goods"),
    ("received", "_step_credit"),
)

NOTHING_MISSING = {
    "missing": False,
    "traceback": False,
    "next_try": False,
    "attempts": 0,
}
CLOSED = ("done", "declined", "cancelled")
# Who sees amounts: everyone with a role in refunds or in accounting.
AMOUNTS = (
    "avoir.group_refund_user,account.group_account_invoice,"
    "account.group_account_readonly"
)

_lt = LazyTranslate(__name__)


class MarketplaceReturn(models.Model):
    """What a customer of a marketplace sends back or gets back, from the notice to the
    credit note.

    Matched to order and invoice, approved, received, credited: see ``_steps``. Each
    step works on a set of returns and is committed with its result, so that a process
    killed at any point neither loses a return nor credits it twice.
    """

    _name = "marketplace.return"
    _description = "Marketplace Return"
    _inherit = [
        "marketplace.told",
        "marketplace.work",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", store=True)
    account_id = fields.Many2one(
        "marketplace.account", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(
        related="account_id.company_id", store=True, index=True
    )
    external_id = fields.Char("Marketplace Id", required=True, readonly=True)
    kind = fields.Selection(
        [("refund", "Refund"), ("return", "Return of goods")],
        required=True,
        readonly=True,
    )
    marketplace_state = fields.Selection(
        [
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("pending", "Payment pending"),
            ("refunded", "Refunded"),
            ("declined", "Declined"),
            ("cancelled", "Cancelled"),
            ("closed", "Closed"),
        ],
        "State at the Marketplace",
        readonly=True,
    )
    state = fields.Selection(
        [
            ("announced", "Announced"),
            ("new", "New"),
            ("unmatched", "Unmatched"),
            ("matched", "To Approve"),
            ("approved", "Approved"),
            ("waiting", "Waiting for Goods"),
            ("received", "To Credit"),
            ("done", "Done"),
            ("declined", "Declined"),
            ("cancelled", "Cancelled"),
        ],
        default="new",
        required=True,
        readonly=True,
        index=True,
        group_expand=True,
    )
    missing = fields.Text(
        "What Is Missing",
        translate=True,  # stored in every language that is installed
        readonly=True,
        copy=False,
        groups=AMOUNTS,  # it may name some
        help="What a person has to decide or to fill in before it goes on.",
    )
    is_open = fields.Boolean(compute="_compute_is_waiting", store=True)
    is_waiting = fields.Boolean(
        "Waits for a Person", compute="_compute_is_waiting", store=True
    )

    # -- as the marketplace tells it -------------------------------------------
    order_external_id = fields.Char("Order at the Marketplace", readonly=True)
    order_ref = fields.Char("Order Number", readonly=True)
    order_refs = fields.Json(readonly=True)
    return_external_id = fields.Char("Return at the Marketplace", readonly=True)
    occurred_at = fields.Datetime("Date", readonly=True)
    reason = fields.Char("Customer's Reason", readonly=True)
    fulfilled_by = fields.Selection(
        [("seller", "The seller"), ("marketplace", "The marketplace")],
        "Stock Kept by",
        readonly=True,
    )
    note = fields.Text("Remark", readonly=True)
    customer_language = fields.Char("Language", readonly=True)
    customer_email = fields.Char("Email", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amounts = fields.Json(readonly=True, groups=AMOUNTS)
    is_amount_known = fields.Boolean(readonly=True)
    amount_total = fields.Monetary(
        "Paid Back", readonly=True, groups=AMOUNTS, help="With tax, as announced."
    )
    amount_computed = fields.Monetary(
        "By the Invoice",
        readonly=True,
        groups=AMOUNTS,
        help="What the credit note would come to, with tax.",
    )
    amount_choice = fields.Selection(
        [("announced", "What was paid back"), ("invoice", "By the invoice")],
        "Amount to Credit",
        readonly=True,
        copy=False,
        tracking=True,
        help="What a person decided where the two amounts differ.",
    )
    line_ids = fields.One2many("marketplace.return.line", "return_id", string="Lines")
    inbox_ids = fields.Many2many(
        "marketplace.message",
        "marketplace_message_return_rel",
        "return_id",
        "message_id",
        string="Messages of the Marketplace",
        readonly=True,
        groups="avoir.group_refund_user",
    )

    # -- what it is about ------------------------------------------------------
    sale_order_id = fields.Many2one(
        "sale.order",
        "Sales Order",
        check_company=True,
        index="btree_not_null",
        tracking=True,
        domain="[('company_id', '=', company_id), ('state', '=', 'sale')]",
    )
    invoice_id = fields.Many2one(
        "account.move",
        check_company=True,
        index="btree_not_null",
        tracking=True,
        domain="[('company_id', '=', company_id), ('state', '=', 'posted'),"
        " ('move_type', '=', 'out_invoice')]",
        help="Needed where there is no order, or several invoices to choose from.",
    )
    partner_id = fields.Many2one("res.partner", compute="_compute_partner_id")
    parent_id = fields.Many2one(
        "marketplace.return",
        "Return of the Goods",
        readonly=True,
        index="btree_not_null",
        help="The goods come back with this return; the refund follows its receipt.",
    )
    child_ids = fields.One2many("marketplace.return", "parent_id", string="Refunds")
    marketplace_reason_id = fields.Many2one(
        "marketplace.reason", "Reason Told", readonly=True, index="btree_not_null"
    )
    refund_reason_id = fields.Many2one(
        "account.refund.reason", "Reason", check_company=True
    )

    # -- what came of it -------------------------------------------------------
    is_credited_without_goods = fields.Boolean(
        "Credited without Goods", readonly=True, copy=False, tracking=True
    )
    picking_ids = fields.Many2many(
        "stock.picking", compute="_compute_picking_ids", string="Return Transfers"
    )
    picking_count = fields.Integer(compute="_compute_picking_ids")
    credit_note_ids = fields.One2many(
        "account.move", "marketplace_return_id", string="Credit Notes", groups=AMOUNTS
    )
    credit_note_count = fields.Integer(
        compute="_compute_credit_note_count", groups=AMOUNTS
    )
    credit_note_names = fields.Char(
        "Credited by",
        compute="_compute_credit_note_count",
        groups=AMOUNTS,
        help="The numbers of its credit notes.",
    )
    amount_credited = fields.Monetary(
        "Credited", compute="_compute_credit_note_count", groups=AMOUNTS
    )

    _external_unique = models.UniqueIndex("(account_id, external_id)")
    _to_process = models.Index(
        "(state, id) WHERE is_waiting IS NOT TRUE"
        " AND state IN ('new', 'matched', 'approved', 'received')"
    )
    _order_external = models.Index("(account_id, order_external_id)")

    @api.depends("order_ref", "order_external_id", "external_id")
    def _compute_name(self):
        """Order and number: by these it is found. What kind it is, its title says."""
        for record in self:
            order = record.order_ref or record.order_external_id
            kind, _colon, number = (record.external_id or "").partition(":")
            record.name = " · ".join(filter(None, [order, number or kind]))

    @api.depends("name", "kind")
    @api.depends_context("lang")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for record in self:
            record.display_name = f"{kinds.get(record.kind, '')} {record.name}".strip()

    @api.depends("state", "missing")
    def _compute_is_waiting(self):
        for record in self:
            record.is_open = record.state not in CLOSED
            record.is_waiting = bool(record.missing)

    @api.depends("sale_order_id", "invoice_id")
    def _compute_partner_id(self):
        for record in self:
            order, invoice = record.sale_order_id.sudo(), record.invoice_id.sudo()
            record.partner_id = order.partner_id or invoice.partner_id

    @api.depends("line_ids.move_ids.picking_id")
    def _compute_picking_ids(self):
        for record in self:
            record.picking_ids = record.sudo().line_ids.move_ids.picking_id
            record.picking_count = len(record.picking_ids)

    @api.depends("credit_note_ids.amount_total")
    def _compute_credit_note_count(self):
        for record in self:
            credit_notes = record.sudo().credit_note_ids.filtered(
                lambda move: move.state != "cancel"
            )
            record.credit_note_count = len(credit_notes)
            record.credit_note_names = ", ".join(credit_notes.mapped("display_name"))
            record.amount_credited = sum(credit_notes.mapped("amount_total"))

    # ------------------------------------------------------------------
    # Transitions
    # ------------------------------------------------------------------

    def _set_state(self, state):
        """Bring returns into another state; nothing is missing then any more.

        :raise UserError: when that state cannot follow
        """
        if not self:
            return
        for record in self:
            if state not in _transitions[record.state] | {record.state}:
                labels = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(return)s is “%(now)s” and cannot become “%(then)s”.",
                        **{"return": record.name},
                        now=labels[record.state],
                        then=labels[state],
                    )
                )
        self._log_state_later()
        self.write({"state": state, **NOTHING_MISSING})
        self._get_problem_activities().unlink()
        if state in CLOSED:
            self.child_ids._check_receipts()

    # ------------------------------------------------------------------
    # Processing
    # ------------------------------------------------------------------

    @api.model
    def _trigger_processing(self):
        self.env.ref("avoir.ir_cron_marketplace_return")._trigger()

    @api.model
    def _cron_process(self):
        """Take every return as far as it goes without a person."""
        if self._leave_to_queue("_cron_process"):
            return
        self._match_again()
        for state, step in _steps:
            domain = Domain("state", "=", state) & Domain("is_waiting", "=", False)
            if not self._run_queue(domain, methodcaller(step)):
                return
        if self._book_fees_of_all():
            self._mail_all()

    def _process_now(self):
        """Take these returns as far as they go; what fails says so in ``missing``."""
        returns = self.sudo()
        if returns.try_lock_for_update(allow_referencing=True) != returns:
            raise UserError(
                self.env._("The return is being worked on. Try again in a moment.")
            )
        for state, step in _steps:
            ready = returns.filtered(
                lambda record, state=state: (
                    record.state == state and not record.is_waiting
                )
            )
            for record, exception in ready._run_isolated(methodcaller(step)):
                record._fail(exception)

    def _by_company(self):
        """The returns of each company, in its context and in its language."""
        for company, returns in self.grouped("company_id").items():
            lang = company.partner_id.lang
            yield company, returns.with_company(company).with_context(lang=lang)

    def _step_approve(self):
        """Approve what the policy of the account approves; the rest waits."""
        missing = {}
        for _company, returns in self._by_company():
            missing |= {
                record: [text]
                for record in returns
                if (text := record._get_missing_approval())
            }
        self._stop(missing)
        (self - self.browse().union(*missing))._set_state("approved")

    def _get_missing_approval(self):
        """Why a person has to approve this return; None where nobody has."""
        account = self.account_id
        if account.approval == "manual":
            return _lt("Approve or decline it.")
        if not account.approval_limit or self.kind == "return":
            return None
        company = self.company_id
        amount = (self.currency_id or company.currency_id)._convert(
            self.amount_total, company.currency_id, company, fields.Date.today()
        )
        limit = account.approval_limit
        if (
            self.is_amount_known
            and company.currency_id.compare_amounts(amount, limit) <= 0
        ):
            return None
        return _lt(
            "Approve or decline it: the amount is above what is approved by itself."
        )
