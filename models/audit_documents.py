from odoo import api, models
from odoo.tools import SQL

from .account_move_locked import OPEN
from .account_move_post import REFUND_TYPES

RETURN_ACTIONS = {
    "approved": "approved",
    "declined": "cancelled",
    "cancelled": "cancelled",
}
# What may be corrected on a posted document as long as the money has to move.
OPEN_NAMES = ("payment_reference", "partner_bank_id")
LOCK_DATES = (
    "fiscalyear_lock_date",
    "tax_lock_date",
    "sale_lock_date",
    "purchase_lock_date",
    "hard_lock_date",
)
SECRET_PREFIXES = ("webhook_", "api_", "access_")


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return (
            "state",
            "name",
            "move_type",
            "partner_id",
            "invoice_date",
            "date",
            "currency_id",
            "amount_untaxed",
            "amount_tax",
            "amount_total",
            "fiscal_position_id",
            "ref",
            "invoice_origin",
            "payment_reference",
            "partner_bank_id",
            "reversed_entry_id",
            "replaced_invoice_id",
            "refund_reason_id",
            "refund_note",
            "refund_method",
            "refund_approval",
            "without_invoice_reason",
            "net_of_tax",
            "document_uuid",
            "marketplace_return_id",
            "invoice_again",
            "return_goods",
        )

    @api.model
    def _audit_where(self):
        return SQL("(move_type IN %s OR replaced_invoice_id IS NOT NULL)", REFUND_TYPES)

    def _audit_filter(self):
        return self.filtered(
            lambda move: move.move_type in REFUND_TYPES or move.replaced_invoice_id
        )

    def _audit_title(self):
        return self.name or f"*{self.id}"

    def _audit_why(self):
        return self.refund_reason_id.name, self.refund_note or (
            self.without_invoice_reason
        )

    @api.model
    def _audit_actions(self, old, new):
        actions = []
        if new.get("refund_approval") == "approved" != old.get("refund_approval"):
            actions.append(("approved", ("refund_approval",)))
        state = new.get("state")
        if state != old.get("state", "draft"):
            action = {"posted": "posted", "cancel": "cancelled", "draft": "reset"}
            names = None if old else ("state", "name", "date", "amount_total")
            actions.append((action.get(state, "changed"), names))
        return actions or [("changed", None)]

    def _audit_details(self, action):
        """On posting, name each invoice that is corrected, with its date."""
        if action != "posted" or self.move_type not in REFUND_TYPES:
            return {}
        corrected = [
            [number, str(date or "")]
            for number, date in self._get_corrected_references()
        ]
        return {"corrected_invoice_ids": corrected} if corrected else {}

    def write(self, vals):
        """Tell of changes that stay open on an invoice which has a credit note.

        Invoices are not followed else: their thousands of postings say nothing here.
        """
        open_names = [name for name in OPEN_NAMES if name in vals]
        told = []
        if open_names and not self._audit_is_off():
            invoices = self.filtered(lambda move: move.state == "posted")
            told = [
                (move, move._audit_read_open(open_names))
                for move in invoices - invoices._audit_filter()
                if move._is_locked()
            ]
        result = super().write(vals)
        for move, before in told:
            after = move._audit_read_open(open_names)
            if after != before:
                move._audit("changed", before=before, after=after)
        return result

    def _audit_read_open(self, names):
        values = {}
        for name in names:
            value = self[name]
            if isinstance(value, models.BaseModel):
                value = value.id
            values[name] = self._audit_value(name, value)
        return values

    def unlink(self):
        """Remember what it was: core deletes the lines first, and nothing is left."""
        followed = self._audit_filter()
        if followed and not self._audit_is_off():
            followed.flush_recordset()
            followed._audit_note_before()
        return super().unlink()

    def action_open_audit_entries(self):
        """Open what the journal tells of this document and its lines.

        :return: the action
        """
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "avoir.audit_entry_action"
        )
        action["domain"] = [
            ("company_id", "=", self.company_id.id),
            "|",
            *("&", ("res_model", "=", self._name), ("res_id", "=", self.id)),
            *("&", ("res_model", "=", "account.move.line")),
            ("res_id", "in", self.line_ids.ids),
        ]
        return action


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["account.move.line", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return (
            "name",
            "product_id",
            "quantity",
            "price_unit",
            "discount",
            "price_subtotal",
            "price_total",
            "account_id",
            "reversed_line_id",
            "is_price_correction",
        )

    @api.model
    def _audit_where(self):
        return SQL(
            "display_type = 'product' AND move_id IN "
            "(SELECT id FROM account_move WHERE move_type IN %s)",
            REFUND_TYPES,
        )

    def _audit_filter(self):
        return self.filtered(
            lambda line: (
                line.display_type == "product"
                and line.move_id.move_type in REFUND_TYPES
            )
        )

    def _audit_without_parent(self, created):
        return self.filtered(
            lambda line: ("account.move", line.move_id.id) not in created
        )

    def _audit_created_action(self):
        return "changed"  # the document is

    def _audit_title(self):
        return self.move_id._audit_title()

    def _audit_why(self):
        return self.move_id._audit_why()


class AccountPartialReconcile(models.Model):
    """Money paid back: what joins a credit note with a payment.

    That it is set off against its invoice goes without saying, and that it is so no
    more where a button opens the document; by hand it does not.
    """

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._audit_refunds("refunded")
        return partials

    def unlink(self):
        self._audit_refunds("refund_undone")
        return super().unlink()

    def _audit_refunds(self, action):
        is_usual = action == "refunded" or self.env.context.get("avoir_locked") is OPEN
        for partial in self:
            moves = partial.debit_move_id.move_id | partial.credit_move_id.move_id
            refunds = moves.filtered(lambda move: move.move_type in REFUND_TYPES)
            other = moves - refunds
            if len(refunds) == 1 and not (
                is_usual and other.is_invoice(include_receipts=True)
            ):
                refunds._audit(
                    action,
                    after={
                        "amount": round(partial.amount, 6),
                        "currency": partial.company_currency_id.name,
                        "payment": other._audit_title(),
                        "date": str(other.date),
                    },
                )


class StockPicking(models.Model):
    _name = "stock.picking"
    _inherit = ["stock.picking", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return ("state", "return_id", "partner_id", "origin", "date_done")

    @api.model
    def _audit_where(self):
        return SQL("return_id IS NOT NULL")

    def _audit_filter(self):
        return self.filtered("return_id")

    def _audit_title(self):
        return self.name

    @api.model
    def _audit_actions(self, old, new):
        state = new.get("state")
        if state != old.get("state") and state in ("done", "cancel"):
            return [("received" if state == "done" else "cancelled", None)]
        return [("changed", None)]

    def _audit_details(self, action):
        if action != "received":
            return {}
        return {
            "goods": [
                [move.product_id.display_name, move.quantity, move.product_uom.name]
                for move in self.move_ids
                if move.state == "done"
            ]
        }


class AccountRefundReason(models.Model):
    """The policy that reasons are: approval limits, defaults."""

    _name = "account.refund.reason"
    _inherit = ["account.refund.reason", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return _stored_names(self)


class MarketplaceReturn(models.Model):
    _name = "marketplace.return"
    _inherit = ["marketplace.return", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return (
            "state",
            "kind",
            "marketplace_state",
            "external_id",
            "sale_order_id",
            "invoice_id",
            "refund_reason_id",
            "amount_choice",
            "is_credited_without_goods",
            "reason",
        )

    def _audit_title(self):
        return self.name or self.external_id

    def _audit_why(self):
        return self.refund_reason_id.name or self.reason, self.note

    @api.model
    def _audit_actions(self, old, new):
        state = new.get("state")
        if state != old.get("state"):
            action = RETURN_ACTIONS.get(state)
            if action:
                return [(action, None)]
        return [("changed", None)]


class MarketplaceAccount(models.Model):
    """The policy of a marketplace account; of its secrets, only that they changed."""

    _name = "marketplace.account"
    _inherit = ["marketplace.account", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return tuple(
            name
            for name in _stored_names(self)
            if not self._audit_is_secret(name)
            and not name.startswith(("poll_", "last_", "next_"))
        )

    @api.model
    def _audit_is_secret(self, name):
        return name == "options" or name.startswith(SECRET_PREFIXES)

    def write(self, vals):
        changed = sorted(filter(self._audit_is_secret, vals))
        result = super().write(vals)
        if changed:
            self._audit("changed", after=dict.fromkeys(changed, "•••"))
        return result


class ResCompany(models.Model):
    """What the settings decide, and the dates to which the books are closed."""

    _name = "res.company"
    _inherit = ["res.company", "audit.mixin"]

    @api.model
    def _audit_names(self):
        return LOCK_DATES + tuple(
            name
            for name in _stored_names(self)
            if self._fields[name]._module == "avoir"
        )

    def _audit_company(self):
        return self

    def _audit_without_parent(self, created):
        return self.browse()  # a new company has credited nothing yet


def _stored_names(model):
    """Return the names of the fields of ``model`` that people enter."""
    return tuple(
        name
        for name, field in model._fields.items()
        if field.store
        and field.column_type
        and field.type not in ("json", "binary")
        and not field.compute
        and not name.startswith(("create_", "write_", "message_", "activity_"))
        and name not in ("id", "sequence", "color")
    )
