from operator import methodcaller

from odoo import Command, api, fields, models
from odoo.fields import Domain

# The account of the company's chart that a kind of fee is booked on.
NOT_PARTNERS = [("account_type", "not in", ("asset_receivable", "liability_payable"))]
ACCOUNTS = {
    "commission": "fee_account_id",
    "commission_kept": "fee_kept_account_id",
    "tax": "fee_tax_account_id",
    "other": "fee_other_account_id",
}


def _fee_account(label, help_text):
    return fields.Many2one(
        "account.account",
        label,
        check_company=True,
        domain=NOT_PARTNERS,
        help=help_text,
    )


class MarketplaceAccount(models.Model):
    """Where the fees that a marketplace settles are booked."""

    _inherit = "marketplace.account"

    fee_journal_id = fields.Many2one(
        "account.journal",
        "Journal of the Fees",
        check_company=True,
        domain="[('type', '=', 'general')]",
        help="Empty: fees are listed on the return, and not booked.",
    )
    settlement_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=NOT_PARTNERS,
        help="What the marketplace owes, as its settlement shows it: the refunds that"
        " it paid out of it, and the fees it gave back or kept.",
    )
    fee_account_id = _fee_account("Commissions", "Commissions that are given back.")
    fee_kept_account_id = _fee_account(
        "Commission Kept", "What the marketplace keeps for the refund."
    )
    fee_other_account_id = _fee_account("Other Fees", "All other fees.")
    fee_tax_account_id = _fee_account(
        "Tax Withheld", "Tax that the marketplace withholds or gives back itself."
    )
    settle_refund = fields.Boolean(
        "Paid out of the Settlement",
        default=True,
        help="The marketplace paid the customer: what a credit note leaves open is paid"
        " from the settlement account.",
    )
    has_fees = fields.Boolean(compute="_compute_has_fees")

    @api.depends("code")
    def _compute_has_fees(self):
        for account in self:
            account.has_fees = account._get_capability("has_fees")

    def _books_fees(self):
        """Whether all is entered that fees are booked with."""
        self.ensure_one()
        return bool(self.fee_journal_id and self.settlement_account_id)


class MarketplaceReturnFee(models.Model):
    """What the marketplace settles with the seller over a refund.

    Seen from the seller: above zero is given to him, below is kept from him.
    """

    _name = "marketplace.return.fee"
    _description = "Fee of a Marketplace Refund"
    _order = "return_id, id"

    return_id = fields.Many2one(
        "marketplace.return", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="return_id.company_id", store=True)
    kind = fields.Selection(
        [
            ("commission", "Commission given back"),
            ("commission_kept", "Commission kept"),
            ("tax", "Tax"),
            ("other", "Other fee"),
        ],
        required=True,
    )
    name = fields.Char("As the Marketplace Says")
    currency_id = fields.Many2one("res.currency", required=True)
    amount = fields.Monetary(
        help="Above zero it is given back to you, below zero it is kept."
    )


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    fee_ids = fields.One2many(
        "marketplace.return.fee",
        "return_id",
        readonly=True,
        groups="avoir.group_refund_user",
    )
    amount_fees = fields.Monetary(
        "Fees",
        compute="_compute_amount_settled",
        groups="avoir.group_refund_user",
        help="Above zero: given to you; below: kept from you.",
    )
    amount_settled = fields.Monetary(
        "In the Settlement",
        compute="_compute_amount_settled",
        groups="avoir.group_refund_user",
        help="What the settlement of the marketplace shows for this refund.",
    )
    fee_state = fields.Selection(
        [("none", "None"), ("to_book", "To Book"), ("booked", "Booked")],
        "Fees Booked",
        default="none",
        readonly=True,
        copy=False,
        groups="avoir.group_refund_user",
    )
    fee_move_id = fields.Many2one(
        "account.move",
        "Entry of the Fees",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="avoir.group_refund_user",
    )

    @api.depends("fee_ids.amount", "amount_total")
    def _compute_amount_settled(self):
        for record in self:
            record.amount_fees = sum(record.fee_ids.mapped("amount"))
            record.amount_settled = record.amount_fees - record.amount_total

    def _set_fees(self, notice, currencies):
        """Take over what the marketplace settled, until it is booked."""
        self.ensure_one()
        currency = currencies.get(notice.currency)
        if not notice.fees or not currency or self.fee_state == "booked":
            return
        told = [(fee.kind, fee.name, float(fee.amount.amount)) for fee in notice.fees]
        known = [(fee.kind, fee.name, fee.amount) for fee in self.fee_ids]
        if told == known:
            return
        self.write(
            {
                "fee_state": "to_book",
                "fee_ids": [
                    Command.clear(),
                    *(
                        Command.create(
                            {
                                "kind": kind,
                                "name": name,
                                "amount": amount,
                                "currency_id": currency.id,
                            }
                        )
                        for kind, name, amount in told
                    ),
                ],
            }
        )

    # ------------------------------------------------------------------
    # Booking
    # ------------------------------------------------------------------

    @api.model
    def _book_fees_of_all(self):
        """Book the fees of refunds that are credited, where the account says how.

        :return: whether there was time for all
        """
        accounts = self.env["marketplace.account"].search(
            [("fee_journal_id", "!=", False), ("settlement_account_id", "!=", False)]
        )
        domain = (
            Domain("fee_state", "=", "to_book")
            & Domain("state", "=", "done")
            & Domain("is_waiting", "=", False)
            & Domain("account_id", "in", accounts.ids)
        )
        return self._run_queue(domain, methodcaller("_book_fees"))

    def _book_fees(self):
        """One entry for each refund: its fees, and what was paid to the customer.

        The balance of the settlement account is then what the settlement shows.
        """
        for company, returns in self._by_company():
            moves = (
                self.env["account.move"]
                .with_company(company)
                .create([record._prepare_fee_move() for record in returns])
            )
            moves.action_post()
            for record, move in zip(returns, moves, strict=True):
                record.write({"fee_move_id": move.id, "fee_state": "booked"})
                record._reconcile_settled(move)

    def _prepare_fee_move(self):
        account = self.account_id
        date = (self.occurred_at or fields.Datetime.now()).date()
        lines, net = [], 0.0
        for fee in self.fee_ids:
            target = account[ACCOUNTS[fee.kind]] or account.fee_other_account_id
            if not target:
                target = account.fee_account_id or account.settlement_account_id
            lines.append(self._prepare_fee_line(target, -fee.amount, fee.name, date))
            net += fee.amount
        for line in self._get_open_credit_lines():
            # What the marketplace paid: the customer has it, the seller owes it there.
            values = self._prepare_fee_line(
                line.account_id, -line.amount_residual_currency, line.name, date
            )
            lines.append({**values, "partner_id": line.partner_id.id})
            net += line.amount_residual_currency
        balance = sum(values["balance"] for values in lines)
        settled = self._prepare_fee_line(
            account.settlement_account_id, net, self.name, date
        )
        lines.append({**settled, "balance": -balance})
        return {
            "move_type": "entry",
            "journal_id": account.fee_journal_id.id,
            "date": date,
            "ref": self.name,
            "line_ids": [Command.create(values) for values in lines],
        }

    def _prepare_fee_line(self, account, amount, name, date):
        currency = self.fee_ids.currency_id[:1] or self.currency_id
        company = self.company_id
        return {
            "account_id": account.id,
            "name": name or self.name,
            "currency_id": currency.id,
            "amount_currency": amount,
            "balance": currency._convert(amount, company.currency_id, company, date),
        }

    def _get_open_credit_lines(self):
        """The receivables of its credit notes that nothing has paid yet."""
        if not self.account_id.settle_refund:
            return self.env["account.move.line"]
        currency = self.fee_ids.currency_id[:1]
        posted = self.sudo().credit_note_ids.filtered(
            lambda move: move.state == "posted" and move.currency_id == currency
        )
        return posted.line_ids.filtered(
            lambda line: (
                line.account_id.account_type == "asset_receivable"
                and not line.reconciled
            )
        )

    def _reconcile_settled(self, move):
        for line in self._get_open_credit_lines():
            mine = move.line_ids.filtered(
                lambda other, line=line: (
                    other.account_id == line.account_id and not other.reconciled
                )
            )
            (line | mine).reconcile()

    def action_view_fee_move(self):
        """Open the entry of the fees."""
        return self._open(self.fee_move_id)
