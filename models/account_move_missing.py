from odoo import api, fields, models

from .account_move_post import REFUND_TYPES

SHOWN = 5  # in the alert; all are in the list


class AccountMove(models.Model):
    """What to complete before a credit note goes to a customer or an authority."""

    _inherit = "account.move"

    def _get_missing(self):
        """Return what these documents lack, for each that lacks something.

        :return: list of triples: the document, the partner to complete (may be empty)
            and what is missing, in words
        """
        missing = []
        # sudo: who sends a document need not see all of the partner's address
        for move in self.sudo():
            for partner, what in move._iter_missing():
                missing.append((move.with_env(self.env), partner, what))
        return missing

    def _iter_missing(self):
        """Yield partner and text for each thing that is missing."""
        seller = self.company_id.partner_id
        buyer = self.commercial_partner_id
        yield from self._iter_missing_address(seller)
        if not self.company_id.vat and not self.currency_id.is_zero(self.amount_tax):
            yield seller, self.env._("your own VAT number")
        if not buyer:
            yield buyer, self.env._("the customer")
            return
        yield from self._iter_missing_address(self.partner_id)
        if self._needs_customer_vat() and not buyer.vat:
            yield buyer, self.env._("the customer's VAT number")
        if self.needs_without_invoice_reason and not self.without_invoice_reason:
            yield (
                self.env["res.partner"],
                self.env._("the invoice that it corrects, or why there is none"),
            )
        for line in self.invoice_line_ids:
            if line.display_type == "product" and not (line.name or "").strip():
                yield (
                    self.env["res.partner"],
                    self.env._(
                        "a label on the line of %(amount)s",
                        amount=line.currency_id.format(line.price_subtotal),
                    ),
                )

    def _iter_missing_address(self, partner):
        if not partner.country_id:
            yield partner, self.env._("the country of %s", partner.display_name)
        if not (partner.city or partner.zip or partner.street):
            yield partner, self.env._("the address of %s", partner.display_name)
        elif not (partner.city and partner.zip):
            yield partner, self.env._("city or postcode of %s", partner.display_name)

    def _needs_customer_vat(self):
        """A company that pays the VAT itself, in another country of the Union."""
        buyer = self.commercial_partner_id
        europe = self.env.ref("base.europe").country_ids
        return (
            buyer.is_company
            and buyer.country_id in europe
            and buyer.country_id != self.company_id.account_fiscal_country_id
            and self.currency_id.is_zero(self.amount_tax)
        )

    def action_show_missing(self):
        """List what is missing on these credit notes, by document.

        :return: the action that shows the list
        """
        missing = self._get_missing()
        check = self.env["credit.note.missing"].create(
            {
                "document_count": len(self),
                "line_ids": [
                    fields.Command.create(
                        {"move_id": move.id, "partner_id": partner.id, "what": what}
                    )
                    for move, partner, what in missing
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Is Missing"),
            "res_model": check._name,
            "res_id": check.id,
            "view_mode": "form",
            "target": "new",
        }


class CreditNoteMissing(models.TransientModel):
    _name = "credit.note.missing"
    _description = "What Is Missing on Credit Notes"

    document_count = fields.Integer("Documents", readonly=True)
    line_ids = fields.One2many("credit.note.missing.line", "check_id", readonly=True)


class CreditNoteMissingLine(models.TransientModel):
    _name = "credit.note.missing.line"
    _description = "Something Missing on a Credit Note"

    check_id = fields.Many2one("credit.note.missing", required=True, ondelete="cascade")
    move_id = fields.Many2one("account.move", "Document", ondelete="cascade")
    partner_id = fields.Many2one("res.partner", "To Complete", ondelete="cascade")
    what = fields.Char("What Is Missing")

    def action_open(self):
        """Open what is to be completed."""
        return (self.partner_id or self.move_id)._get_records_action()


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _get_alerts(self, moves, moves_data):
        """Say what is missing before anything is sent."""
        alerts = super()._get_alerts(moves, moves_data)
        refunds = moves.filtered(lambda move: move.move_type in REFUND_TYPES)
        missing = refunds._get_missing()
        if missing:
            texts = [
                self.env._("%(document)s: %(what)s", document=move.name, what=what)
                for move, _partner, what in missing[:SHOWN]
            ]
            if len(missing) > SHOWN:
                texts.append("…")
            alerts["avoir_missing"] = {
                "level": "warning",
                "message": self.env._(
                    "To complete before you send: %(missing)s",
                    missing="; ".join(texts),
                ),
                "action_text": self.env._("View all"),
                "action": refunds.action_show_missing(),
            }
        return alerts
