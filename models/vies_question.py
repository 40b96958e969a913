import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..connectors import vies

_logger = logging.getLogger(__name__)

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=12)
BATCH = 50


class ViesQuestion(models.Model):
    """A VAT number that VIES is to be asked about, and again where it was out of reach.

    Nobody waits for it: screens put questions here, the cron asks them.
    """

    _name = "vies.question"
    _description = "Question for VIES"
    _order = "next_try, id"

    partner_id = fields.Many2one("res.partner", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    next_try = fields.Datetime(required=True, index=True)
    tries = fields.Integer()
    fault = fields.Char()

    _once = models.UniqueIndex(
        "(partner_id, company_id)", "This number is to be asked about already."
    )

    @api.model
    def _put(self, pairs):
        """Have VIES asked about customers, each once.

        :param pairs: of ``(res.company, res.partner)``, commercial partners
        """
        pairs = {(company.id, partner.id) for company, partner in pairs}
        if not pairs:
            return
        # Two users may post for one customer at the same moment: the second neither
        # waits nor fails. Plain SQL, as users have no access to the queue.
        self.flush_model()
        new = self.env.execute_query(
            SQL(
                """
                INSERT INTO vies_question
                    (company_id, partner_id, next_try, tries, create_uid, create_date)
                VALUES %s ON CONFLICT DO NOTHING RETURNING partner_id
                """,
                SQL(", ").join(
                    SQL(
                        "(%s, %s, %s, 0, %s, now() AT TIME ZONE 'UTC')",
                        company,
                        partner,
                        fields.Datetime.now(),
                        self.env.uid,
                    )
                    for company, partner in sorted(pairs)
                ),
            )
        )
        partners = self.env["res.partner"].browse(id_ for (id_,) in new)
        partners.invalidate_recordset(["vies_is_waiting"])
        cron = self.env.ref("avoir.ir_cron_vies", raise_if_not_found=False)
        if cron and new:
            cron.sudo()._trigger()

    @api.model
    def _cron_ask(self):
        """Ask what is due, one at a time, each answer kept before the next is asked."""
        cron = self.env["ir.cron"]
        due = [("next_try", "<=", fields.Datetime.now())]
        questions = self.search(due, limit=BATCH)
        cron._commit_progress(remaining=self.search_count(due))
        if not questions:
            return
        client = self._get_client()
        for question in questions:
            if question.exists():
                question._ask(client)
            if not cron._commit_progress(1):
                break

    @api.model
    def _get_client(self):
        address = self.env["ir.config_parameter"].sudo().get_param("avoir.vies_address")
        return vies.Vies(address or vies.ADDRESS)

    def _ask(self, client):
        """Ask one, keep the answer, and come back later where there was none."""
        self.ensure_one()
        number = self.partner_id.vat
        if not self.partner_id._is_vies_number():
            self.unlink()
            return self.env["vies.answer"]
        requester = self.company_id.vat or ""
        if vies.has_form(number):
            answer = client.ask(number, requester)
        else:
            # No country has such a number: VIES need not be asked.
            answer = vies.Answer(vies.INVALID, fault="FORM")
        kept = self.env["vies.answer"].create(
            {
                "partner_id": self.partner_id.id,
                "company_id": self.company_id.id,
                "vat": number,
                "requester_vat": requester,
                "state": answer.state,
                "asked_at": fields.Datetime.now(),
                "request_identifier": answer.identifier,
                "trader_name": answer.name,
                "trader_address": answer.address,
                "fault": answer.fault,
            }
        )
        if answer.state == vies.UNKNOWN:
            self._try_later(answer.fault)
        else:
            self._tell(kept)
            self.unlink()
        return kept

    def _try_later(self, fault):
        wait = min(FIRST_WAIT * 2 ** min(self.tries, 10), LONGEST_WAIT)
        self.write(
            {
                "tries": self.tries + 1,
                "next_try": fields.Datetime.now() + wait,
                "fault": fault,
            }
        )
        _logger.info("VIES: no answer (%s), again in %s", fault, wait)

    def _tell(self, answer):
        """Join the answer to what waited for it, and warn where it is bad news."""
        partner = self.partner_id
        if "vies_valid" in partner._fields:  # core's own, of base_vat
            partner.vies_valid = answer.state == vies.VALID
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("commercial_partner_id", "=", partner.id),
                ("vies_waiting", "=", True),
            ]
        )
        moves.write({"vies_answer_id": answer.id, "vies_waiting": False})
        if answer.state == vies.INVALID:
            moves._warn_of_vies(answer)
