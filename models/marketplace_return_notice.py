from datetime import timezone

from odoo import Command, api, models
from odoo.tools import LazyTranslate

_lt = LazyTranslate(__name__)

# What a notice is: in these states there is work to do, the others are informed.
STATES = {
    "requested": "announced",
    "pending": "announced",
    "approved": "new",
    "refunded": "new",
    "declined": "declined",
    "cancelled": "cancelled",
    "closed": "done",
}
# Of two notices of the same moment the one that is further is the newer one.
RANKS = {
    "requested": 0,
    "approved": 1,
    "pending": 1,
    "refunded": 2,
    "closed": 3,
    "declined": 3,
    "cancelled": 3,
}
# Nothing was decided yet: what the marketplace changes is taken over.
UNDECIDED = ("announced", "new", "unmatched", "matched", "declined", "cancelled")


class MarketplaceAccount(models.Model):
    _inherit = "marketplace.account"

    def _get_state(self, notice):
        """The state here of what is in a state at the marketplace."""
        self.ensure_one()
        asked = notice.kind == "return" and notice.state == "requested"
        if asked and self.accept_when == "requested":
            return "new"
        return STATES[notice.state]


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    @api.model
    def _update_from_notices(self, notices):
        """Create returns from notices, or bring them up to date.

        A notice told again changes nothing, and an older one does not undo a newer.

        :param notices: a list of ``(marketplace.message, ReturnNotice)``
        :return: the returns
        """
        orders = [(m, notice) for m, notice in notices if notice.kind == "order"]
        newest = {}
        for message, notice in notices:
            key = message.account_id, notice.external_id
            if notice.kind != "order" and (
                key not in newest or not is_older(notice, *moment(newest[key]))
            ):
                newest[key] = notice
        known = self._find_known([account for account, _external in newest], newest)
        currencies = self._get_currencies(newest.values())
        reasons = self.env["marketplace.reason"]._find_or_add(
            {(account, get_reason(told)) for (account, _id), told in newest.items()}
        )
        new = [
            self._prepare_from_notice(account, notice, currencies)
            | prepare_reason(account, reasons.get((account, get_reason(notice))))
            for (account, external_id), notice in newest.items()
            if (account, external_id) not in known
        ]
        for key, record in known.items():
            record._update_from_notice(newest[key], currencies)
            record._update_reason(reasons.get((key[0], get_reason(newest[key]))))
        returns = self.union(*known.values()) | self.create(new)
        for record in returns:
            record._set_fees(newest[record.account_id, record.external_id], currencies)
        returns._link_messages(notices)
        returns._link_parents()
        self._end_orders(orders)
        return returns

    @api.model
    def _find_known(self, accounts, newest):
        found = self.search(
            [
                ("account_id", "in", [account.id for account in accounts]),
                (
                    "external_id",
                    "in",
                    [external_id for _account, external_id in newest],
                ),
            ]
        )
        known = {(record.account_id, record.external_id): record for record in found}
        return {key: record for key, record in known.items() if key in newest}

    @api.model
    def _get_currencies(self, notices):
        names = {notice.currency for notice in notices if notice.currency}
        found = self.env["res.currency"].with_context(active_test=False)
        found = found.search([("name", "in", list(names))]) if names else found
        return {currency.name: currency for currency in found}

    # ------------------------------------------------------------------
    # Values of a notice
    # ------------------------------------------------------------------

    @api.model
    def _prepare_from_notice(self, account, notice, currencies):
        values = self._prepare_notice_values(notice, currencies)
        return {
            **values,
            "account_id": account.id,
            "external_id": notice.external_id,
            "kind": notice.kind,
            "state": account._get_state(notice),
            "line_ids": [
                Command.create(prepare_line_values(line)) for line in notice.lines
            ],
        }

    @api.model
    def _prepare_notice_values(self, notice, currencies):
        amounts = {
            told.currency: prepare_amounts(told)
            for told in (notice, notice.other_currency)
            if told and told.currency
        }
        currency = currencies.get(notice.currency)
        return {
            "marketplace_state": notice.state,
            "order_external_id": notice.order_external_id,
            "order_ref": notice.order_refs[0] if notice.order_refs else False,
            "order_refs": list(notice.order_refs),
            "return_external_id": notice.return_external_id,
            "occurred_at": moment(notice)[0],
            "reason": notice.reason,
            "note": notice.note,
            "fulfilled_by": notice.fulfilled_by or False,
            "customer_language": notice.customer_language,
            "customer_email": notice.customer_email,
            "currency_id": currency.id if currency else False,
            "amounts": amounts,
            "is_amount_known": notice.total is not None,
            "amount_total": float(as_text(notice.total) or 0),
        }

    def _use_currency(self, currency):
        """Take the amounts in the currency of the invoice, where they are told in it.

        :return: whether they are
        """
        self.ensure_one()
        if not self.amounts or self.currency_id == currency:
            return True
        told = self.amounts.get(currency.name)
        if told is None:
            return False
        self.write(
            {
                "currency_id": currency.id,
                "is_amount_known": told["total"] is not None,
                "amount_total": float(told["total"] or 0),
            }
        )
        for line in self.line_ids:
            line.write(line_amounts(told["lines"].get(line.external_id)))
        return True

    # ------------------------------------------------------------------
    # A return that is known already
    # ------------------------------------------------------------------

    def _update_from_notice(self, notice, currencies):
        """Bring a return up to date, if the notice is newer and says something new."""
        self.ensure_one()
        if is_older(notice, self.occurred_at, self.marketplace_state):
            return
        values = self._prepare_notice_values(notice, currencies)
        values["occurred_at"] = values["occurred_at"] or self.occurred_at
        ended = notice.state in ("declined", "cancelled", "closed")
        if ended and not notice.lines:
            # Told by its end alone: what was known before stays.
            values = {
                name: values[name] for name in ("marketplace_state", "occurred_at")
            }
        changed = self._get_changed(values)
        if not changed:
            return
        if self.state in UNDECIDED:
            self.write({name: values[name] for name in changed})
            if not ended:
                self._update_lines(notice)
            self._follow_marketplace(notice)
        elif ended:
            self.write({"marketplace_state": notice.state})
            self._ended_at_marketplace(notice)
        elif "amounts" in changed:
            self._tell_late_change(notice)

    def _get_changed(self, values):
        """The names of what a notice tells otherwise than before."""
        amounts = ("currency_id", "is_amount_known", "amount_total")
        changed = [
            name
            for name, value in values.items()
            if name not in amounts and (self[name] or False) != (value or False)
        ]
        # The currency may be the invoice's by now: the amounts in all of them decide.
        return [*changed, *amounts] if "amounts" in changed else changed

    def _update_lines(self, notice):
        """Take over the lines, and keep what they were matched with."""
        lines = {line.external_id: line for line in self.line_ids if line.external_id}
        told = {line.external_id for line in notice.lines}
        commands = [
            Command.delete(line.id)
            for external_id, line in lines.items()
            if external_id not in told
        ]
        for line in notice.lines:
            values = prepare_line_values(line)
            if known := lines.get(line.external_id):
                commands.append(Command.update(known.id, values))
            else:
                commands.append(Command.create(values))
        self.write({"line_ids": commands})

    def _update_reason(self, reason):
        """Another reason was told, or it is told only now."""
        if not reason or reason == self.marketplace_reason_id:
            return
        account = self.account_id
        old = self.marketplace_reason_id.refund_reason_id or account.refund_reason_id
        values = prepare_reason(account, reason)
        if self.refund_reason_id != old or not self.is_open:
            # A person chose another one, or it is credited already.
            del values["refund_reason_id"]
        self.write(values)

    def _follow_marketplace(self, notice):
        state = self.account_id._get_state(notice)
        if state == "announced" and self.state in ("new", "unmatched", "matched"):
            return
        self._set_state(state)

    def _ended_at_marketplace(self, notice):
        """What was decided here already ends at the marketplace."""
        if notice.state == "closed":
            self.message_post(body=self.env._("Closed at the marketplace."))
            return
        if self.state in ("approved", "waiting") and not self.credit_note_ids:
            self._cancel_expected_goods()
            self._set_state("cancelled")
            return
        self._set_missing(
            _lt(
                "The marketplace withdrew it after it was approved here. Look at what"
                " was credited and received, then close it."
            )
        )

    def _tell_late_change(self, notice):
        self._set_missing(
            _lt(
                "The marketplace changed it after it was approved here (paid back:"
                " %(now)s, before: %(before)s). Look at what was credited, then"
                " continue.",
                now=notice.total or "?",
                before=f"{self.amount_total} {self.currency_id.name or ''}",
            )
        )


def moment(notice):
    """When a notice is from, as a return keeps it, and its state."""
    at = notice.occurred_at
    if at:
        at = at.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)
    return at or False, notice.state


def is_older(notice, occurred_at, state):
    """Whether a notice tells an earlier moment than the one given."""
    at, _state = moment(notice)
    if at and occurred_at and at != occurred_at:
        return at < occurred_at
    return RANKS[notice.state] < RANKS.get(state, 0)


def prepare_amounts(notice):
    """The amounts of a notice as text, which keeps every digit."""
    return {
        "total": as_text(notice.total),
        "lines": {
            line.external_id: [as_text(line.untaxed), as_text(line.total)]
            for line in notice.lines
        },
    }


def get_reason(notice):
    """The customer's reason: of the whole, else the first that a line tells."""
    return notice.reason or next((r.reason for r in notice.lines if r.reason), "")


def prepare_reason(account, reason):
    """The values of a return for a ``marketplace.reason``, which may be none."""
    mapped = reason.refund_reason_id if reason else account.refund_reason_id
    return {
        "marketplace_reason_id": reason.id if reason else False,
        "refund_reason_id": (mapped or account.refund_reason_id).id,
    }


def as_text(money):
    return None if money is None else str(money.amount)


def prepare_line_values(line):
    """The values of a return line, from one of a notice."""
    return {
        "external_id": line.external_id,
        "kind": line.kind,
        "order_line_ref": line.order_line_ref,
        "sku": line.sku,
        "barcode": line.barcode,
        "title": line.title,
        "quantity": float(line.quantity),
        "goods_expected": line.goods_expected,
        "reason": line.reason,
        **line_amounts([as_text(line.untaxed), as_text(line.total)]),
    }


def line_amounts(told):
    """The amounts of a return line, and whether the marketplace tells them."""
    untaxed, total = told or (None, None)
    return {
        "is_untaxed_known": untaxed is not None,
        "is_total_known": total is not None,
        "amount_untaxed": float(untaxed or 0),
        "amount_total": float(total or 0),
    }
