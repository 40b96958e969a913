from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError

TRIGGERS = [
    ("order", "On order"),
    ("delivery", "On delivery"),
    ("completion", "On completion"),
    ("date", "By date"),
]
MAX_DAYS = 3650
KINDS = [("percent", "Down payment"), ("rest", "Final invoice")]


class SalePaymentSchedule(models.Model):
    """A template: 30 % on order, 40 % on delivery, the rest on completion."""

    _name = "sale.payment.schedule"
    _description = "Payment Schedule"
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", help="Leave empty to share the schedule among companies."
    )
    line_ids = fields.One2many("sale.payment.schedule.line", "schedule_id", copy=True)

    @api.constrains("line_ids")
    def _check_lines(self):
        for schedule in self:
            schedule.line_ids._check_steps()


class SalePaymentStepMixin(models.AbstractModel):
    """What a line of a template and a step of an order have in common."""

    _name = "sale.payment.step.mixin"
    _inherit = ["avoir.number.mixin"]
    _description = "Step of a Payment Schedule"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    kind = fields.Selection(KINDS, default="percent", required=True)
    percent = fields.Float(digits=(5, 2), help="Of the order, with taxes.")
    trigger = fields.Selection(
        TRIGGERS,
        string="Due",
        default="order",
        required=True,
        help="On delivery: all goods of the order are delivered. On completion: "
        "services too. By date: some days after the order.",
    )
    days = fields.Integer()

    @api.constrains("percent", "kind", "days")
    def _check_step(self):
        """Hold each step to its limits; all of them together by ``_check_steps``."""
        for step in self:
            step._check_steps()

    def _check_steps(self):
        """Raise unless these steps of one schedule can all be invoiced."""
        parts = self.filtered(lambda step: step.kind == "percent")
        if any(not 0 <= step.days <= MAX_DAYS for step in self):
            raise ValidationError(
                self.env._(
                    "A step is due at most %(days)s days after the order.",
                    days=MAX_DAYS,
                )
            )
        if any(not step.percent > 0 for step in parts):
            raise ValidationError(
                self.env._("The percentage of each step has to be above zero.")
            )
        total = sum(parts.mapped("percent"))
        if total > 100.000001:
            raise ValidationError(
                self.env._(
                    "The steps come to %(total)s %% of the order: more than 100 %%.",
                    total=f"{total:g}",
                )
            )
        if len(self - parts) > 1:
            raise ValidationError(
                self.env._("Only one step can be the rest, by the final invoice.")
            )


class SalePaymentScheduleLine(models.Model):
    _name = "sale.payment.schedule.line"
    _inherit = ["sale.payment.step.mixin"]
    _description = "Line of a Payment Schedule"

    schedule_id = fields.Many2one(
        "sale.payment.schedule", required=True, ondelete="cascade", index=True
    )

    def _prepare_steps(self, lang):
        """Return the commands that copy these lines to an order.

        :param lang: the customer's language, in which the steps are named
        """
        return [
            Command.create(
                {
                    "name": line.with_context(lang=lang).name,
                    **{
                        name: line[name]
                        for name in ("sequence", "kind", "percent", "trigger", "days")
                    },
                }
            )
            for line in self
        ]
