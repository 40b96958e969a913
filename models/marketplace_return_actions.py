from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.translate import LazyGettext

from .marketplace_work import format_exception


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    # ------------------------------------------------------------------
    # What waits for a person
    # ------------------------------------------------------------------

    def _set_missing(self, missing, **values):
        """Stop at what a person has to decide."""
        self.ensure_one()
        self._stop({self: [missing]}, **values)

    @api.model
    def _stop(self, missing, **values):
        """Stop returns at what a person has to decide, and tell the people of their
        accounts; those who were told already are not told again.

        :param missing: ``{return: what is missing}``, each a list of texts. Those that
            are lazy are kept in every language: who reads them may speak another one
            than who, or what cron, stopped the return.
        :param values: what else to write on each
        """
        told = [
            record
            for record, texts in missing.items()
            if record.missing != _say(self.env, texts)
            and not record._get_problem_activities()
        ]
        langs = [code for code, _name in self.env["res.lang"].get_installed()]
        returns = self.browse().union(*missing)
        # In English first: it stands for the languages that are installed later. One
        # language after the other: each is written for all returns at once.
        for lang in sorted(langs, key=lambda code: code != "en_US"):
            for record in returns.with_context(lang=lang):
                record.missing = _say(record.env, missing[record])
        returns.write(values)
        activity_type = self.env.ref("mail.mail_activity_data_todo")
        # Quick: without a mail for each of them.
        activities = self.env["mail.activity"].with_context(
            mail_activity_quick_update=True
        )
        activities.create(
            [
                {
                    "res_model_id": self.env["ir.model"]._get_id(self._name),
                    "res_id": record.id,
                    "activity_type_id": activity_type.id,
                    "summary": record.with_context(lang=user.lang).missing.splitlines()[
                        0
                    ],
                    "user_id": user.id,
                    "automated": True,
                }
                for record in told
                for user in record.account_id.user_ids
            ]
        )

    def _get_problem_activities(self):
        return self.activity_ids.filtered("automated")

    def _fail(self, exception):
        """Stop at a step that could not be done."""
        self.ensure_one()
        if isinstance(exception, UserError):
            self._set_missing(str(exception), next_try=False)
        else:
            self._set_missing(
                self.env._("Unexpected error: %s", repr(exception)),
                traceback=format_exception(exception),
                next_try=False,
            )

    # ------------------------------------------------------------------
    # Decisions of a person
    # ------------------------------------------------------------------

    def action_continue(self):
        """Go on with what was filled in by hand, as far as it goes.

        :return: a notification of what is still missing, if anything is
        """
        self._check_decision(
            ("new", "unmatched", "approved", "received", "waiting"), noted=True
        )
        returns = self.sudo()
        returns.filtered(lambda r: r.state == "unmatched")._set_state("new")
        returns.write({"missing": False, "traceback": False})
        returns._get_problem_activities().unlink()
        self._process_now()
        missing = [text for text in self.mapped("missing") if text]
        return bool(missing) and {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": "\n".join(dict.fromkeys(missing)),
                # Without it the form is not read again.
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_approve(self):
        """Approve returns: their goods come back, their money is credited."""
        self._check_decision(("matched",))
        self.sudo()._set_state("approved")
        self._process_now()

    def action_decline(self):
        """Decline returns: nothing comes back and nothing is credited here."""
        self._check_decision(("announced", "new", "unmatched", "matched"))
        self.sudo()._set_state("declined")

    def action_reopen(self):
        """Decide once more on what a person declined."""
        self._check_decision(("declined",))
        if ended := self.filtered(
            lambda record: record.marketplace_state in ("declined", "cancelled")
        ):
            raise UserError(
                self.env._(
                    "%(return)s was declined or cancelled at the marketplace: reopen it"
                    " there.",
                    **{"return": ended[0].name},
                )
            )
        for marketplace_state, returns in (
            self.sudo().grouped("marketplace_state").items()
        ):
            asked = marketplace_state in ("requested", "pending")
            returns._set_state("announced" if asked else "new")
        self._process_now()

    def action_credit_without_goods(self):
        """Credit what was announced, though the goods did not come."""
        self._check_decision(("waiting", "received"))
        refunds = self.sudo().filtered(lambda r: r.kind == "refund")
        if refunds != self.sudo():
            raise UserError(
                self.env._("There is no money to give back on a return of goods.")
            )
        refunds.is_credited_without_goods = True
        refunds._set_state("received")
        self._process_now()

    def action_credit_announced(self):
        """Credit what the marketplace paid back, though the invoice says otherwise."""
        self._choose_amount("announced")

    def action_credit_by_invoice(self):
        """Credit by the prices of the invoice, though something else was paid back."""
        self._choose_amount("invoice")

    def _choose_amount(self, choice):
        self._check_decision(("received",))
        returns = self.sudo()
        returns.amount_choice = choice
        returns._set_state("received")
        self._process_now()

    def action_close(self):
        """End returns as they are: what did not come is not expected any more."""
        returns = self.sudo()
        self._check_decision(
            (
                "announced",
                "new",
                "unmatched",
                "matched",
                "approved",
                "waiting",
                "received",
            ),
            noted=True,
        )
        returns._set_state("done")
        returns._cancel_expected_goods()

    def _check_decision(self, states, noted=False):
        """Let a user decide who may write returns, where there is something to.

        :param noted: also of what is done, where the marketplace told more since
        """
        self.check_access("write")
        wrong = self.filtered(lambda record: record.state not in states)
        if noted:
            wrong = wrong.filtered(
                lambda record: record.state != "done" or not record.is_waiting
            )
        if wrong:
            labels = dict(self._fields["state"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "%(return)s is “%(state)s”: there is nothing to decide.",
                    **{"return": wrong[0].name},
                    state=labels[wrong[0].state],
                )
            )

    # ------------------------------------------------------------------
    # Documents
    # ------------------------------------------------------------------

    def action_view_order(self):
        return self._open(self.sale_order_id)

    def action_view_invoices(self):
        return self._open(self.sudo()._get_invoices().sudo(False))

    def action_view_pickings(self):
        return self._open(self.picking_ids)

    def action_view_credit_notes(self):
        return self._open(self.credit_note_ids)

    def action_view_messages(self):
        return self._open(self.inbox_ids)

    def _open(self, records):
        """Open the form of one record, or the list of several."""
        action = {
            "type": "ir.actions.act_window",
            "res_model": records._name,
            "name": records._description,
            "domain": [("id", "in", records.ids)],
            "views": [(False, "list"), (False, "form")],
            "context": {"create": False},
        }
        if len(records) == 1:
            action.update(res_id=records.id, views=[(False, "form")])
        return action


def _say(env, texts):
    """Texts, one on each line, in the language of the environment."""
    return "\n".join(env._(t) if isinstance(t, LazyGettext) else t for t in texts)
