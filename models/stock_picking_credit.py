import logging

import psycopg2

from odoo import fields, models
from odoo.exceptions import UserError

from .marketplace_return import AMOUNTS
from .sale_order_line import _is_counted

_logger = logging.getLogger(__name__)


class StockPicking(models.Model):
    """The credit notes for what the warehouse received."""

    _inherit = "stock.picking"

    return_credit_error = fields.Text(
        "Why There Is No Credit Note", copy=False, readonly=True, groups=AMOUNTS
    )

    def action_create_return_credit_notes(self):
        """Credit what was received with these returns; the button of accountants.

        :return: the action that opens the credit notes
        :raise UserError: when there is nothing to credit, or naming what is wrong
        """
        self.env["account.move"].check_access("create")
        returns = self._filter_to_credit()
        if not returns:
            raise UserError(
                self.env._(
                    "%(transfers)s: nothing was received that is to be credited here."
                    " Returns of marketplaces are credited by their return.",
                    transfers=", ".join(self.mapped("name")),
                )
            )
        credit_notes = returns._create_return_credit_notes(by_hand=True)
        return self.env["marketplace.return"]._open(credit_notes)

    def _filter_to_credit(self):
        """The returns that were received and are not credited, those of marketplaces
        left out: they are credited by their own policy."""
        unsold = self._get_unsold_left_to_credit()
        return self.filtered(
            lambda picking: (
                picking.return_state == "to_credit"
                and (
                    picking._get_moves_to_credit()
                    or picking._get_refused_left_to_credit()
                    or picking in unsold
                )
            )
        )

    def _get_moves_to_credit(self):
        # sudo: who works with returns need not see those of marketplaces
        return self.move_ids.filtered(
            lambda move: (
                move._is_accepted_return()
                and not move.sudo().marketplace_return_line_id
            )
        )

    # ------------------------------------------------------------------
    # By itself
    # ------------------------------------------------------------------

    def _credit_received(self):
        """Make the credit notes of what was just received, as the companies want it.

        Never keeps the warehouse from receiving: what cannot be credited is told to
        the accountants.
        """
        # sudo: who receives goods has no rights on the accounts
        returns = self.sudo().filtered(
            lambda picking: picking.company_id.return_credit_policy != "none"
        )
        for picking, exception in returns._credit_isolated():
            picking._note_credit_failure(exception)

    def _credit_isolated(self):
        """Credit all together; where that fails, find those that cannot be.

        :return: a list of ``(picking, exception)``
        """
        if not self:
            return []
        try:
            with self.env.cr.savepoint():
                self._filter_to_credit()._create_return_credit_notes()
            return []
        except psycopg2.OperationalError:
            # Another transaction was first: all is run again by Odoo.
            raise
        except Exception as exception:
            if len(self) == 1:
                return [(self, exception)]
        middle = len(self) // 2
        return self[:middle]._credit_isolated() + self[middle:]._credit_isolated()

    def _note_credit_failure(self, exception):
        """Tell the accountant why goods that came back are not credited."""
        self.ensure_one()
        if not isinstance(exception, UserError):
            _logger.error("%s could not be credited", self.name, exc_info=exception)
        self.return_credit_error = str(exception)
        self._tell_accountant(self.env._("Received, but not credited"))

    def _get_credit_activities(self):
        kind = self.env.ref("avoir.mail_activity_type_return_credit")
        return self.activity_ids.filtered(lambda one: one.activity_type_id == kind)

    # ------------------------------------------------------------------
    # The credit notes
    # ------------------------------------------------------------------

    def _create_return_credit_notes(self, by_hand=False):
        """Make the credit notes of these received returns: one for each invoice.

        :param by_hand: asked for by a person: a draft where the company wants none by
            itself
        :return: the credit notes, ``account.move``
        :raise UserError: naming what cannot be credited; nothing is made then
        """
        credit_notes = self.env["account.move"]
        for company, returns in self.grouped("company_id").items():
            policy = company.return_credit_policy
            if policy == "none" and by_hand:
                policy = "draft"
            if policy != "none":
                returns = returns.with_company(company)
                credit_notes |= returns._create_credit_notes_by_policy(policy)
        return credit_notes

    def _create_credit_notes_by_policy(self, policy):
        # sudo: order lines, for accountants who are no salespeople
        lines = self.env["sale.order.line"].sudo()
        received = self._get_received_by_order_line()
        refused = {
            line: {picking: quantity}
            for picking in self
            for line, quantity in picking._get_refused_left_to_credit().items()
        }
        credit_notes = self.env["account.move"]
        for requests in (
            lines.union(*received)._prepare_credit_requests(received),
            lines._prepare_kept_credit_requests(refused),
        ):
            credit_notes |= credit_notes._create_credit_notes(
                requests, post=policy == "post"
            )
        # Which invoice these are of is a guess: a person looks at the draft.
        credit_notes |= credit_notes._create_credit_notes(
            self._prepare_unsold_credit_requests(), post=False
        )
        if policy == "approve":
            credit_notes._ask_for_approval()
        if of_orders := credit_notes.filtered("invoice_line_ids.sale_line_ids"):
            self.env["sale.order"]._log_credit_note_origin(of_orders)
        # sudo: the text is the addon's own, and the activity may be of another user
        self.sudo().filtered("return_credit_error").return_credit_error = False
        self.sudo()._get_credit_activities().unlink()
        return credit_notes

    def _get_received_by_order_line(self):
        """What these returns brought of each order line and is not credited yet.

        :return: ``{sale.order.line: {picking: quantity}}`` in the unit of the line
        """
        received = {}
        for picking in self:
            left = picking._get_quantities_left_to_credit()
            for line in picking._get_moves_to_credit().sale_line_id.sudo():
                if left[line] > 0:
                    received.setdefault(line, {})[picking] = left[line]
        return received

    # ------------------------------------------------------------------
    # Taken back
    # ------------------------------------------------------------------

    def _take_credit_back(self):
        """Goods that were credited are with the customer again."""
        # sudo: as in `_credit_received`
        moves = self.sudo().move_ids.filtered("to_refund").origin_returned_move_id
        over = moves.picking_id.filtered(lambda one: one.return_state == "over")
        over._settle_credit()

    def _settle_credit(self):
        """What was received is another quantity now: drafts are made anew, what is
        posted becomes invoiceable again or is told to the accountant; what is missing
        is credited as the company wants it."""
        # sudo: as in `_credit_received`
        returns = self.sudo()
        for picking in returns.filtered(lambda one: one.return_state == "over"):
            notes = picking.credit_note_ids.filtered(_is_counted)
            drafts = notes.filtered(lambda move: move.state == "draft")
            if drafts:
                drafts.button_cancel()
            elif (
                not any(
                    quantity > 0
                    for quantity in picking._get_quantities_at_hand().values()
                )
                and notes.return_picking_ids <= picking
            ):
                notes.invoice_again = True
            else:
                picking._tell_credited_too_much()
        returns.filtered(lambda one: one.return_state == "to_credit")._credit_received()

    def _get_quantities_at_hand(self):
        """What came back with these transfers and did not leave again."""
        moves = self.move_ids.filtered(lambda move: move._is_accepted_return())
        return {
            line: line._sum_moves(here) - line._sum_moves(here._get_sent_again())
            for line, here in moves.grouped("sale_line_id").items()
        }

    def _tell_credited_too_much(self):
        self._tell_accountant(self.env._("More is credited than came back"))

    def _tell_accountant(self, summary):
        """Ask an accountant to look at this return, once at a time."""
        self.ensure_one()
        user = self.company_id._get_return_accountant()
        if user and not self._get_credit_activities():
            self.activity_schedule(
                "avoir.mail_activity_type_return_credit",
                summary=summary,
                user_id=user.id,
            )
