from uuid import uuid4

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from .account_move_post import REFUND_TYPES

# A credit note with VAT names the invoice that it corrects: CGI art. 289-I-5 and
# BR-FR-CO-05 in France, art. 35a Wet OB and NL-R-001 in the Netherlands.
ORIGINAL_REQUIRED = ("FR", "NL")


class AccountMove(models.Model):
    """What a credit note is known by: its own UUID, and the invoices it corrects."""

    _inherit = "account.move"

    document_uuid = fields.Char(
        string="UUID",
        copy=False,
        readonly=True,
        help="Identifies this credit note in exports and in the audit journal, for "
        "ever and in every system. Its number is that of its journal.",
    )
    without_invoice_reason = fields.Text(
        string="Why No Original Invoice",
        copy=False,
        tracking=True,
        help="In France and in the Netherlands a credit note with VAT names the "
        "invoice that it corrects. Where there is none, a manager says why.",
    )
    needs_without_invoice_reason = fields.Boolean(
        compute="_compute_needs_without_invoice_reason", compute_sudo=True
    )

    _document_uuid_unique = models.UniqueIndex(
        "(document_uuid) WHERE document_uuid IS NOT NULL",
        "Another document has this UUID.",
    )

    def init(self):
        """Give the credit notes from before the installation a UUID too."""
        super().init()
        self.env.cr.execute(
            "UPDATE account_move SET document_uuid = gen_random_uuid()::varchar "
            "WHERE document_uuid IS NULL AND move_type IN %s",
            [REFUND_TYPES],
        )

    @api.depends("move_type", "amount_tax", "company_id", "is_without_invoice")
    def _compute_needs_without_invoice_reason(self):
        for move in self:
            move.needs_without_invoice_reason = (
                move.move_type == "out_refund"
                and move.is_without_invoice
                and move.company_id.account_fiscal_country_id.code in ORIGINAL_REQUIRED
                and not move.currency_id.is_zero(move.amount_tax)
            )

    @api.model_create_multi
    def create(self, vals_list):
        default = self.env.context.get("default_move_type")
        given = False
        for vals in vals_list:
            given = given or vals.get("without_invoice_reason")
            if vals.get("move_type", default) in REFUND_TYPES:
                vals["document_uuid"] = vals.get("document_uuid") or str(uuid4())
        if given:
            self._check_may_go_without_invoice()
        return super().create(vals_list)

    def write(self, vals):
        if "without_invoice_reason" in vals:
            self._check_may_go_without_invoice()
        if "document_uuid" in vals and any(self.mapped("document_uuid")):
            raise UserError(
                self.env._(
                    "%(documents)s: the UUID of a credit note is never changed.",
                    documents=", ".join(self.mapped("display_name")),
                )
            )
        result = super().write(vals)
        if vals.get("move_type") in REFUND_TYPES:
            for move in self.filtered(lambda move: not move.document_uuid):
                move.document_uuid = str(uuid4())
        return result

    def _post(self, soft=True):
        """Refuse credit notes with VAT that name no invoice, see the constant above.

        :raise UserError: naming them, and what a manager can do
        """
        waiting = self.filtered(
            lambda move: (
                move.needs_without_invoice_reason
                and not (move.without_invoice_reason or "").strip()
            )
        )
        if waiting:
            raise UserError(
                self.env._(
                    "%(credit_notes)s: a credit note with VAT has to name the invoice "
                    "that it corrects (%(country)s). Choose the invoice under "
                    "“Corrects”; where there is none, a manager enters the reason "
                    "under “Why No Original Invoice”.",
                    credit_notes=", ".join(waiting.mapped("display_name")),
                    country=waiting.company_id.account_fiscal_country_id[:1].name,
                )
            )
        return super()._post(soft)

    def _check_may_go_without_invoice(self):
        """Raise unless the user is a manager, or the system itself."""
        user = self.env.user
        if user.id == SUPERUSER_ID or user.has_group("avoir.group_refund_manager"):
            return
        raise UserError(
            self.env._(
                "Only a manager of returns and refunds says why a credit note names "
                "no original invoice."
            )
        )

    def _get_corrected_references(self):
        """Return number and date of each invoice that this credit note corrects.

        From the documents themselves, never from ``ref``, which is free text.

        :return: list of pairs (number, date), by date and number
        """
        self.ensure_one()
        # sudo: what a document says does not depend on who reads it
        return [
            (invoice.name, invoice.invoice_date)
            for invoice in self.sudo().corrected_invoice_ids
        ]
