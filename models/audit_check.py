import logging
from dataclasses import dataclass
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import audit_guard
from ..tools.audit_chain import COLUMNS, FIRST, Checker, Finding

_logger = logging.getLogger(__name__)

CHUNK = 5000
# So long a transaction may take, at most, to remember the end that it has written.
UNKNOWN_AFTER = timedelta(hours=1)


@dataclass
class ChainState:
    """What a check found of the chain of one company."""

    company: object
    count: int
    number: int
    hash: str
    first_time: object
    last_time: object
    databases: list
    finding: Finding | None
    is_guarded: bool

    @property
    def is_sound(self):
        return not self.finding and self.is_guarded


class AuditEntry(models.Model):
    """Checking that no entry of the journal was altered, removed or moved."""

    _inherit = "audit.entry"

    @api.model
    def _check_chains(self, companies=None):
        """Check the journals of ``companies``, all of them by default.

        :return: list of ``ChainState``, with the first altered entry in ``finding``
        """
        # sudo: what a chain is worth does not depend on who asks
        env = self.sudo().env
        if companies is None:
            env.cr.execute("SELECT DISTINCT company_id FROM audit_entry")
            known = [row[0] for row in env.cr.fetchall()]
            env.cr.execute("SELECT company_id FROM audit_entry_end")
            known += [row[0] for row in env.cr.fetchall()]
            companies = env["res.company"].browse(sorted(set(known)))
        is_guarded = self._is_guarded()
        return [self._check_chain(company, is_guarded) for company in companies.sudo()]

    @api.model
    def _check_chain(self, company, is_guarded):
        checker, finding = Checker(), None
        for entries in self._read_chain(company.id):
            finding = checker.check(entries)
            if finding:
                break
        end = self._known_end(company.id)
        finding = finding or checker.check_end(*(end or (0, FIRST)))
        count, first, last, databases = self._summarize(company.id)
        if not (finding or end) and last and self._is_long_ago(last):
            finding = Finding(checker.number, "unknown")
        return ChainState(
            company=company,
            count=count,
            number=checker.number,
            hash=checker.hash,
            first_time=first,
            last_time=last,
            databases=databases,
            finding=finding,
            is_guarded=is_guarded,
        )

    @api.model
    def _read_chain(self, company_id):
        """Yield the entries of a company in their order, some thousands at a time."""
        after, columns = -(2**31), SQL(", ").join(map(SQL.identifier, COLUMNS))
        while True:
            self.env.cr.execute(
                SQL(
                    "SELECT %s FROM audit_entry WHERE company_id = %s AND number > %s "
                    "ORDER BY number LIMIT %s",
                    columns,
                    company_id,
                    after,
                    CHUNK,
                )
            )
            rows = self.env.cr.fetchall()
            if not rows:
                return
            entries = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
            after = entries[-1]["number"]
            yield entries

    @api.model
    def _known_end(self, company_id):
        self.env.cr.execute(
            SQL(
                "SELECT number, hash FROM audit_entry_end WHERE company_id = %s",
                company_id,
            )
        )
        return self.env.cr.fetchone()

    @api.model
    def _is_long_ago(self, time):
        return fields.Datetime.now() - time > UNKNOWN_AFTER

    @api.model
    def _summarize(self, company_id):
        self.env.cr.execute(
            SQL(
                "SELECT count(*), min(recorded_at), max(recorded_at), "
                "array_agg(DISTINCT database_uuid) FROM audit_entry "
                "WHERE company_id = %s",
                company_id,
            )
        )
        count, first, last, databases = self.env.cr.fetchone()
        return count, first, last, [uuid for uuid in databases or () if uuid]

    @api.model
    def _is_guarded(self):
        """Tell whether PostgreSQL refuses to change the journal, as it should."""
        self.env.cr.execute(
            SQL(audit_guard.STANDING, audit_guard.TRIGGERS, audit_guard.REFUSE)
        )
        return self.env.cr.fetchone()[0] == len(audit_guard.TRIGGERS)

    @api.model
    def _describe_state(self, state):
        """Return in words what a check found."""
        texts = []
        if state.finding:
            texts.append(self._describe_finding(state.company, state.finding))
        if not state.is_guarded:
            texts.append(
                self.env._(
                    "The trigger that keeps the journal from being changed is missing "
                    "or disabled in the database: upgrade avoir to restore it, and "
                    "find out who took it away."
                )
            )
        if not texts:
            texts.append(
                self.env._(
                    "%(company)s: all %(count)s entries are as they were written.",
                    company=state.company.name,
                    count=state.count,
                )
            )
        if len(state.databases) > 1:
            texts.append(
                self.env._(
                    "Entries were written in %(count)s databases: this one is a copy "
                    "of another, or goes on from one.",
                    count=len(state.databases),
                )
            )
        return "\n".join(texts)

    @api.model
    def _describe_finding(self, company, finding):
        words = {
            "company": company.name,
            "number": finding.number,
            "document": self._title_of(company, finding.number),
        }
        if finding.what == "missing":
            return self.env._(
                "%(company)s: entry %(number)s is missing. Entries before it are "
                "sound; compare those after it with a backup.",
                **words,
            )
        if finding.what == "unknown":
            return self.env._(
                "%(company)s: what was remembered of the journal's end is gone, so "
                "entries after %(number)s may have been removed. Compare with a "
                "backup or with a report that was kept.",
                **words,
            )
        if finding.what == "broken":
            return self.env._(
                "%(company)s: entry %(number)s %(document)s does not follow the one "
                "before it: one of the two was exchanged. Compare them with a backup.",
                **words,
            )
        return self.env._(
            "%(company)s: entry %(number)s %(document)s was altered. Entries before it "
            "are sound; compare this one with a backup.",
            **words,
        )

    @api.model
    def _title_of(self, company, number):
        entry = self.sudo().search(
            [("company_id", "=", company.id), ("number", "=", number)], limit=1
        )
        return f"({entry.res_name})" if entry.res_name else ""

    # -- by cron -----------------------------------------------------------------------

    @api.model
    def _cron_check(self):
        """Check all journals; tell auditors and managers of what was altered."""
        for state in self._check_chains():
            text = self._describe_state(state)
            if state.is_sound:
                _logger.info("audit journal of company %s is sound", state.company.id)
                continue
            _logger.warning("audit journal: %s", text)
            self._tell_of_alteration(state.company, text)

    @api.model
    def _tell_of_alteration(self, company, text):
        groups = self.env.ref("avoir.group_refund_manager") | self.env.ref(
            "avoir.group_auditor"
        )
        users = groups.sudo().all_user_ids.filtered(
            lambda user: user.active and company in user.company_ids
        )
        if users:
            self.env["mail.thread"].message_notify(
                partner_ids=users.partner_id.ids,
                subject=self.env._("The audit journal was altered"),
                body=text,
                model=company._name,
                res_id=company.id,
            )


class AuditCheck(models.TransientModel):
    """Shows the state of the journals of the user's companies."""

    _name = "audit.check"
    _description = "Check of the Audit Journal"

    line_ids = fields.One2many("audit.check.line", "check_id", readonly=True)
    is_sound = fields.Boolean(readonly=True)

    @api.model
    def action_check(self):
        """Check the journals of the companies that the user has chosen.

        :return: the action that shows what was found
        """
        entries = self.env["audit.entry"]
        entries.check_access("read")
        states = entries._check_chains(self.env.companies)
        check = self.create(
            {
                "is_sound": all(state.is_sound for state in states),
                "line_ids": [
                    fields.Command.create(
                        {
                            "company_id": state.company.id,
                            "entry_count": state.count,
                            "number": state.number,
                            "hash": state.hash if state.number else False,
                            "is_sound": state.is_sound,
                            "text": entries._describe_state(state),
                        }
                    )
                    for state in states
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Check of the Audit Journal"),
            "res_model": self._name,
            "res_id": check.id,
            "view_mode": "form",
            "target": "new",
        }


class AuditCheckLine(models.TransientModel):
    _name = "audit.check.line"
    _description = "Check of the Audit Journal of a Company"

    check_id = fields.Many2one("audit.check", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", readonly=True)
    entry_count = fields.Integer("Entries", readonly=True)
    number = fields.Integer("Last Sound Entry", readonly=True)
    hash = fields.Char(readonly=True)
    is_sound = fields.Boolean("Sound", readonly=True)
    text = fields.Text("What Was Found", readonly=True)
