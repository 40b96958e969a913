from datetime import timedelta

from odoo import api, fields, models

from ..connectors import vies


class ResPartner(models.Model):
    _inherit = "res.partner"

    vies_answer_id = fields.Many2one(
        "vies.answer", string="VIES", compute="_compute_vies_answer"
    )
    vies_state = fields.Selection(
        [("valid", "Valid"), ("invalid", "Invalid"), ("unknown", "Unknown")],
        string="VIES Answer",
        compute="_compute_vies_answer",
    )
    vies_asked_at = fields.Datetime(
        string="VIES Asked On", compute="_compute_vies_answer"
    )
    vies_request_identifier = fields.Char(
        string="VIES Proof", compute="_compute_vies_answer"
    )
    vies_is_number = fields.Boolean(compute="_compute_vies_answer")
    vies_is_waiting = fields.Boolean(compute="_compute_vies_answer")

    @api.depends_context("company")
    @api.depends("vat", "country_id")
    def _compute_vies_answer(self):
        company = self.env.company
        customers = self.commercial_partner_id
        # Everyone who sees the customer sees what VIES said.
        answers = self.env["vies.answer"].sudo()
        pairs = {(company, customer.vat) for customer in customers}
        known = answers._get_last(pairs, ("valid", "invalid"))
        unknown = answers._get_last(pairs, ("unknown",))
        waiting = (
            self.env["vies.question"]
            .sudo()
            .search(
                [("partner_id", "in", customers.ids), ("company_id", "=", company.id)]
            )
            .partner_id
        )
        for partner in self:
            customer = partner.commercial_partner_id
            key = (company, customer.vat)
            answer = known.get(key) or unknown.get(key) or answers
            partner.vies_answer_id = answer.sudo(False)
            partner.vies_is_number = customer._is_vies_number()
            partner.vies_state = answer.state or (
                "unknown" if partner.vies_is_number else False
            )
            partner.vies_asked_at = answer.asked_at
            partner.vies_request_identifier = answer.request_identifier
            partner.vies_is_waiting = customer in waiting

    def _is_vies_number(self):
        """Tell whether this customer has a VAT number that VIES can know: one of the
        European Union or of Northern Ireland."""
        self.ensure_one()
        if not self.vat or len(self.vat) < 4:
            return False
        europe = self.env.ref("base.europe").sudo().country_ids.mapped("code")
        return vies.split(self.vat)[0] in {*europe, "EL", "XI"} - {"GR"}

    def _is_abroad_for(self, company):
        """Tell whether this customer's number is of another member state."""
        own = company.vat or company.account_fiscal_country_id.code or ""
        return self._is_vies_number() and vies.split(self.vat)[0] != vies.split(own)[0]

    def action_ask_vies(self):
        """Have VIES asked about these customers' numbers, now rather than by policy."""
        company = self.env.company
        customers = self.commercial_partner_id.filtered(
            lambda customer: customer._is_vies_number()
        )
        self.env["vies.question"]._put((company, customer) for customer in customers)
        self.env["vies.question"].sudo().search(
            [("partner_id", "in", customers.ids), ("company_id", "=", company.id)]
        ).next_try = fields.Datetime.now()
        malformed = [c.vat for c in customers if not vies.has_form(c.vat)]
        message = self.env._("VIES is asked; the answer appears within a minute or so.")
        if malformed:
            message = self.env._(
                "%(numbers)s: no country has VAT numbers of this form.",
                numbers=", ".join(malformed),
            )
        elif not customers:
            message = self.env._("There is no VAT number of the European Union here.")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "warning" if malformed or not customers else "info",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_vies_answers(self):
        """Open what VIES said of this customer."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "avoir.vies_answer_action"
        )
        action["domain"] = [("partner_id", "in", self.commercial_partner_id.ids)]
        return action

    @api.depends("vat")
    def _compute_vies_valid(self):
        """Take core's “Intra-Community Valid” from the answers that are kept.

        Core asks VIES itself here, while the user waits, reads every failure as
        invalid, and breaks with python-stdnum 2. The number is asked about by the cron
        instead, where the company checks numbers.
        """
        companies = self.env["res.company"].sudo().search([("vies_check", "=", True)])
        answers = self.env["vies.answer"].sudo()
        known = answers._get_last(
            {(company, partner.vat) for company in companies for partner in self},
            ("valid", "invalid"),
        )
        ask = []
        for partner in self:
            found = [
                answer
                for company in companies
                if (answer := known.get((company, partner.vat)))
            ]
            partner.vies_valid = any(answer.state == "valid" for answer in found)
            customer = partner._origin
            if not found and customer.id and customer == customer.commercial_partner_id:
                ask += [
                    (company, customer)
                    for company in companies
                    if partner._is_abroad_for(company)
                ]
        self.env["vies.question"]._put(ask)

    def _ask_vies_if_old(self, company):
        """Have asked again whose answers are older than the company wants.

        :return: the customers without an answer that is young enough
        """
        if not company.vies_check:
            return self.browse()
        customers = self.commercial_partner_id.filtered(
            lambda customer: customer._is_abroad_for(company)
        )
        answers = self.env["vies.answer"].sudo()
        known = answers._get_last(
            {(company, customer.vat) for customer in customers}, ("valid", "invalid")
        )
        oldest = fields.Datetime.now() - timedelta(days=company.vies_max_age)
        old = customers.filtered(
            lambda customer: (
                (company, customer.vat) not in known
                or known[company, customer.vat].asked_at < oldest
            )
        )
        self.env["vies.question"]._put((company, customer) for customer in old)
        return old


class ResCompany(models.Model):
    _inherit = "res.company"

    vies_check = fields.Boolean(
        string="Check VAT Numbers with VIES",
        help="Asks the service of the European Commission about customers in other "
        "member states, in the background.",
    )
    vies_max_age = fields.Integer(
        string="Ask Again After (Days)",
        default=30,
        help="An answer older than this is asked for again when an order is confirmed "
        "or an invoice is posted.",
    )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    vies_check = fields.Boolean(related="company_id.vies_check", readonly=False)
    vies_max_age = fields.Integer(related="company_id.vies_max_age", readonly=False)
