"""What marketplaces are told and given: receipts that are done, and credit notes."""

from odoo import api, fields, models

# What the warehouse found, in the words that marketplaces are told it.
HANDLINGS = {
    "stock": "received",
    "scrap": "received",
    "repair": "repaired",
    "refused": "rejected",
}


class MarketplaceAccount(models.Model):
    _inherit = "marketplace.account"

    report_handling = fields.Boolean(
        "Report What Was Received",
        help="What the warehouse received and found is told to the marketplace, which"
        " then pays the customer back or does not.",
    )
    upload_credit_note = fields.Boolean(
        "Upload Credit Notes",
        help="The PDF of each credit note is given to the marketplace. What it makes of"
        " it is up to the marketplace.",
    )
    can_report = fields.Boolean(compute="_compute_can_report")
    can_upload = fields.Boolean(compute="_compute_can_report")

    @api.depends("code")
    def _compute_can_report(self):
        for account in self:
            account.can_report = bool(account._get_capability("handlings"))
            uploads = account._get_capability("uploads", ())
            account.can_upload = "credit_note" in uploads


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    process_ids = fields.One2many(
        "marketplace.process",
        "return_id",
        "Reports to the Marketplace",
        readonly=True,
        groups="avoir.group_refund_user",
    )

    def _set_state(self, state):
        result = super()._set_state(state)
        if state == "done":
            self._report_handling()
        return result

    def _report_handling(self):
        """Have the marketplaces told what was received of returns that are done."""
        values_list = []
        for record in self.filtered(lambda r: r.kind == "return"):
            account = record.account_id
            if not (account.report_handling and account.can_report):
                continue
            known = set(record.sudo().process_ids.mapped("handling"))
            offered = account._get_capability("handlings", ())
            for handling, quantity in record._get_handlings().items():
                if handling in offered and handling not in known and quantity >= 1:
                    values_list.append(
                        {
                            "account_id": account.id,
                            "return_id": record.id,
                            "kind": "handling",
                            "handling": handling,
                            "quantity": int(quantity),
                        }
                    )
        self._create_processes(values_list)

    def _get_handlings(self):
        """How much was received, by what the marketplace is told of it."""
        result = {}
        for line in self.line_ids:
            for move in line.sudo().move_ids.filtered(lambda m: m.state == "done"):
                handling = HANDLINGS.get(move.return_verdict or "stock", "received")
                result.setdefault(handling, 0.0)
                result[handling] += line._in_unit(move, "quantity")
        return result

    @api.model
    def _create_processes(self, values_list):
        if values_list:
            # sudo: a warehouse user's receipt is what is reported
            self.env["marketplace.process"].sudo().create(values_list)
            self.env.ref("avoir.ir_cron_marketplace_send").sudo()._trigger()


class AccountMove(models.Model):
    _inherit = "account.move"

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._upload_to_marketplaces()
        return posted

    def _upload_to_marketplaces(self):
        """Have marketplaces given the credit notes of their returns, once each."""
        # sudo: accountants post who need not see the returns
        records = self.sudo().filtered(
            lambda move: (
                move.marketplace_return_id
                and move.marketplace_return_id.account_id.upload_credit_note
                and move.marketplace_return_id.account_id.can_upload
            )
        )
        if not records:
            return
        processes = self.env["marketplace.process"].sudo()
        known = processes.search([("credit_note_id", "in", records.ids)])
        self.env["marketplace.return"]._create_processes(
            [
                {
                    "account_id": move.marketplace_return_id.account_id.id,
                    "return_id": move.marketplace_return_id.id,
                    "kind": "document",
                    "credit_note_id": move.id,
                }
                for move in records - known.credit_note_id
            ]
        )
