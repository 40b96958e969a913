from datetime import date

from odoo import api, fields, models
from odoo.tools import SQL


class AccountReminderPlan(models.Model):
    """The levels that a customer's late invoices go through, one after the other.

    Plans without a company are the models from which each company gets its own.
    """

    _name = "account.reminder.plan"
    _description = "Reminder Plan"
    _order = "company_id, sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", string="Company Currency"
    )
    customer_type = fields.Selection(
        [("private", "Private customers"), ("business", "Businesses")],
        required=True,
        default="business",
        help="Interest and indemnity are asked of businesses only.",
    )
    minimum_amount = fields.Monetary(
        "Nothing Below",
        default=5.0,
        help="What a customer owes less open credits, in the company's currency.",
    )
    gap = fields.Integer(
        "Days Between Two Letters",
        default=7,
        help="A customer gets no second letter within this time, whatever invoice has "
        "become late meanwhile.",
    )
    promise_days = fields.Integer(
        "Longest Promise (days)",
        default=30,
        help="A customer cannot promise to pay later than this in the portal.",
    )
    promise_count = fields.Integer(
        "Promises for an Invoice",
        default=2,
        help="More of them a customer cannot make in the portal.",
    )
    law_id = fields.Many2one("account.reminder.law", string="Law on Late Payment")
    level_ids = fields.One2many("account.reminder.level", "plan_id", copy=True)
    model_id = fields.Many2one("account.reminder.plan", readonly=True, copy=False)

    _promises_not_negative = models.Constraint(
        "CHECK(promise_days BETWEEN 0 AND 3650 AND promise_count >= 0 AND gap >= 0)",
        "The days and the number of promises are not negative; at most ten years.",
    )

    def _compute_currency_id(self):
        for plan in self:
            plan.currency_id = (plan.company_id or self.env.company).currency_id

    @api.model
    def _install(self, companies=None):
        """Give each company its plans, with the law of its country.

        Does nothing for companies that have some already.
        """
        if companies is None:
            # pylint: disable-next=no-search-all
            companies = self.env["res.company"].search([])
        models = self.with_context(active_test=False).search(
            [("company_id", "=", False)]
        )
        have = self.with_context(active_test=False).search(
            [("company_id", "in", companies.ids)]
        )
        made = self.browse()
        for company in companies - have.company_id:
            law = self.env["account.reminder.law"]._get_for(company)
            for model in models:
                plan = model.copy(
                    {
                        "company_id": company.id,
                        "name": model.name,
                        "active": True,
                        "law_id": law.id
                        if model.customer_type == "business"
                        else False,
                    }
                )
                plan.model_id = model
                made |= plan
                for level, origin in zip(plan.level_ids, model.level_ids, strict=True):
                    level.model_id = origin
                company[f"reminder_plan_{model.customer_type}_id"] = plan
        made._copy_translations()

    def _copy_translations(self):
        """Give these copies of the models the languages that they lack.

        Texts that a company has written anew are left alone. In SQL: written by the
        ORM, a text of one language would be matched with those of the others.
        """
        self.env.flush_all()
        for records in (self, self.level_ids):
            for name, field in records._fields.items():
                if field.translate and field.store and records:
                    self.env.execute_query(
                        SQL(
                            """
                        UPDATE %(table)s mine SET %(name)s = model.%(name)s
                                                             || mine.%(name)s
                          FROM %(table)s model
                         WHERE model.id = mine.model_id AND mine.id = ANY(%(ids)s)
                           AND model.%(name)s->>'en_US' = mine.%(name)s->>'en_US'
                     RETURNING mine.id
                            """,
                            table=SQL.identifier(records._table),
                            name=SQL.identifier(name),
                            ids=records.ids,
                        )
                    )
        self.env.invalidate_all()


class AccountReminderLevel(models.Model):
    """One step of a plan: when it is taken, what it says, what it costs."""

    _name = "account.reminder.level"
    _description = "Reminder Level"
    _order = "plan_id, days, id"

    name = fields.Char(required=True, translate=True)
    plan_id = fields.Many2one(
        "account.reminder.plan", required=True, index=True, ondelete="cascade"
    )
    model_id = fields.Many2one("account.reminder.level", readonly=True, copy=False)
    company_id = fields.Many2one(related="plan_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="plan_id.currency_id")
    days = fields.Integer("Days Overdue", required=True, default=10)
    interval = fields.Integer(
        "Days After the Last Level",
        default=14,
        help="At least this many days after the letter before.",
    )
    pay_within = fields.Integer(
        "Days to Pay", default=8, help="The day that the letter asks payment by."
    )
    minimum_amount = fields.Monetary(
        help="Below it this level is not taken; in the company's currency."
    )
    channel = fields.Selection(
        [
            ("customer", "As the customer prefers"),
            ("mail", "E-mail"),
            ("paper", "Paper"),
            ("both", "E-mail and paper"),
            ("call", "Telephone call"),
        ],
        required=True,
        default="customer",
    )
    attach_invoices = fields.Boolean(
        default=True, help="The invoices go with the e-mail as PDF."
    )
    subject = fields.Char(required=True, translate=True)
    mail_body = fields.Html("E-Mail", translate=True)
    letter_body = fields.Html("Letter", translate=True)
    letter_closing = fields.Html("Below the Table", translate=True)
    fee = fields.Monetary(help="Once a letter, in the company's currency.")
    interest_mode = fields.Selection(
        [("none", "No interest"), ("law", "As the law says"), ("own", "Own rate")],
        string="Interest",
        required=True,
        default="none",
    )
    interest_rate = fields.Float("Own Rate (% a year)", digits=(6, 3))
    interest_basis = fields.Char(
        "Basis of the Own Rate",
        translate=True,
        help="Printed beside the rate: the article of your terms of sale, for "
        "instance.",
    )
    ask_indemnity = fields.Boolean(
        "Fixed Indemnity",
        help="Of the law of the plan: once for each late invoice of a business.",
    )
    charge_mode = fields.Selection(
        [("show", "Shown in the letter"), ("book", "Charged by a document of its own")],
        string="Fee, Interest and Indemnity",
        required=True,
        default="show",
    )
    next_action = fields.Selection(
        [
            ("none", "Nothing"),
            ("block", "Block new orders"),
            ("collection", "Hand over to collection"),
            ("both", "Block new orders and hand over"),
        ],
        required=True,
        default="none",
        help="What happens when the letter is sent.",
    )

    _amounts_not_negative = models.Constraint(
        "CHECK(fee >= 0 AND interest_rate >= 0 AND minimum_amount >= 0)",
        "The fee, the rate and the minimum of a reminder level are not negative.",
    )
    _days_not_negative = models.Constraint(
        'CHECK("interval" >= 0 AND pay_within >= 0)',
        "The days of a reminder level are not negative.",
    )
    _days_unique = models.UniqueIndex(
        "(plan_id, days)", "Two levels of a plan do not start on the same day."
    )

    def _get_rates(self):
        """Return the interest rates in per cent a year.

        :return: a list of ``(since, until, rate)``: from the first date to the day
            before the second
        """
        self.ensure_one()
        if self.plan_id.customer_type != "business" or self.interest_mode == "none":
            return []
        if self.interest_mode == "law":
            return self.plan_id.law_id._get_periods()
        return [(date.min, date.max, self.interest_rate)]

    def _get_indemnity(self):
        """Return the indemnity for an invoice in the company's currency."""
        self.ensure_one()
        if self.plan_id.customer_type != "business" or not self.ask_indemnity:
            return 0.0
        euro = self.env.ref("base.EUR")
        company = self.company_id or self.env.company
        return euro._convert(
            self.plan_id.law_id.indemnity,
            company.currency_id,
            company,
            fields.Date.context_today(self),
        )

    def _get_interest_basis(self):
        """Return what the rate rests on, in the language of the environment."""
        self.ensure_one()
        if self.interest_mode == "law":
            return self.plan_id.law_id.interest_basis
        return self.interest_basis or ""

    def _get_position(self):
        """Return the position of the level in its plan, from 0."""
        self.ensure_one()
        return self.plan_id.level_ids.ids.index(self.id)

    @api.depends("plan_id.name", "name")
    @api.depends_context("reminder_plan")
    def _compute_display_name(self):
        for level in self:
            level.display_name = (
                f"{level.name} ({level.plan_id.name})"
                if self.env.context.get("reminder_plan")
                else level.name
            )


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def _load_module_terms(self, modules, langs, overwrite=False):
        """Give the companies' plans a language that is loaded later, too."""
        result = super()._load_module_terms(modules, langs, overwrite=overwrite)
        if "avoir" in modules and "account.reminder.plan" in self.env:
            self.env["account.reminder.plan"].with_context(active_test=False).search(
                [("model_id", "!=", False)]
            )._copy_translations()
        return result
