from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountReminderAnswer(models.TransientModel):
    """What a customer said to a reminder: on the telephone, by letter."""

    _name = "account.reminder.answer"
    _description = "Answer to a Reminder"

    letter_id = fields.Many2one("account.reminder.letter")
    move_ids = fields.Many2many("account.move", string="Invoices", required=True)
    answer = fields.Selection(
        [
            ("promise", "Promises to pay"),
            ("dispute", "Disputes it"),
            ("none", "Was not reached"),
            ("note", "Something else"),
        ],
        required=True,
        default="promise",
    )
    promise_date = fields.Date("Pays On")
    note = fields.Text()
    amount_open = fields.Char(compute="_compute_amount_open")

    @api.depends("move_ids")
    def _compute_amount_open(self):
        for wizard in self:
            sums = {}
            for move in wizard.move_ids:
                sums[move.currency_id] = (
                    sums.get(move.currency_id, 0) + move.amount_residual
                )
            wizard.amount_open = self.env["account.reminder.letter"]._format_sums(sums)

    def action_save(self):
        """Note the answer; disputes and promises stop the next step.

        :raises UserError: without a date to come, or without what is disputed
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        if self.answer == "promise":
            if not self.promise_date or self.promise_date < today:
                raise UserError(
                    self.env._("Enter the day on which the customer will pay.")
                )
            self.move_ids._set_promise(self.promise_date)
        elif self.answer == "dispute":
            if not (self.note or "").strip():
                raise UserError(self.env._("Note what the customer disputes."))
            self.move_ids._set_dispute(self.note)
        self._note()
        return {"type": "ir.actions.act_window_close"}

    def _note(self):
        answers = dict(self._fields["answer"]._description_selection(self.env))
        text = f"{answers[self.answer]}. {self.note or ''}".strip()
        if self.letter_id:
            self.letter_id.message_post(body=text)
            if self.answer != "none":
                self.letter_id._close_call()
        if self.answer in ("note", "none"):
            self.move_ids._message_log_batch(
                bodies=dict.fromkeys(self.move_ids.ids, text)
            )


class AccountReminderWaive(models.TransientModel):
    """Gives up the fees and interest of a reminder, with a reason."""

    _name = "account.reminder.waive"
    _description = "Waive Reminder Charges"

    letter_id = fields.Many2one("account.reminder.letter", required=True)
    company_id = fields.Many2one(related="letter_id.company_id")
    charge_move_id = fields.Many2one(related="letter_id.charge_move_id")
    reason_id = fields.Many2one(
        "account.refund.reason",
        required=True,
        domain="[('company_id', 'in', (company_id, False))]",
        default=lambda self: self.env.ref(
            "avoir.refund_reason_goodwill", raise_if_not_found=False
        ),
    )
    note = fields.Text("Explanation", required=True)

    def action_waive(self):
        """Credit the charges and show the credit note."""
        self.ensure_one()
        credit_note = self.letter_id._waive(self.reason_id, self.note)
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": credit_note.id,
            "view_mode": "form",
        }
