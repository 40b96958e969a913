from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .account_reminder_letter import OWN_WRITE

# Sent at once when the button is clicked; more go in the background.
AT_ONCE = 5


class AccountReminderRun(models.Model):
    """The reminders of one day: proposed, looked through, sent."""

    _name = "account.reminder.run"
    _description = "Reminder Run"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name")
    kind = fields.Selection(
        [("plan", "By the plans"), ("standard", "Standard letter, without level")],
        required=True,
        default="plan",
    )
    date = fields.Date(required=True, default=fields.Date.context_today)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    user_id = fields.Many2one("res.users", default=lambda self: self.env.user)
    partner_ids = fields.Many2many(
        "res.partner",
        string="Only These Customers",
        help="Left empty: all customers.",
    )
    state = fields.Selection(
        [
            ("draft", "Preview"),
            ("sending", "Sending"),
            ("done", "Sent Out"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="draft",
        tracking=True,
        copy=False,
    )
    letter_ids = fields.One2many("account.reminder.letter", "run_id")
    lacks_bank_account = fields.Boolean(compute="_compute_lacks_bank_account")
    letter_count = fields.Integer(compute="_compute_counts")
    excluded_count = fields.Integer(compute="_compute_counts")
    sent_count = fields.Integer(compute="_compute_counts")
    failed_count = fields.Integer(compute="_compute_counts")
    cancelled_count = fields.Integer(compute="_compute_counts")
    progress = fields.Float(compute="_compute_counts")
    amount_due = fields.Monetary(compute="_compute_counts")

    @api.depends("date", "kind")
    @api.depends_context("lang")
    def _compute_name(self):
        for run in self:
            day = format_date(self.env, run.date)
            run.name = (
                self.env._("Standard letters of %s", day)
                if run.kind == "standard"
                else self.env._("Reminders of %s", day)
            )

    @api.depends("letter_ids.state", "letter_ids.excluded")
    def _compute_counts(self):
        groups = self.env["account.reminder.letter"]._read_group(
            [("run_id", "in", self.ids)],
            ["run_id", "state", "excluded"],
            ["__count", "amount_due:sum"],
        )
        for run in self:
            mine = [group[1:] for group in groups if group[0] == run._origin]

            def count(wanted, mine=mine):
                return sum(
                    number
                    for state, excluded, number, _amount in mine
                    if wanted(state, excluded)
                )

            run.letter_count = count(lambda s, e: s != "cancelled" and not e)
            run.excluded_count = count(lambda s, e: s == "draft" and e)
            run.sent_count = count(lambda s, e: s == "sent")
            run.failed_count = count(lambda s, e: s == "failed")
            run.cancelled_count = count(lambda s, e: s == "cancelled")
            waiting = count(lambda s, e: s == "queued")
            done = run.sent_count + run.failed_count + run.cancelled_count
            run.progress = 100 * done / (done + waiting) if done + waiting else 0
            run.amount_due = sum(
                amount
                for state, excluded, _number, amount in mine
                if state != "cancelled" and not excluded
            )

    def _creation_message(self):
        """Say it in words that fit: core's sentence has a gender in some languages."""
        return self.env._("This run was made.")

    @api.depends("state", "company_id")
    def _compute_lacks_bank_account(self):
        """Say whether the letters cannot tell where to pay."""
        for run in self:
            run.lacks_bank_account = (
                run.state == "draft" and not run.company_id.bank_ids
            )

    # -- what may be changed -----------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su and any("state" in vals for vals in vals_list):
            self._refuse_state()
        return super().create(vals_list)

    def write(self, vals):
        """Keep what was sent as it was sent; a preview of something else is void.

        :raises UserError: when it is no preview any more
        :raises AccessError: for the state, which buttons change
        """
        if self.env.context.get("reminder_own") is OWN_WRITE or self.env.su:
            return super().write(vals)
        if "state" in vals:
            self._refuse_state()
        if not {"kind", "company_id", "date", "partner_ids"}.isdisjoint(vals):
            for run in self:
                run._check_draft()
        if not {"kind", "company_id"}.isdisjoint(vals):
            self._delete_drafts()
        return super().write(vals)

    def _refuse_state(self):
        raise AccessError(
            self.env._("Buttons change the state of a run, nothing else.")
        )

    def _write_own(self, vals):
        """Write what only the reminders themselves write."""
        return self.with_context(reminder_own=OWN_WRITE).write(vals)

    def _check_draft(self):
        self.ensure_one()
        if self.state != "draft":
            raise UserError(
                self.env._("%(run)s: already sent or cancelled.", run=self.name)
            )

    # -- preview -----------------------------------------------------------------

    def action_prepare(self):
        """Look again at what is due; what was excluded stays excluded."""
        self._prepare()
        return True

    def _prepare(self):
        """Propose the letters, anew where there are some.

        Customers with a letter in another open run are not proposed twice.
        """
        for run in self:
            run._lock_draft()
            run.company_id._unblock_orders()
            self.env["account.reminder.letter"]._call_about_broken_promises(
                run.company_id
            )
            excluded = run.letter_ids.search(
                [("run_id", "=", run.id), ("excluded", "=", True)]
            ).partner_id
            run._delete_drafts()
            self.env["account.reminder.letter"]._insert(run, excluded)

    def _delete_drafts(self):
        """Delete the letters of a preview: rows to which nothing hangs yet.

        By the ORM it takes longer than all the rest of a preview.
        """
        self.env.flush_all()
        noted = self.letter_ids.search(
            [("run_id", "in", self.ids), ("message_ids", "!=", False)]
        )
        # sudo: deleted are only letters of a run that its user prepares anew
        noted.sudo().unlink()
        self.env.execute_query(
            SQL(
                "DELETE FROM account_reminder_letter WHERE run_id = ANY(%s)"
                " AND state = 'draft' RETURNING id",
                self.ids,
            )
        )
        self.env.invalidate_all()

    def _lock_draft(self):
        """Let nobody else prepare or send this run meanwhile.

        :raises UserError: when it is no preview any more
        """
        # The letters are stored and deleted past the ORM.
        self.check_access("write")
        self.lock_for_update()
        self.invalidate_recordset(["state"])
        for run in self:
            run._check_draft()

    # -- sending -----------------------------------------------------------------

    def action_send(self):
        """Send what is not excluded; many letters go in the background."""
        self._lock_draft()
        for run in self:
            letters = run.letter_ids.filtered(
                lambda letter: letter.state == "draft" and not letter.excluded
            )
            if not letters:
                raise UserError(
                    self.env._("%(run)s: there is no letter to send.", run=run.name)
                )
            run.letter_ids.filtered(
                lambda letter: letter.state == "draft" and letter.excluded
            )._write_own({"state": "cancelled"})
            run._write_own({"state": "sending"})
            letters._queue()
        return True

    def action_cancel(self):
        """Throw the preview away."""
        self._lock_draft()
        self.letter_ids._write_own({"state": "cancelled"})
        self._write_own({"state": "cancelled"})
        return True

    def _finish(self):
        """Close the runs of which no letter waits any more."""
        waiting = self.env["account.reminder.letter"]._read_group(
            [("run_id", "in", self.ids), ("state", "=", "queued")], ["run_id"]
        )
        done = self.filtered(lambda run: run.state == "sending")
        done -= self.browse(run.id for (run,) in waiting)
        done._write_own({"state": "done"})
        for run in done:
            run.message_post(
                body=self.env._(
                    "%(sent)s sent, %(failed)s failed, %(dropped)s not needed any "
                    "more or excluded.",
                    sent=run.sent_count,
                    failed=run.failed_count,
                    dropped=run.cancelled_count,
                )
            )

    # -- views -------------------------------------------------------------------

    def _get_action(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
        }

    def _action_letters(self, name, domain):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "avoir.account_reminder_letter_action"
            ),
            "name": name,
            "domain": Domain.AND([[("run_id", "=", self.id)], domain]),
            "context": {},
        }

    def action_add_bank_account(self):
        """Open core's dialog for a bank account of the company."""
        self.ensure_one()
        return self.company_id.setting_init_bank_account_action()

    def action_open_letters(self):
        """Open the list of the letters, to be changed and excluded."""
        return self._action_letters(self.name, [])

    def action_open_failed(self):
        """Open the letters that could not be sent."""
        return self._action_letters(self.name, [("state", "=", "failed")])

    # -- cron --------------------------------------------------------------------

    @api.model
    def _cron_prepare(self):
        """Prepare today's runs of the companies that want it, and send if they do."""
        cron = self.env["ir.cron"]
        companies = self.env["res.company"].search(
            [("reminder_automation", "!=", "manual")]
        )
        cron._commit_progress(remaining=len(companies))
        for company in companies:
            self.with_company(company)._prepare_today(company)
            cron._commit_progress(1)

    @api.model
    def _prepare_today(self, company):
        """Prepare the run of a company: the one that is open, if there is one."""
        run = self.search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "draft"),
                ("kind", "=", "plan"),
                ("partner_ids", "=", False),
            ],
            limit=1,
        )
        if not run:
            run = self.create({"company_id": company.id})
        run.date = fields.Date.context_today(run)
        run._prepare()
        if not run.letter_count:
            run.unlink()
        elif company.reminder_automation == "send":
            run.action_send()
        elif not run.activity_ids:
            run.activity_schedule(
                "avoir.mail_activity_type_reminder",
                summary=self.env._("Look through the reminders and send them"),
                user_id=(company.reminder_user_id or self.env.user).id,
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if any(run.state in ("sending", "done") for run in self):
            raise UserError(
                self.env._("A run that was sent is part of the history: it stays.")
            )
        # sudo: a letter without its run would keep its customer out of later runs
        self.letter_ids.sudo().unlink()
