from odoo import api, models

REFUND_TYPES = ("out_refund", "in_refund")
# Core's own and that of debit notes, whose origin is part of the key below. Other
# modules number by things that are not known here.
KNOWN_NUMBERING = (
    "odoo.addons.account.models.",
    "odoo.addons.account_debit_note.models.",
)


class AccountMove(models.Model):
    """What makes many credit notes at once cheaper than one by one."""

    _inherit = "account.move"

    def _prefetch_for_credit(self):
        """Read what the tax engine needs of these documents, for all of them at once.

        The engine is called for each document with lines that it filters, and these
        would be read document by document.
        """
        lines = self.line_ids
        for name in ("tax_ids", "tax_tag_ids", "tax_repartition_line_id"):
            lines.mapped(name)
        lines.product_id.sudo().mapped("account_tag_ids")

    def write(self, vals):
        # Posting changes no amount, and the lines of credit notes made here are
        # complete: core need not look for lines to add, before and after.
        if self.env.context.get("avoir_complete") and vals.get("state") == "posted":
            self = self.with_context(skip_invoice_sync=True)
        return super().write(vals)

    @api.model
    def _reconcile_is_plain(self, groups):
        """Tell whether reconciling these lines makes no other entries: neither
        exchange differences nor cash basis taxes, which core has to complete."""
        return not any(
            any(lines.company_id.mapped("tax_exigibility"))
            or lines.currency_id != lines.company_currency_id
            for lines in groups
        )

    # -- numbers -----------------------------------------------------------------------

    def _compute_name(self):
        """Ask for the last number once, not for each document of the same kind."""
        if len(self) > 1 and self._has_known_numbering():
            self = self.with_context(avoir_last_numbers={})
        return super()._compute_name()

    def _has_known_numbering(self):
        return all(
            base.__module__.startswith(KNOWN_NUMBERING)
            for base in type(self).__mro__
            if "_get_last_sequence_domain" in vars(base)
        )

    def _numbering_key(self):
        """Return what decides which number follows, see ``_get_last_sequence_domain``;
        ``None`` where it is better to ask."""
        if self.move_type not in REFUND_TYPES:
            return None
        partner = self.journal_id.is_self_billing and self.commercial_partner_id
        debit_origin = "debit_origin_id" in self._fields and self.debit_origin_id
        payment = self.origin_payment_id
        return (
            self.journal_id,
            self.move_type,
            self.date,
            partner,
            payment,
            debit_origin,
        )

    def _get_last_sequence(self, relaxed=False, with_prefix=None):
        last = self.env.context.get("avoir_last_numbers")
        if last and not relaxed and with_prefix is None:
            name = last.get(self._numbering_key())
            if name:
                return name
        return super()._get_last_sequence(relaxed=relaxed, with_prefix=with_prefix)

    def _set_next_sequence(self):
        super()._set_next_sequence()
        last = self.env.context.get("avoir_last_numbers")
        key = last is not None and self._numbering_key()
        if key:
            last[key] = self.name
