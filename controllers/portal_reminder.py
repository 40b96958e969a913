from urllib.parse import urlencode

from odoo import fields, http
from odoo.http import request
from odoo.tools import consteq

from odoo.addons.portal.controllers.portal import CustomerPortal

LONGEST_TEXT = 2000


class PortalReminder(CustomerPortal):
    """What a customer is late with, and the answers to it.

    A letter is opened by who is logged in as its customer, or by the link of the mail.
    """

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "reminder_count" in counters:
            values["reminder_count"] = len(self._get_overdue_moves())
        return values

    # -- pages -----------------------------------------------------------------------

    @http.route("/my/reminders", type="http", auth="user", website=True)
    def portal_my_reminders(self, **kw):
        """Show what is overdue and the letters that were sent."""
        letters = self._get_letters()
        moves = self._get_overdue_moves()
        return request.render(
            "avoir.portal_my_reminders",
            self._get_page_values(moves, None, kw) | {"letters": letters},
        )

    @http.route(
        "/my/reminders/<int:letter_id>", type="http", auth="public", website=True
    )
    def portal_my_reminder(
        self, letter_id, access_token=None, report_type=None, lang=None, **kw
    ):
        """Show one letter, or its PDF."""
        letter = self._find_letter(letter_id, access_token)
        if not letter:
            return request.redirect("/my")
        if report_type == "pdf":
            return self._download(letter)
        lang = lang and request.env["ir.http"].get_nearest_lang(lang)
        if lang and request.env.user._is_public():
            return request.redirect(self._get_page_in(lang))
        values = self._get_page_values(self._get_open_moves(letter), letter, kw)
        return request.render("avoir.portal_my_reminders", values)

    @http.route(
        "/my/reminders/answer",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
    )
    def portal_answer_reminder(
        self, answer="", move_id=None, letter_id=None, access_token=None, **kw
    ):
        """Take a dispute or a promise; anything else changes nothing.

        The invoice must be one of those that the page shows.
        """
        letter = self._find_letter(_to_int(letter_id), access_token)
        back = (
            f"/my/reminders/{letter.id}?access_token={access_token or ''}"
            if letter
            else "/my/reminders"
        )
        moves = self._get_open_moves(letter) if letter else self._get_overdue_moves()
        move = moves.filtered(lambda move: move.id == _to_int(move_id))
        if not move:
            return request.redirect("/my" if not letter else back)
        error = self._take_answer(move, answer, kw)
        mark = "&" if "?" in back else "?"
        return request.redirect(f"{back}{mark}told={error or answer}")

    def _get_page_in(self, lang):
        """Return this page's address in the language of the letter.

        Later pages keep it, and a visitor who chooses another one there keeps that.
        """
        query = {
            key: value
            for key, value in request.params.items()
            if key in ("access_token", "told")
        }
        path = request.env["ir.http"]._url_for(request.httprequest.path, lang)
        return f"{path}?{urlencode(query)}"

    # -- helpers ---------------------------------------------------------------------

    def _take_answer(self, move, answer, values):
        """Note the answer on the invoice.

        :return: the name of what is wrong, or None
        """
        if answer == "dispute":
            # PostgreSQL stores no NUL.
            reason = (values.get("reason") or "").replace("\0", "")
            reason = reason.strip()[:LONGEST_TEXT]
            if not reason:
                return "no_reason"
            move._set_dispute(reason)
        elif answer == "promise":
            today = fields.Date.context_today(move)
            latest = move._get_last_promise_day()
            if not latest:
                return "no_more"
            try:
                date = fields.Date.to_date(values.get("date") or "")
            except ValueError:
                date = None
            if not date or not today <= date <= latest:
                return "bad_date"
            move._set_promise(date)
        else:
            return "nothing"
        return None

    def _get_open_moves(self, letter):
        """Return what is left to pay of a letter, its charges too; no credits."""
        asked = letter.line_ids.filtered(lambda line: line.amount_residual > 0)
        return (asked.move_id | letter.charge_move_id).filtered(
            lambda move: move.state == "posted" and move.amount_residual > 0
        )

    def _find_letter(self, letter_id, access_token):
        """Return a letter that was sent, as superuser, if it may be seen."""
        # sudo: customers have no right on the model; the token or the login decides
        letters = request.env["account.reminder.letter"].sudo()
        letter = letters.browse(letter_id or 0).exists()
        if not letter or letter.state not in ("sent", "failed"):
            return letters
        if access_token and letter.access_token:
            # As bytes: of texts it compares ASCII only.
            if consteq(letter.access_token.encode(), access_token.encode()):
                return letter
        user = request.env.user
        if not user._is_public() and user.share:
            if letter.partner_id == user.partner_id.commercial_partner_id:
                return letter
        if not user.share and letter.with_user(user).has_access("read"):
            return letter
        return letters

    def _get_letters(self):
        partner = request.env.user.partner_id.commercial_partner_id
        # sudo: as above; only the letters of the customer who is logged in
        return (
            request.env["account.reminder.letter"]
            .sudo()
            .search(
                [
                    ("partner_id", "=", partner.id),
                    ("state", "=", "sent"),
                    ("attachment_id", "!=", False),
                ],
                limit=80,
            )
        )

    def _get_overdue_moves(self):
        """Return the overdue invoices of who is logged in, as superuser."""
        user = request.env.user
        if user._is_public():
            return request.env["account.move"].sudo()
        # sudo: an employee's contact may see what his company owes in the portal
        return (
            request.env["account.move"]
            .sudo()
            .search(
                [
                    (
                        "commercial_partner_id",
                        "=",
                        user.partner_id.commercial_partner_id.id,
                    ),
                    ("state", "=", "posted"),
                    ("move_type", "in", ("out_invoice", "out_receipt")),
                    ("payment_state", "in", ("not_paid", "partial")),
                    ("invoice_date_due", "<", fields.Date.context_today(user)),
                ],
                order="invoice_date_due, id",
            )
        )

    def _get_page_values(self, moves, letter, kw):
        user = request.env.user
        today = fields.Date.context_today(user)
        sums = {}
        for move in moves:
            sums[move.currency_id] = (
                sums.get(move.currency_id, 0) + move.amount_residual
            )
        mine = not user._is_public() and all(
            move.partner_id == user.partner_id for move in moves
        )
        return {
            **self._prepare_portal_layout_values(),
            "page_name": "reminders",
            "moves": moves,
            "letter": letter,
            "letters": request.env["account.reminder.letter"],
            "sums": sums,
            "today": today,
            "access_token": kw.get("access_token")
            or (letter and request.params.get("access_token"))
            or "",
            "told": kw.get("told"),
            "pay_all": mine
            and len(moves) > 1
            and len(sums) == 1
            and len(moves.company_id) == 1
            and not letter,
        }

    def _download(self, letter):
        content = letter.attachment_id.raw
        if not content:
            return request.redirect(f"/my/reminders/{letter.id}")
        return request.make_response(
            content,
            [
                ("Content-Type", "application/pdf"),
                ("Content-Length", len(content)),
                ("Content-Disposition", http.content_disposition(f"{letter.name}.pdf")),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )


def _to_int(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        return 0
