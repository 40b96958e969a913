from odoo import api, fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    vies_answer_id = fields.Many2one(
        "vies.answer",
        string="VIES Proof",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="What VIES said of the customer's VAT number when this was posted; a "
        "credit note keeps the proof of its invoice.",
    )
    vies_waiting = fields.Boolean(
        copy=False, readonly=True, help="VIES has not answered yet."
    )
    vies_state = fields.Selection(
        [("valid", "Valid"), ("invalid", "Invalid"), ("unknown", "Unknown")],
        string="VIES",
        compute="_compute_vies_state",
    )
    vies_request_identifier = fields.Char(
        related="vies_answer_id.request_identifier", string="VIES Identifier"
    )

    @api.depends("vies_answer_id", "vies_waiting", "partner_id", "state")
    def _compute_vies_state(self):
        for company, moves in self.grouped("company_id").items():
            drafts = moves.filtered(
                lambda move: move.state == "draft" and move.is_sale_document()
            )
            # What is said of the customer today is all there is before posting.
            states = {
                partner: partner.vies_state
                for partner in drafts.commercial_partner_id.with_company(company)
                if company and company.vies_check
            }
            for move in moves:
                kept = move.vies_answer_id.sudo().state
                if kept or move not in drafts:
                    move.vies_state = kept or (
                        "unknown" if move.vies_waiting else False
                    )
                else:
                    partner = move.commercial_partner_id.with_company(company)
                    move.vies_state = states.get(partner)

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._keep_vies_proof()
        return posted

    def _keep_vies_proof(self):
        """Join invoices to what VIES says of their customers; have it asked where that
        is too old. Posting waits for nothing.

        Credit notes keep the proof of what they correct (art. 138 of directive
        2006/112 asks for it of the supply itself).
        """
        sales = self.filtered(lambda move: move.is_sale_document())
        for move in sales.filtered(lambda move: move.move_type == "out_refund"):
            proof = move._get_corrected_invoices().vies_answer_id[:1]
            if proof:
                move.vies_answer_id = proof
        for company, moves in sales.grouped("company_id").items():
            if not company.vies_check:
                continue
            invoices = moves.filtered(lambda move: not move.vies_answer_id)
            customers = invoices.commercial_partner_id
            old = customers._ask_vies_if_old(company)
            known = (
                self.env["vies.answer"]
                .sudo()
                ._get_last(
                    {(company, customer.vat) for customer in customers},
                    ("valid", "invalid"),
                )
            )
            for move in invoices:
                customer = move.commercial_partner_id
                if customer in old:
                    move.vies_waiting = True
                elif answer := known.get((company, customer.vat)):
                    move.vies_answer_id = answer.id

    def _warn_of_vies(self, answer):
        """Leave a task on the invoices whose customer's number is not valid."""
        for move in self:
            move.activity_schedule(
                "mail.mail_activity_data_warning",
                user_id=move.invoice_user_id.id or move.create_uid.id,
                summary=self.env._("VAT number not valid"),
                note=self.env._(
                    "VIES says that %(vat)s is not valid (%(date)s). Without a valid "
                    "number there is no VAT-free supply to another member state: ask "
                    "the customer, then correct the invoice.",
                    vat=answer.vat,
                    date=fields.Date.to_string(answer.asked_at),
                ),
            )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    vies_state = fields.Selection(
        [("valid", "Valid"), ("invalid", "Invalid"), ("unknown", "Unknown")],
        string="VIES",
        compute="_compute_vies_state",
    )

    @api.depends("partner_id", "company_id")
    def _compute_vies_state(self):
        for company, orders in self.grouped("company_id").items():
            for order in orders:
                partner = order.partner_id.with_company(company)
                checked = company and company.vies_check
                order.vies_state = checked and partner.vies_state

    def action_confirm(self):
        result = super().action_confirm()
        for company, orders in self.grouped("company_id").items():
            orders.partner_id._ask_vies_if_old(company)
        return result
