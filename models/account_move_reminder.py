from odoo import fields, models
from odoo.tools import plaintext2html


class AccountMove(models.Model):
    """What customers answered to reminders of their invoices."""

    _inherit = "account.move"

    reminder_disputed = fields.Boolean(
        "Disputed by the Customer",
        copy=False,
        tracking=True,
        help="No reminders until the dispute is settled.",
    )
    reminder_dispute_reason = fields.Text("What the Customer Says", copy=False)
    reminder_promise_date = fields.Date(
        "Promised For",
        copy=False,
        tracking=True,
        help="The customer said to pay by then: no reminders until it is past.",
    )
    reminder_promise_count = fields.Integer("Promises", copy=False, readonly=True)
    is_reminder_charge = fields.Boolean(
        copy=False,
        readonly=True,
        help="Charges fees and interest: bears no interest itself.",
    )
    reminder_line_ids = fields.One2many(
        "account.reminder.letter.line", "move_id", string="Reminders", readonly=True
    )

    # Few of many: who gets no reminder is found without reading all invoices.
    _reminder_silent_idx = models.Index(
        "(id) WHERE payment_state IN ('in_payment', 'blocked') OR reminder_disputed"
        " OR reminder_promise_date IS NOT NULL"
    )

    def _set_dispute(self, reason):
        """Stop the reminders of these invoices and have it looked into.

        :param reason: what the customer says
        """
        self.write({"reminder_disputed": True, "reminder_dispute_reason": reason})
        self._schedule_reminder_answer(
            self.env._("Disputed by the customer"), plaintext2html(reason)
        )

    def _set_promise(self, date):
        """Stop the reminders of these invoices until a date, and look then."""
        for move in self.filtered(lambda move: move.reminder_promise_date != date):
            move.reminder_promise_date = date
            move.reminder_promise_count += 1
        self._schedule_reminder_answer(
            self.env._("The customer promised to pay by then"), "", date
        )

    def _get_last_promise_day(self):
        """Return the last day for which a customer can promise to pay in the portal.

        :return: a date; None when the plan's number of promises is used up
        """
        self.ensure_one()
        plan = self.commercial_partner_id._get_reminder_plan(self.company_id)
        if self.reminder_promise_count >= plan.promise_count:
            return None
        today = fields.Date.context_today(self)
        return fields.Date.add(today, days=plan.promise_days)

    def _schedule_reminder_answer(self, summary, note, date=None):
        """Put an activity for the person in charge on each invoice."""
        kind = self.env.ref("avoir.mail_activity_type_reminder")
        for move in self:
            values = {
                "date_deadline": date or fields.Date.context_today(move),
                "summary": summary,
                "note": note,
            }
            # sudo: a second answer of the same kind takes the place of the first,
            # whoever has that to do
            known = move.activity_ids.sudo().filtered(
                lambda activity: (
                    activity.activity_type_id == kind and activity.summary == summary
                )
            )
            if known:
                known[:1].write(values)
                continue
            move.activity_schedule(
                "avoir.mail_activity_type_reminder",
                user_id=move._get_reminder_user().id,
                **values,
            )

    def _get_reminder_user(self):
        """Return who deals with an answer: never the customer who gave it."""
        self.ensure_one()
        user = self.env.user
        return (
            self.company_id.reminder_user_id
            or self.invoice_user_id
            or self.reminder_line_ids.letter_id.run_id.user_id[:1]
            or (user if not user.share else self.create_uid)
        )

    def action_reminder_answer(self):
        """Open the form in which an answer of the customer is noted."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Answer of the Customer"),
            "res_model": "account.reminder.answer",
            "view_mode": "form",
            "target": "new",
            "context": {"default_move_ids": self.ids},
        }

    def action_settle_dispute(self):
        """Let reminders go on after a dispute."""
        self.write({"reminder_disputed": False, "reminder_promise_date": False})
        self.activity_feedback(["avoir.mail_activity_type_reminder"])
        return True
