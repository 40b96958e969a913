from odoo import fields, models

from ..connectors.notices import IncomingEvent


class MarketplaceImportRow(models.Model):
    """A row of a file, and what becomes of it."""

    _name = "marketplace.import.row"
    _description = "Row of an Import of Marketplace Returns"
    _order = "import_id, number, id"

    import_id = fields.Many2one(
        "marketplace.import", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="import_id.company_id", store=True)
    number = fields.Integer("Row", readonly=True)
    external_id = fields.Char("Marketplace Id", readonly=True)
    order_ref = fields.Char("Order", readonly=True)
    amount = fields.Float("Paid Back", digits=(16, 2), readonly=True)
    currency = fields.Char(readonly=True)
    fate = fields.Selection(
        [
            ("new", "New"),
            ("update", "Told Anew"),
            ("known", "Known Already"),
            ("part", "Part of Another Row"),
            ("ignored", "Nothing to Do"),
            ("error", "Not Readable"),
        ],
        "What Becomes of It",
        readonly=True,
    )
    detail = fields.Text("In Words", readonly=True)
    raw = fields.Json(readonly=True)
    event_key = fields.Char(readonly=True)
    topic = fields.Char(readonly=True)
    body = fields.Text(readonly=True)
    is_imported = fields.Boolean("Imported", readonly=True)

    def _deliveries(self):
        return [
            (
                IncomingEvent(
                    event_key=row.event_key,
                    topic=row.topic,
                    order_external_id=row.order_ref or "",
                ),
                row.body.encode(),
                "",
            )
            for row in self
        ]

    def _foresee(self):
        """Write in words what would become of these rows."""
        account = self[:1].import_id.account_id
        told = {}
        # sudo: what the crons do, who may do everything; undone in the end
        savepoint = self.env.cr.savepoint(flush=True)
        try:
            messages = self.env["marketplace.message"].sudo()
            ids = messages._insert_once(
                account.id, account.company_id.id, self._deliveries()
            )
            readings = {}
            messages = messages.browse(ids)
            messages._read(readings)
            for message, exception in messages._run_isolated(
                lambda some: some._store_readings(readings), False
            ):
                message._fail(exception)
            returns = messages.return_ids
            returns.filtered(lambda r: r.state == "new")._step_match()
            for message in messages:
                told[message.event_key] = message.return_ids._foretell() or (
                    message.error or ""
                )
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()
        for row in self.sudo():
            row.detail = told.get(row.event_key) or row.detail


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    def _foretell(self):
        """What would become of these returns, in words."""
        labels = dict(self._fields["state"]._description_selection(self.env))
        texts = []
        for record in self:
            if record.missing:
                texts.append(record.missing.splitlines()[0])
            elif record.state == "approved":
                texts.append(
                    self.env._("Is approved: the goods are expected.")
                    if record._waits_for_goods()
                    and any(line._brings_goods() for line in record.line_ids)
                    else self.env._("Is approved and credited.")
                )
            else:
                texts.append(labels[record.state])
        return " ".join(texts)
