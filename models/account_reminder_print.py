from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_datetime
from odoo.tools.pdf import merge_pdf

from .account_reminder_letter import STATES

ON_PAPER = Domain("state", "=", "sent") & Domain("channel", "in", ("paper", "both"))
WAITS = ON_PAPER & Domain("printed_date", "=", False)


class AccountReminderLetter(models.Model):
    """Letters on paper: made when the run is sent, gone when somebody prints them."""

    _inherit = "account.reminder.letter"

    to_print = fields.Boolean(
        "Waits to Be Printed", compute="_compute_to_print", search="_search_to_print"
    )
    printed_user_id = fields.Many2one(
        "res.users", "Printed By", readonly=True, copy=False
    )
    progress = fields.Selection(
        [*STATES[:2], ("to_print", "To Print"), *STATES[2:]],
        string="Status",
        compute="_compute_progress",
    )

    @api.depends("state", "channel", "printed_date")
    def _compute_to_print(self):
        waiting = self.filtered_domain(WAITS)
        for letter in self:
            letter.to_print = letter in waiting

    @api.model
    def _search_to_print(self, operator, value):
        if operator != "in":
            return NotImplemented
        return WAITS if True in value else ~WAITS

    @api.depends("to_print", "state")
    def _compute_progress(self):
        for letter in self:
            letter.progress = "to_print" if letter.to_print else letter.state

    def action_print(self):
        """Download these letters as one PDF, in their order, and note that.

        The PDF stays in the chatter of the run: who closes the browser too early
        finds it there.

        :raises UserError: when none of them was sent
        """
        letters = self.filtered(
            lambda letter: letter.state == "sent" and letter.attachment_id
        )
        pdfs = [pdf for pdf in letters.attachment_id.mapped("raw") if pdf]
        if not pdfs:
            raise UserError(
                self.env._("There is no letter to print: send the reminders first.")
            )
        letters._write_own(
            {"printed_date": fields.Datetime.now(), "printed_user_id": self.env.uid}
        )
        letters._message_log_batch(
            bodies=dict.fromkeys(letters.ids, self.env._("Printed."))
        )
        run = letters.run_id if len(letters.run_id) == 1 else letters.run_id.browse()
        merged = self.env["ir.attachment"].create(
            {
                "name": self.env._("Reminders %s.pdf", fields.Date.today()),
                "raw": merge_pdf(pdfs) if pdfs[0][:4] == b"%PDF" else b"".join(pdfs),
                "res_model": run._name,
                "res_id": run.id,
            }
        )
        if run:
            run.message_post(
                body=self.env._("Letters printed: %s", len(pdfs)),
                attachment_ids=merged.ids,
            )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{merged.id}?download=true",
        }


class AccountReminderRun(models.Model):
    _inherit = "account.reminder.run"

    to_print_count = fields.Integer(
        "To Print",
        compute="_compute_paper_counts",
        help="Letters on paper that nobody has printed yet.",
    )
    paper_count = fields.Integer(compute="_compute_paper_counts")

    @api.depends("letter_ids.state", "letter_ids.channel", "letter_ids.printed_date")
    def _compute_paper_counts(self):
        letters = self.env["account.reminder.letter"]
        mine = Domain("run_id", "in", self.ids)
        paper = dict(letters._read_group(mine & ON_PAPER, ["run_id"], ["__count"]))
        waiting = dict(letters._read_group(mine & WAITS, ["run_id"], ["__count"]))
        for run in self:
            run.paper_count = paper.get(run._origin, 0)
            run.to_print_count = waiting.get(run._origin, 0)

    def action_print(self):
        """Print the letters on paper that wait, in the order of the list.

        :raises UserError: when another one, or another click, has printed them
        """
        self.ensure_one()
        # A second click waits for the first, and then finds nothing.
        self.lock_for_update()
        letters = self._get_letters_on_paper()
        waiting = letters.filtered("to_print")
        if letters and not waiting:
            last = letters.sorted("printed_date")[-1]
            raise UserError(
                self.env._(
                    "All letters were printed, the last ones by %(user)s on %(time)s: "
                    "their PDF is in the history below. Print Again makes a new one.",
                    user=last.printed_user_id.name,
                    time=format_datetime(self.env, last.printed_date),
                )
            )
        return waiting.action_print()

    def action_print_again(self):
        """Print all letters on paper, also those that were printed before."""
        self.ensure_one()
        return self._get_letters_on_paper().action_print()

    def _get_letters_on_paper(self):
        # As stored: the run may have waited for another click.
        self.invalidate_recordset(["letter_ids"])
        letters = self.letter_ids
        letters.invalidate_recordset(["state", "channel", "printed_date"])
        return letters.filtered_domain(ON_PAPER)

    def action_open_to_print(self):
        """Open the letters that wait to be printed."""
        return self._action_letters(self.name, WAITS)
