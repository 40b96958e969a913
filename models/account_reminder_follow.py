from odoo import api, fields, models
from odoo.tools import SQL

# Core has no limit of zero: that would be no limit.
SMALLEST_LIMIT = 0.01


class AccountReminderLetter(models.Model):
    """What follows a letter: history, calls, blocked orders, collection."""

    _inherit = "account.reminder.letter"

    def _note_history(self):
        """Note each letter on its customer and on its invoices."""
        channels = dict(self._fields["channel"]._description_selection(self.env))
        partners, moves = {}, {}
        for letter in self:
            text = self.env._(
                "%(reminder)s, %(level)s: %(amounts)s (%(channel)s)",
                reminder=letter.name,
                level=letter.level_id.name or self.env._("without level"),
                amounts=letter.amounts,
                channel=channels[letter.channel],
            )
            partners[letter.partner_id.id] = text
            for move in letter.line_ids.move_id:
                moves[move.id] = text
        self.env["res.partner"].browse(partners)._message_log_batch(bodies=partners)
        self.env["account.move"].browse(moves)._message_log_batch(bodies=moves)

    def _get_user(self):
        """Return who deals with the customer: as the company says, else the seller."""
        self.ensure_one()
        return (
            self.company_id.reminder_user_id
            or self.line_ids.move_id.invoice_user_id[:1]
            or self.partner_id.user_id
            or self.env.user
        )

    def _ask_for_call(self):
        """Put the customers on the list of today's calls."""
        self._write_own({"call_state": "todo"})
        for letter in self:
            letter.activity_schedule(
                "mail.mail_activity_data_call",
                summary=self.env._("Call about what is overdue"),
                note=letter.amounts,
                user_id=letter._get_user().id,
            )

    def action_called(self):
        """Note what the customer said on the telephone."""
        self.ensure_one()
        return {
            **self.line_ids.move_id.filtered(
                lambda move: move.move_type == "out_invoice" and move.amount_residual
            ).action_reminder_answer(),
            "context": {
                "default_letter_id": self.id,
                "default_move_ids": self.line_ids.filtered(
                    lambda line: line.amount_residual > 0
                ).move_id.ids,
            },
        }

    def _close_call(self):
        self.filtered("call_state")._write_own({"call_state": "done"})
        self.activity_feedback(["mail.mail_activity_data_call"])

    @api.model
    def _call_about_broken_promises(self, company):
        """Put on the list of calls who promised to pay by yesterday and did not."""
        today = fields.Date.context_today(self)
        letters = self.search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "sent"),
                ("line_ids.move_id.reminder_promise_date", "<", today),
                (
                    "line_ids.move_id.reminder_promise_date",
                    ">=",
                    fields.Date.subtract(today, days=7),
                ),
                ("line_ids.move_id.payment_state", "in", ("not_paid", "partial")),
                ("line_ids.move_id.reminder_disputed", "=", False),
            ],
            order="date desc, id desc",
        )
        last = {letter.partner_id: letter for letter in reversed(letters)}
        asked = self.browse(letter.id for letter in last.values()).filtered(
            lambda letter: (
                letter.call_state != "todo" and not letter._promise_was_asked_about()
            )
        )
        asked._ask_for_call()

    def _promise_was_asked_about(self):
        """Whether the call about the last promise was made already."""
        self.ensure_one()
        dates = self.line_ids.move_id.filtered("reminder_promise_date").mapped(
            "reminder_promise_date"
        )
        called = self.call_state == "done" and self.write_date.date()
        return bool(called and dates and called > max(dates))

    # -- next action -----------------------------------------------------------------

    def _take_next_action(self):
        """Block orders and hand over, as the levels say."""
        blocked = self.filtered(
            lambda letter: letter.level_id.next_action in ("block", "both")
        )
        for company in blocked.company_id:
            blocked.filtered(
                lambda letter, company=company: letter.company_id == company
            ).partner_id._block_orders(company)
        for letter in self:
            if letter.level_id.next_action in ("collection", "both"):
                letter._hand_over()

    def _hand_over(self):
        """Hand the customer over to collection: no more reminders, an activity."""
        self.ensure_one()
        # sudo: an accountant without the right to change customers hands over too
        self.partner_id.with_company(self.company_id).sudo().reminder_collection = True
        self.activity_schedule(
            "avoir.mail_activity_type_reminder",
            summary=self.env._("Hand over to collection"),
            note=self.amounts,
            user_id=self._get_user().id,
        )


class ResPartner(models.Model):
    _inherit = "res.partner"

    reminder_limit_before = fields.Float(
        company_dependent=True,
        groups="account.group_account_invoice,account.group_account_readonly",
    )

    def _block_orders(self, company):
        """Let no order of these customers be confirmed while something is overdue.

        The limit that they had comes back when all is paid.
        """
        # sudo: the limit is a setting of the company and the customer
        company.sudo().account_use_credit_limit = True
        for partner in self.sudo().with_company(company):
            if not partner.reminder_block:
                partner.reminder_limit_before = partner.credit_limit
                partner.reminder_block = True
                partner.credit_limit = SMALLEST_LIMIT

    def action_unblock_orders(self):
        """Let orders be confirmed again, whatever is overdue."""
        for partner in self.with_company(self.env.company):
            if partner.reminder_block:
                partner.credit_limit = partner.reminder_limit_before
                partner.reminder_block = False
        return True

    def action_end_collection(self):
        """Take the customer back from collection."""
        self.with_company(self.env.company).reminder_collection = False
        return True

    def _get_overdue_ids(self, company):
        """Return the ids of those of these customers who owe something overdue."""
        if not self:
            return set()
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT partner.commercial_partner_id
              FROM account_move_line line
              JOIN res_partner partner ON partner.id = line.partner_id
              JOIN account_account account ON account.id = line.account_id
             WHERE line.company_id = %s AND line.parent_state = 'posted'
               AND account.account_type = 'asset_receivable' AND NOT line.reconciled
               AND partner.commercial_partner_id = ANY(%s)
             GROUP BY partner.commercial_partner_id
            HAVING SUM(line.amount_residual) FILTER (
                       WHERE line.amount_residual < 0 OR line.date_maturity < %s) > 0
                """,
                company.id,
                self.commercial_partner_id.ids,
                fields.Date.context_today(self),
            )
        )
        return {id_ for (id_,) in rows}


class ResCompany(models.Model):
    _inherit = "res.company"

    def _unblock_orders(self):
        """Unblock the customers who owe nothing overdue any more."""
        for company in self:
            # sudo: as in _block_orders
            blocked = (
                self.env["res.partner"]
                .sudo()
                .with_company(company)
                .search([("reminder_block", "=", True)])
            )
            late = blocked._get_overdue_ids(company)
            blocked.filtered(
                lambda partner, late=late: partner.id not in late
            ).with_company(company).with_context(
                allowed_company_ids=company.ids
            ).action_unblock_orders()


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _confirmation_error_message(self):
        """Refuse orders of customers whom a reminder has blocked.

        Not those that are paid, and not what a manager confirms.
        """
        return super()._confirmation_error_message() or self._get_reminder_block()

    def _get_reminder_block(self):
        self.ensure_one()
        # sudo: who sells does not read what is overdue
        order = self.sudo()
        partner = order.partner_id.commercial_partner_id.with_company(order.company_id)
        if (
            not partner.reminder_block
            or order.transaction_ids.filtered(
                lambda transaction: transaction.state in ("authorized", "done")
            )
            or self.env.user.has_group("avoir.group_refund_manager")
            or not partner._get_overdue_ids(order.company_id)
        ):
            return False
        return self.env._(
            "%(customer)s has overdue invoices and was told that orders are blocked. "
            "Ask for the payment, or have a manager confirm the order.",
            customer=partner.display_name,
        )
