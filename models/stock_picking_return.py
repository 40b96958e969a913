from odoo import api, fields, models
from odoo.exceptions import AccessError

from .marketplace_return import AMOUNTS
from .sale_order_line import _is_counted
from .stock_picking import GoodsReturn

RETURN_STATES = [
    ("expected", "To Receive"),
    ("to_credit", "To Credit"),
    ("draft", "Credit Note to Post"),
    ("credited", "Credited"),
    ("over", "Credited Too Much"),
    ("received", "Received"),
    ("cancel", "Cancelled"),
]


class StockPicking(models.Model):
    """Transfers that bring goods back: why, what became of them, and of their money."""

    _inherit = "stock.picking"

    return_kind = fields.Selection(
        [
            ("customer", "From a customer"),
            ("again", "To the customer again"),
            ("vendor", "To a vendor"),
        ],
        compute="_compute_return_kind",
        store=True,
        index="btree_not_null",
    )
    refund_reason_id = fields.Many2one(
        "account.refund.reason",
        "Reason of the Return",
        check_company=True,
        copy=False,
        index="btree_not_null",
        tracking=True,
        help="Printed on the credit note.",
    )
    return_state = fields.Selection(
        RETURN_STATES,
        "Return",
        compute="_compute_return_state",
        store=True,
        group_expand="_expand_return_state",
        help="To Receive: expected from the customer.\n"
        "To Credit: received, and no credit note gives the money back yet.\n"
        "Credit Note to Post: it waits as a draft.\n"
        "Credited: received and credited.\n"
        "Credited Too Much: more was credited than came back.\n"
        "Received: received, and there is nothing to credit.",
    )
    return_content = fields.Char("Goods", compute="_compute_return_content")
    return_title = fields.Char(compute="_compute_return_title")
    return_invoice_ids = fields.Many2many(
        "account.move",
        compute="_compute_return_invoice_ids",
        string="Invoices",
        groups=AMOUNTS,
        help="The invoices of what comes back.",
    )
    marketplace_return_ids = fields.Many2many(
        "marketplace.return",
        compute="_compute_marketplace_return_ids",
        search="_search_marketplace_return_ids",
        string="Marketplace Returns",
    )

    def write(self, vals):
        """What is worked out from the goods is not typed over through the API."""
        computed = {"return_kind", "return_state", "return_settled"}
        if not self.env.su and computed & vals.keys():
            raise AccessError(
                self.env._(
                    "%(transfers)s: the state of a return follows from its goods and"
                    " its credit notes. Receive or credit it.",
                    transfers=", ".join(self.mapped("name")),
                )
            )
        return super().write(vals)

    @api.depends(
        "return_id",
        "location_id.usage",
        "location_dest_id.usage",
        "move_ids.origin_returned_move_id",
    )
    def _compute_return_kind(self):
        for picking in self:
            source, target = picking.location_id.usage, picking.location_dest_id.usage
            origins = picking.move_ids.origin_returned_move_id
            is_return = bool(picking.return_id or origins)
            kind = False
            if source == "customer" and target != "customer":
                kind = "customer"
            elif is_return and target == "customer":
                kind = "again"
            elif is_return and any(
                move._goes_back_to_vendor() for move in picking.move_ids
            ):
                kind = "vendor"
            picking.return_kind = kind

    @api.depends(
        "state",
        "return_kind",
        "return_settled",
        "credit_note_ids.state",
        "move_ids.quantity",
        "move_ids.to_refund",
        "move_ids.returned_move_ids.state",
        "move_ids.sale_line_id.qty_to_invoice",
    )
    def _compute_return_state(self):
        # What is looked at for one by one is read for all of them.
        received = self.filtered(lambda picking: picking.state == "done")
        received |= received.credit_note_ids.return_picking_ids
        received.mapped("move_ids.returned_move_ids")
        unsold = received._get_unsold_left_to_credit()
        for picking in self:
            if picking.return_kind != "customer":
                picking.return_state = False
            elif picking.state == "cancel":
                picking.return_state = "cancel"
            elif picking.state != "done":
                picking.return_state = "expected"
            else:
                picking.return_state = picking._get_credit_state(picking in unsold)

    @api.model
    def _expand_return_state(self, states, domain):
        """The columns of the kanban, in the order of the work."""
        usual = ["expected"]
        # The money is none of the warehouse's business.
        if self.env.user.has_groups(AMOUNTS):
            usual += ["to_credit", "draft", "credited"]
        return [one for one, _label in RETURN_STATES if one in usual or one in states]

    def _get_credit_state(self, has_unsold):
        """How far the money of these received goods is given back.

        :param has_unsold: whether goods that no order sold are left to credit
        """
        self.ensure_one()
        notes = self.credit_note_ids.filtered(_is_counted)
        together = notes.return_picking_ids | self
        left = together._get_quantities_left_to_credit()
        if any(left[line] > 0 and line.qty_to_invoice < 0 for line in left):
            return "to_credit"
        if any(self._get_refused_left_to_credit().values()):
            return "to_credit"
        if has_unsold:
            return "to_credit"
        if not notes:
            return "received"
        if any(left[line] < 0 for line in left) and not together._is_anything_pending():
            return "over"
        return "draft" if "draft" in notes.mapped("state") else "credited"

    def _is_anything_pending(self):
        return any(picking.state not in ("done", "cancel") for picking in self)

    def _get_quantities_left_to_credit(self):
        """What was taken back with these transfers and their credit notes do not say.

        :return: ``{sale.order.line: quantity}`` in the unit of the line, unrounded (5
            of a dozen are no round part of it); below zero where more was credited
        """
        moves = self.move_ids.filtered(lambda move: move._is_accepted_return())
        return self._subtract_credited(moves, return_goods=True)

    def _get_refused_left_to_credit(self):
        """What was refused and is to be credited all the same, where the company wants
        it; as :meth:`_get_quantities_left_to_credit`, and never below zero."""
        moves = self.filtered("company_id.return_credit_refused").move_ids.filtered(
            lambda move: (
                move.state == "done"
                and move.return_verdict == "refused"
                and move.sale_line_id
                # sudo: who works with returns need not see those of marketplaces
                and not move.sudo().marketplace_return_line_id
            )
        )
        left = self._subtract_credited(moves, return_goods=False)
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    def _subtract_credited(self, moves, return_goods):
        """What moves brought, less what the credit notes of these transfers credit.

        :param return_goods: of the credit notes to look at: whether their goods are
            back, or with the customer
        """
        notes = self.credit_note_ids.filtered(
            lambda note: (
                _is_counted(note)
                and note.return_goods == return_goods
                # What is invoiced again is taken back.
                and not note.invoice_again
            )
        )
        credited = notes.invoice_line_ids.filtered(
            lambda line: line.quantity > 0 and not line.is_price_correction
        )
        result = {}
        for line, here in moves.grouped("sale_line_id").items():
            quantity = line._sum_moves(here) - line._sum_moves(here._get_sent_again())
            quantity -= sum(
                line._get_exact_quantity(one)
                for one in credited
                if line in one.sale_line_ids
            )
            is_zero = line.product_uom_id.is_zero(quantity)
            result[line] = 0.0 if is_zero else quantity
        return result

    @api.depends("move_ids.product_id", "move_ids.product_uom_qty", "move_ids.quantity")
    def _compute_return_content(self):
        for picking in self:
            moves = picking.move_ids.filtered(
                lambda move: (
                    move.state != "cancel" and move.location_id.usage == "customer"
                )
            )
            picking.return_content = ", ".join(
                f"{sum(some.mapped(name)):g} × {product.name}"
                for name in [
                    "quantity" if picking.state == "done" else "product_uom_qty"
                ]
                for product, some in moves.grouped("product_id").items()
            )

    @api.depends("partner_id", "return_content")
    def _compute_return_title(self):
        """What the calendar shows: who sends what."""
        for picking in self:
            texts = (picking.partner_id.name, picking.return_content)
            picking.return_title = ": ".join(filter(None, texts)) or picking.name

    @api.depends("move_ids.sale_line_id.invoice_lines")
    def _compute_return_invoice_ids(self):
        for picking in self:
            lines = picking.sudo().move_ids.sale_line_id.invoice_lines
            invoices = lines.move_id.filtered(lambda m: m.move_type == "out_invoice")
            picking.return_invoice_ids = invoices

    @api.depends("move_ids.marketplace_return_line_id")
    def _compute_marketplace_return_ids(self):
        for picking in self:
            returns = picking._get_marketplace_returns()
            picking.marketplace_return_ids = returns.sudo(False)

    @api.model
    def _search_marketplace_return_ids(self, operator, value):
        return [("move_ids.marketplace_return_line_id.return_id", operator, value)]

    # ------------------------------------------------------------------
    # Receipt
    # ------------------------------------------------------------------

    def _create_backorder_picking(self):
        """What did not come yet is the rest of the same return."""
        backorder = super()._create_backorder_picking()
        if self.return_kind == "customer":
            backorder.write(
                {
                    "return_id": self.return_id.id,
                    "refund_reason_id": self.refund_reason_id.id,
                }
            )
        return backorder

    def _action_done(self):
        self._receive_what_was_not_sold()
        done_before = self.move_ids.filtered(lambda move: move.state == "done")
        result = super()._action_done()
        moves = self.move_ids.filtered(lambda move: move.state == "done") - done_before
        moves.filtered(lambda m: m.return_verdict == "scrap")._scrap_returns()
        self._send_refused_back(
            moves.filtered(lambda move: move.return_verdict == "refused")
        )
        self.filtered(lambda one: one.return_kind == "customer")._credit_received()
        self.filtered(lambda one: one.return_kind == "again")._take_credit_back()
        return result

    def _receive_what_was_not_sold(self):
        """Receive goods that the order never sold, and credit nothing for them.

        Core makes a line of the order for less than nothing of them, at today's price:
        warehouse users have no right to, and could not receive the parcel.
        """
        if self.env["sale.order.line"].has_access("create"):
            return
        returns = self.filtered(
            lambda one: one.return_kind == "customer" and one.reference_ids.sale_ids
        )
        for picking in returns:
            strange = picking.move_ids.filtered(
                lambda move: (
                    move.picked
                    and move.to_refund
                    and move.state not in ("done", "cancel")
                    and move._comes_from_customer()
                    and not move.sale_line_id
                    and not move.origin_returned_move_id
                )
            )
            if strange:
                strange.to_refund = False
                picking._message_log(
                    body=self.env._(
                        "%(products)s: not sold with what comes back here. It is"
                        " received, and nothing is credited for it.",
                        products=", ".join(strange.product_id.mapped("display_name")),
                    )
                )

    def _send_refused_back(self, moves):
        """Make the deliveries that bring refused goods to the customer again."""
        if moves:
            quantities = {move: move.quantity for move in moves}
            self._create_goods_returns([GoodsReturn(quantities, to_refund=False)])


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_cancel(self):
        waiting = self.filtered(
            lambda move: (
                move.state not in ("done", "cancel")
                and move.origin_returned_move_id.return_verdict == "refused"
                and move._goes_to_customer()
            )
        )
        result = super()._action_cancel()
        stayed = waiting.filtered(lambda move: move.state == "cancel")
        # sudo: who works in the warehouse has no rights on the accounts
        for receipt in stayed.sudo().origin_returned_move_id.picking_id:
            if not receipt.company_id.return_credit_refused:
                receipt._tell_accountant(
                    self.env._("Refused goods were not sent to the customer")
                )
        return result

    def _is_accepted_return(self):
        """Whether goods of an order were received and taken back with this move."""
        return (
            self.state == "done"
            and self.to_refund
            and bool(self.sale_line_id)
            and self._comes_from_customer()
        )

    def _get_sent_again(self):
        """The done moves that brought what had come back to the customer again, and
        that the order counts as delivered."""
        return self.returned_move_ids.filtered(
            lambda move: (
                move.state == "done" and move.to_refund and move._goes_to_customer()
            )
        )
