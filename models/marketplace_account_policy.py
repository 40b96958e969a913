from odoo import fields, models


class MarketplaceAccount(models.Model):
    """What is done with the returns of an account without asking anybody."""

    _inherit = "marketplace.account"

    approval = fields.Selection(
        [("manual", "By hand"), ("auto", "Automatically")],
        default="manual",
        required=True,
        tracking=True,
        help="Whether a return that was matched waits for a person.",
    )
    approval_limit = fields.Monetary(
        "Automatically up to",
        tracking=True,
        help="What is paid back above this amount, with tax and in the company's "
        "currency, waits for a person. Zero: there is no limit.",
    )
    credit_when = fields.Selection(
        [
            ("receipt", "When the goods are received"),
            ("at_once", "At once"),
        ],
        "Credit Note",
        default="receipt",
        required=True,
        tracking=True,
        help="Where goods come back: credit what was received, or what was announced.",
    )
    post_credit_note = fields.Selection(
        [("post", "Post at once"), ("draft", "Leave as a draft")],
        "Posting",
        default="post",
        required=True,
        tracking=True,
    )
    user_ids = fields.Many2many(
        "res.users",
        string="Who Is Told",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="They get an activity when a return or a message waits for a person.",
    )
    refund_reason_id = fields.Many2one(
        "account.refund.reason", "Reason", check_company=True
    )
    tolerance = fields.Monetary(
        default=0.02,
        help="The credit note may differ by so much from what the marketplace paid "
        "back; it then has the marketplace's amount. Beyond it a person decides.",
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        check_company=True,
        help="Where goods come back; empty: to where they left from.",
    )
    marketplace_warehouse_id = fields.Many2one(
        "stock.warehouse",
        "Stock at the Marketplace",
        check_company=True,
        help="Where goods come back that the marketplace itself stores and sends."
        " Empty: that stock is not kept here, and no receipt is waited for.",
    )
    journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        domain="[('type', '=', 'sale'), ('company_id', '=', company_id)]",
        help="Of the credit notes; empty: the journal of the invoice.",
    )
    fee_product_id = fields.Many2one(
        "product.product",
        check_company=True,
        domain="[('type', '=', 'service')]",
        help="What the shop keeps from a refund (restocking, return shipping) is "
        "booked with the account and the taxes of this product.",
    )
    shipping_product_ids = fields.Many2many(
        "product.product",
        string="Shipping Products",
        domain="[('type', '=', 'service')]",
        help="Order lines with these products are the shipping that a shop pays back. "
        "Empty: the delivery lines, or the only service of the order.",
    )
    manager_id = fields.Many2one(
        "res.users",
        "Responsible",
        default=lambda self: self.env.user,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        tracking=True,
        help="Gets an activity when the connection fails: a secret that expired, a "
        "shop that refuses.",
    )
    accept_when = fields.Selection(
        [
            ("approved", "The marketplace approved it"),
            ("requested", "The customer asked for it"),
        ],
        "Goods May Come Back When",
        default="approved",
        required=True,
        tracking=True,
        help="From which state at the marketplace on a return of goods goes its way "
        "here.",
    )
    reason_ids = fields.One2many(
        "marketplace.reason", "account_id", string="Reasons of the Marketplace"
    )
    keep_days = fields.Integer(
        "Keep Contents for (Days)",
        default=90,
        required=True,
        help="After so many days the contents of messages that are done are emptied, "
        "as they hold personal data; their keys and what came of them stay. Zero: "
        "they are kept.",
    )

    _amounts_positive = models.Constraint(
        "CHECK (tolerance >= 0 AND approval_limit >= 0 AND keep_days >= 0)",
        "Tolerance, limit and days cannot be below zero.",
    )
