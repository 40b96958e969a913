from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, formatLang

STATES = [
    ("draft", "To Send"),
    ("queued", "Sending"),
    ("sent", "Sent Out"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
]
# What preview, sending and charging write, and nobody else.
OWN_FIELDS = frozenset(
    (
        *("state", "run_id", "company_id", "partner_id", "lang", "level_forced"),
        *("step", "date", "has_mail", "amount_due", "oldest_date", "line_ids"),
        *("sent_date", "failure", "attachment_id", "mail_id", "printed_date"),
        *("printed_user_id", "rate_date"),
        *("charge_move_id", "waived_move_id", "call_state", "access_token"),
    )
)
# An object cannot come in a context over RPC.
OWN_WRITE = object()


class AccountReminderLetter(models.Model):
    """One reminder to one customer of one company."""

    _name = "account.reminder.letter"
    _description = "Reminder"
    _inherit = ["portal.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date desc, id"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", search="_search_name")
    # _one_per_run is the index of the run.
    run_id = fields.Many2one("account.reminder.run", readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner", "Customer", required=True, index=True, readonly=True
    )
    contact_id = fields.Many2one("res.partner", "Addressed To", required=True)
    phone = fields.Char(related="contact_id.phone")
    lang = fields.Char("Language Code", readonly=True)
    level_id = fields.Many2one(
        "account.reminder.level",
        domain="[('company_id', '=', company_id)]",
        index="btree_not_null",
    )
    plan_id = fields.Many2one(related="level_id.plan_id")
    has_next_level = fields.Boolean(compute="_compute_has_next_level")
    level_forced = fields.Boolean("Level Chosen by Hand", readonly=True)
    step = fields.Integer(readonly=True)
    date = fields.Date(required=True, readonly=True)
    pay_before = fields.Date(compute="_compute_pay_before")
    channel = fields.Selection(
        [
            ("mail", "E-mail"),
            ("paper", "Paper"),
            ("both", "E-mail and paper"),
            ("call", "Telephone call"),
        ],
        required=True,
        default="mail",
    )
    has_mail = fields.Boolean("Has an E-Mail Address", readonly=True)
    amount_due = fields.Monetary(
        readonly=True, help="All currencies, in the company's, without charges."
    )
    amounts = fields.Char(
        "By Currency", compute="_compute_amounts", help="Without charges."
    )
    charges = fields.Char(
        "Interest and Costs",
        compute="_compute_amounts",
        help="Interest, indemnity and fee.",
    )
    amount_open = fields.Monetary(
        "Open Now",
        compute="_compute_amount_open",
        help="What is left of it today, in the company's currency.",
    )
    oldest_date = fields.Date("Oldest Due Date", readonly=True)
    days_late = fields.Integer(compute="_compute_days_late")
    excluded = fields.Boolean(help="Stays out of this run.")
    line_ids = fields.One2many("account.reminder.letter.line", "letter_id")
    preview = fields.Html(compute="_compute_preview", sanitize=False)
    state = fields.Selection(
        STATES, required=True, readonly=True, default="draft", index=True
    )
    sent_date = fields.Datetime(readonly=True, copy=False)
    failure = fields.Char("What Went Wrong", readonly=True, copy=False)
    attachment_id = fields.Many2one("ir.attachment", readonly=True, copy=False)
    mail_id = fields.Many2one(
        "mail.mail", readonly=True, copy=False, index="btree_not_null"
    )
    printed_date = fields.Datetime(readonly=True, copy=False)
    charge_move_id = fields.Many2one(
        "account.move", "Charged With", readonly=True, copy=False
    )
    waived_move_id = fields.Many2one(
        "account.move", "Waived With", readonly=True, copy=False
    )
    call_state = fields.Selection(
        [("todo", "To Call"), ("done", "Called")], readonly=True, copy=False
    )

    _one_per_run = models.UniqueIndex(
        "(run_id, partner_id)", "A customer has one letter in a run."
    )

    # -- computes ----------------------------------------------------------------

    @api.depends("partner_id", "level_id")
    @api.depends_context("lang")
    def _compute_name(self):
        for letter in self:
            letter.name = self.env._("Reminder %(number)05d", number=letter._origin.id)

    @api.model
    def _search_name(self, operator, value):
        return [("partner_id", operator, value)]

    @api.depends("name", "partner_id")
    def _compute_display_name(self):
        for letter in self:
            letter.display_name = f"{letter.name}, {letter.partner_id.name}"

    @api.depends("date", "level_id.pay_within")
    def _compute_pay_before(self):
        for letter in self:
            days = letter.level_id.pay_within if letter.level_id else 8
            letter.pay_before = letter.date and fields.Date.add(letter.date, days=days)

    @api.depends("level_id")
    def _compute_has_next_level(self):
        for letter in self:
            last = letter.level_id.plan_id.level_ids[-1:]
            letter.has_next_level = letter.level_id != last

    @api.depends("date", "oldest_date")
    def _compute_days_late(self):
        for letter in self:
            letter.days_late = (
                (letter.date - letter.oldest_date).days if letter.oldest_date else 0
            )

    @api.depends("line_ids", "state", "level_id")
    def _compute_amounts(self):
        lines = self._get_lines()
        for letter in self:
            due, charged, own = {}, {}, letter.currency_id
            for line in lines[letter]:
                currency = line.currency_id
                due[currency] = due.get(currency, 0) + line.amount_residual
                charged[currency] = charged.get(currency, 0) + line.interest
                charged[own] = charged.get(own, 0) + line.fee + line.indemnity
            letter.amounts = letter._format_sums(due)
            letter.charges = letter._format_sums(charged)

    def _get_lines(self):
        """Return the lines of letters, by letter.

        Those of a preview are worked out anew and not stored: they can change until
        the letter is sent.
        """
        model = self.env["account.reminder.letter.line"]
        lines = {letter: letter.line_ids for letter in self}
        drafts = self.filtered(lambda letter: letter.state == "draft")
        # sudo: who may read a letter may read what it says
        for letter, rows in drafts.sudo()._find_lines().items():
            lines[letter] = model.concat(
                *(model.new(model._prepare(letter, row)) for row in rows)
            )
        return lines

    def _get_told(self):
        """Return the lines of one letter, stored or not."""
        self.ensure_one()
        return self._get_lines()[self]

    def _find_lines(self, today=None):
        """Return what these letters say, as ``account.reminder.due`` gives it.

        :param today: in place of the letters' own date
        :return: lists of dictionaries by letter, none where nothing is due
        """
        found = {}
        for (company, kind, date), letters in self.grouped(
            lambda letter: (letter.company_id, letter.run_id.kind, letter.date)
        ).items():
            lines = self.env["account.reminder.due"]._get_lines(
                company,
                today or date,
                letters.partner_id,
                own=letters,
                standard=kind == "standard",
                forced={
                    letter.partner_id.id: letter.level_id.id
                    for letter in letters
                    if letter.level_forced
                },
            )
            for letter in letters:
                if letter.partner_id.id in lines:
                    found[letter] = lines[letter.partner_id.id]
        return found

    def _format_sums(self, sums):
        return " + ".join(
            formatLang(self.env, amount, currency_obj=currency)
            for currency, amount in sums.items()
            if not currency.is_zero(amount)
        )

    @api.depends("amounts")
    def _compute_preview(self):
        """Show what a letter would say if it were sent now."""
        for letter in self:
            letter.preview = letter.state == "draft" and self.env["ir.qweb"]._render(
                "avoir.reminder_letter_tables",
                {"o": letter, "told": letter._get_letter_values(mail=True)},
            )

    @api.depends("line_ids.move_line_id.amount_residual")
    def _compute_amount_open(self):
        for letter in self:
            letter.amount_open = sum(
                letter.line_ids.move_line_id.filtered(
                    lambda line: line.amount_residual > 0
                ).mapped("amount_residual")
            )

    def _compute_access_url(self):
        for letter in self:
            letter.access_url = f"/my/reminders/{letter.id}"

    def _get_lang(self):
        """Return the language of the letter: the contact's, else the company's."""
        self.ensure_one()
        installed = {code for code, _name in self.env["res.lang"].get_installed()}
        return next(
            (
                lang
                for lang in (self.lang, self.company_id.partner_id.lang, "en_US")
                if lang in installed
            ),
            self.env.lang,
        )

    # -- preview -----------------------------------------------------------------

    @api.model
    def _insert(self, run, excluded):
        """Store the letters of a preview: rows and nothing else until they are sent.

        No chatter, no lines, no computed field, no user beside that of the run: half
        of the time goes into the checks of foreign keys. Left out is who has a letter
        in another open run.

        :param excluded: customers who were excluded before
        """
        due = self.env["account.reminder.due"]._get_letters_query(
            run.company_id,
            run.date,
            partners=run.partner_ids.commercial_partner_id or None,
            standard=run.kind == "standard",
        )
        self.env["account.reminder.due"]._execute(
            SQL(
                """
            INSERT INTO account_reminder_letter (
                   run_id, company_id, date, state, partner_id, contact_id, lang,
                   has_mail, channel, level_id, step, amount_due, oldest_date, excluded,
                   create_date, write_date)
            SELECT %(run)s, %(company)s, %(date)s, 'draft', partner, contact, lang,
                   has_mail, channel, level, step, amount, oldest,
                   partner = ANY(%(excluded)s),
                   now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
              FROM (%(due)s) due
             WHERE partner NOT IN (
                   SELECT partner_id FROM account_reminder_letter
                    WHERE company_id = %(company)s AND run_id <> %(run)s
                      AND state IN ('draft', 'queued') AND excluded IS NOT TRUE)
         RETURNING id
                """,
                run=run.id,
                company=run.company_id.id,
                date=run.date,
                excluded=excluded.ids,
                due=due,
            )
        )
        self.env.invalidate_all()

    def write(self, vals):
        """Work the letter out anew when the accountant moves it to another level.

        :raises UserError: when it is no preview any more, or nothing is left for
            this level
        :raises AccessError: for what only sending writes
        """
        if self.env.context.get("reminder_own") is OWN_WRITE:
            return super().write(vals)
        if not self.env.su and not OWN_FIELDS.isdisjoint(vals):
            raise AccessError(
                self.env._("What became of a reminder is written by sending it.")
            )
        if not {"level_id", "channel", "excluded", "contact_id"}.isdisjoint(vals):
            self._check_draft()
        result = super().write(vals)
        if "level_id" in vals:
            self._check_level()
            self._write_own({"level_forced": True})
            for letter in self:
                letter._recheck(letter.date)
            if any(letter.state == "cancelled" for letter in self):
                raise UserError(
                    self.env._(
                        "All that this customer owes has been reminded at this level "
                        "or a later one: choose a higher one, or exclude the letter."
                    )
                )
        return result

    def _write_own(self, vals):
        """Write what only the reminders themselves write."""
        return self.with_context(reminder_own=OWN_WRITE).write(vals)

    def _check_level(self):
        """Raise a ``UserError`` for a level of another plan than the customer's."""
        for letter in self:
            plan = letter.partner_id._get_reminder_plan(letter.company_id)
            if letter.level_id and letter.level_id.plan_id != plan:
                raise UserError(
                    self.env._(
                        "%(level)s of %(plan)s: choose a level of the customer's plan.",
                        level=letter.level_id.name,
                        plan=letter.level_id.plan_id.name,
                    )
                )

    def _check_draft(self):
        for letter in self:
            if letter.state not in ("draft", "failed"):
                raise UserError(
                    self.env._(
                        "%(letter)s: not changed any more, it was sent or cancelled.",
                        letter=letter.display_name,
                    )
                )

    def action_exclude(self):
        """Keep these letters out of the run, or take them back."""
        for letter in self:
            letter.excluded = not letter.excluded
        return True

    def action_open(self):
        """Open the letter."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
        }

    def _move_level(self, by):
        for letter in self:
            levels = letter.level_id.plan_id.level_ids
            position = letter.step + by
            if not letter.level_id or not 0 <= position < len(levels):
                raise UserError(
                    self.env._(
                        "%(letter)s: there is no such level.",
                        letter=letter.display_name,
                    )
                )
            letter.level_id = levels[position]
        return True

    def action_level_up(self):
        """Take the next level of the plan at once."""
        return self._move_level(1)

    def action_level_down(self):
        """Take the level before."""
        return self._move_level(-1)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_history(self):
        if any(
            letter.state not in ("draft", "cancelled") or letter.charge_move_id
            for letter in self
        ):
            raise UserError(
                self.env._("Reminders that were sent are part of the history.")
            )
