from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    refund_reason_id = fields.Many2one(
        "account.refund.reason",
        string="Credit Note Reason",
        index="btree_not_null",
        copy=False,
        tracking=True,
        check_company=True,
    )
    refund_note = fields.Text(
        string="Credit Note Explanation",
        copy=False,
        help="Printed on the credit note below its reason.",
    )
    refund_method = fields.Selection(
        [
            ("partial", "Partial credit"),
            ("cancel", "Full cancel"),
            ("redraft", "Cancel and redraft"),
        ],
        copy=False,
        readonly=True,
    )
    invoice_again = fields.Boolean(
        default=True,
        copy=False,
        help="What this credit note gives back is to be invoiced again on the sales "
        "order.",
    )
    refund_approval = fields.Selection(
        [
            ("none", "Not Needed"),
            ("to_approve", "To Approve"),
            ("approved", "Approved"),
        ],
        string="Approval",
        default="none",
        copy=False,
        readonly=True,
        tracking=True,
    )
    replaced_invoice_id = fields.Many2one(
        "account.move",
        index="btree_not_null",
        copy=False,
        readonly=True,
        check_company=True,
        help="The invoice that was cancelled and that this one replaces.",
    )
    replacement_invoice_ids = fields.One2many(
        "account.move", "replaced_invoice_id", string="Replacements"
    )
    pending_payment_line_ids = fields.Many2many(
        "account.move.line",
        "account_move_pending_payment_rel",
        "move_id",
        "line_id",
        string="Payments to Apply",
        copy=False,
        help="Payments of the replaced invoice, applied when this one is posted.",
    )
