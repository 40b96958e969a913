from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class ViesAnswer(models.Model):
    """What VIES said of a VAT number, and when: proof of the consultation.

    Kept for ever and never changed: neither by the ORM, under ``sudo()`` included, nor
    by SQL (a trigger refuses it).
    """

    _name = "vies.answer"
    _description = "VIES Answer"
    _order = "asked_at desc, id desc"
    _rec_name = "vat"

    partner_id = fields.Many2one(
        "res.partner", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, index=True, ondelete="restrict"
    )
    vat = fields.Char(string="VAT Number", required=True, index=True)
    requester_vat = fields.Char(string="Asked by")
    state = fields.Selection(
        [("valid", "Valid"), ("invalid", "Invalid"), ("unknown", "Unknown")],
        string="Answer",
        required=True,
    )
    asked_at = fields.Datetime(required=True, index=True)
    request_identifier = fields.Char(
        help="The proof of the consultation that VIES gives; none where the company "
        "has no VAT number of its own."
    )
    trader_name = fields.Char(string="Name")
    trader_address = fields.Text(string="Address")
    fault = fields.Char(help="Why there is no answer.")

    def init(self):
        """Have PostgreSQL refuse what the ORM refuses.

        Joining two contacts moves answers to the one that stays: that much is let
        through, as nothing of the answer itself changes.
        """
        self.env.cr.execute(
            SQL(
                """
                CREATE OR REPLACE FUNCTION avoir_vies_answer_keep() RETURNS trigger AS
                $$ BEGIN
                    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'partner_id'
                        = to_jsonb(OLD) - 'partner_id' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'answers of VIES are never changed or deleted';
                END $$ LANGUAGE plpgsql;
                CREATE OR REPLACE TRIGGER avoir_vies_answer_keep
                    BEFORE UPDATE OR DELETE ON vies_answer
                    FOR EACH ROW EXECUTE FUNCTION avoir_vies_answer_keep();
                CREATE OR REPLACE TRIGGER avoir_vies_answer_keep_all
                    BEFORE TRUNCATE ON vies_answer
                    FOR EACH STATEMENT EXECUTE FUNCTION avoir_vies_answer_keep();
                """
            )
        )

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("Answers of VIES are kept as they came."))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("Answers of VIES are never deleted."))

    @api.depends("vat", "state", "asked_at")
    def _compute_display_name(self):
        states = dict(self._fields["state"]._description_selection(self.env))
        for answer in self:
            day = fields.Date.to_string(answer.asked_at)
            answer.display_name = f"{answer.vat}: {states[answer.state]} ({day})"

    @api.model
    def _get_last(self, pairs, states=("valid", "invalid", "unknown")):
        """Return the newest answer for each ``(company, VAT number)`` of ``pairs``, in
        a dictionary and by one query."""
        pairs = {(company, vat) for company, vat in pairs if company and vat}
        if not pairs:
            return {}
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (company_id, vat) id, company_id, vat
                  FROM vies_answer
                 WHERE (company_id, vat) IN %s AND state IN %s
              ORDER BY company_id, vat, asked_at DESC, id DESC
                """,
                tuple((company.id, vat) for company, vat in pairs),
                tuple(states),
            )
        )
        company = self.env["res.company"]
        return {
            (company.browse(company_id), vat): self.browse(id_)
            for id_, company_id, vat in rows
        }
