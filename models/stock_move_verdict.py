from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .avoir_number_mixin import AvoirNumberMixin

# What becomes of goods that came back, and the field that says of how many.
QUANTITY_FIELDS = {
    "scrap": "return_scrap_qty",
    "repair": "return_repair_qty",
    "refused": "return_refused_qty",
}
# What orders and credit notes go by, once goods are received.
SETTLED_FIELDS = {
    "to_refund",
    "sale_line_id",
    "origin_returned_move_id",
    "marketplace_return_line_id",
}
VERDICTS = [
    ("stock", "To stock"),
    ("scrap", "To scrap"),
    ("repair", "To repair"),
    ("refused", "Refused: back to the customer"),
]


class StockMove(models.Model):
    """Goods that come back are judged: to stock, to scrap, to repair, or refused.

    While they are received, the move says how many of each; the rest goes to stock.
    Once received there is a move for each verdict, so that all that follows (places,
    valuation, order, credit note) sees plain moves.
    """

    _inherit = "stock.move"

    return_announced_qty = fields.Float(
        "Announced",
        digits="Product Unit",
        copy=False,
        readonly=True,
        help="What the customer announced to send back.",
    )
    return_scrap_qty = fields.Float(
        "To Scrap",
        digits="Product Unit",
        copy=False,
        help="Of what is received: how much cannot be used any more.",
    )
    return_repair_qty = fields.Float(
        "To Repair",
        digits="Product Unit",
        copy=False,
        help="Of what is received: how much goes to the place for repairs.",
    )
    return_refused_qty = fields.Float(
        "Refused",
        digits="Product Unit",
        copy=False,
        help="Of what is received: how much is not taken back. A delivery back to the"
        " customer is made for it.",
    )
    return_verdict = fields.Selection(
        VERDICTS, "Verdict", copy=False, readonly=True, index="btree_not_null"
    )

    @api.constrains(*QUANTITY_FIELDS.values())
    def _check_verdict_quantities(self):
        for move in self:
            if any(move[name] < 0 for name in QUANTITY_FIELDS.values()):
                raise ValidationError(
                    self.env._(
                        "%(product)s: a quantity cannot be below zero.",
                        product=move.product_id.display_name,
                    )
                )

    def write(self, vals):
        judged = {"return_verdict", *QUANTITY_FIELDS.values()} & vals.keys()
        done = self.filtered(lambda move: move.state == "done")
        if (judged and done) or done._is_settled_otherwise(vals):
            self._raise_verdict_stands()
        AvoirNumberMixin._check_numbers(self, {name: vals[name] for name in judged})
        return super().write(vals)

    def _is_settled_otherwise(self, vals):
        """Whether values would change, behind the back of the credit notes, what was
        received; the interface does not offer it, the API would take it."""
        names = SETTLED_FIELDS & vals.keys()
        if not names or self.env.su:
            return False
        if "sale_line_id" in names and not self.sale_line_id:
            # Core adds the line of goods that were not sold once they are received.
            if self.env["sale.order.line"].has_access("create"):
                names -= {"sale_line_id"}
        return any(
            move[name] != move._fields[name].convert_to_cache(vals[name], move)
            if name == "to_refund"
            else (move[name].id or False) != (vals[name] or False)
            for move in self
            if move._comes_from_customer()
            for name in names
        )

    def _raise_verdict_stands(self):
        raise UserError(
            self.env._(
                "%(transfer)s is received: what was said of the goods stands. Move"
                " them with a transfer of its own.",
                transfer=", ".join(self.picking_id.mapped("name")),
            )
        )

    def _action_confirm(self, merge=True, merge_into=False, create_proc=True):
        moves = super()._action_confirm(
            merge=merge, merge_into=merge_into, create_proc=create_proc
        )
        returns = moves.exists().filtered(
            lambda move: move._is_received_return() and not move.return_announced_qty
        )
        for quantity, some in returns.grouped("product_uom_qty").items():
            some.return_announced_qty = quantity
        return moves

    def _action_done(self, cancel_backorder=False):
        self._check_can_be_judged()
        drafts = self.filtered(lambda move: move.state == "draft")
        moves = self | drafts._action_confirm(merge=False)
        returns = moves.exists().filtered(
            lambda move: (
                move.picked
                and move.state not in ("done", "cancel")
                and move._is_received_return()
            )
        )
        moves |= returns._split_by_verdict()
        return super(StockMove, moves)._action_done(cancel_backorder=cancel_backorder)

    def _check_can_be_judged(self):
        """Goods that never come here (drop-shipping) cannot be judged here."""
        for move in self:
            judged = any(move[name] for name in QUANTITY_FIELDS.values())
            if judged and not move._is_received_return():
                raise UserError(
                    self.env._(
                        "%(product)s on %(transfer)s does not come back into a place of"
                        " the company: nothing of it can be scrapped, repaired or"
                        " refused here.",
                        product=move.product_id.display_name,
                        transfer=move.picking_id.name,
                    )
                )

    def _is_received_return(self):
        """Whether goods of a customer come back into a place of the company."""
        return (
            self.location_id.usage == "customer"
            and self.location_dest_id.usage == "internal"
        )

    def _skip_push(self):
        # What leaves again at once does not take the way into the stock.
        return super()._skip_push() or self.return_verdict in ("scrap", "refused")

    # ------------------------------------------------------------------
    # One move for each verdict
    # ------------------------------------------------------------------

    def _split_by_verdict(self):
        """Give each verdict a move of its own.

        :return: the moves that were made for it
        :raise UserError: naming the product, where more is judged than is received
        """
        vals_list = []
        judged = {}
        for move in self:
            parts = move._get_verdict_parts()
            first, *others = [verdict for verdict, lines in parts.items() if lines]
            for verdict in others:
                vals_list.append(move._prepare_verdict_move(verdict, parts[verdict]))
            kept = dict(parts[first])
            for line in move.move_line_ids:
                if line not in kept:
                    line.unlink()
                elif line.product_uom_id.compare(kept[line], line.quantity):
                    line.quantity = kept[line]
            values = move._prepare_verdict(first)
            judged.setdefault(tuple(values.items()), self.browse())
            judged[tuple(values.items())] |= move
        for values, moves in judged.items():
            moves.write(dict(values))
        for place, moves in self.grouped("location_dest_id").items():
            lines = moves.move_line_ids
            elsewhere = lines.filtered(
                lambda line, place=place: line.location_dest_id != place
            )
            elsewhere.location_dest_id = place
        return self.create(vals_list)

    def _get_verdict_parts(self):
        """Share the received lines out to the verdicts.

        :return: ``{verdict: [(move line, quantity in its unit), …]}``
        :raise UserError: see :meth:`_split_by_verdict`
        """
        self.ensure_one()
        lines = self.move_line_ids.filtered("picked")
        parts = {verdict: [] for verdict, _label in VERDICTS}
        open_ = {}
        for line in lines:
            if line.return_verdict:
                parts[line.return_verdict].append((line, line.quantity))
            else:
                open_[line] = line.quantity
        missing = {
            verdict: self._get_verdict_missing(verdict, parts[verdict])
            for verdict in QUANTITY_FIELDS
        }
        self._check_verdicts(missing, open_)
        for verdict, quantity in missing.items():
            for line in open_:
                in_line = self.product_uom._compute_quantity(
                    quantity, line.product_uom_id, round=False
                )
                taken = min(in_line, open_[line])
                if line.product_uom_id.compare(taken, 0) > 0:
                    parts[verdict].append((line, line.product_uom_id.round(taken)))
                    open_[line] -= taken
                    quantity -= line.product_uom_id._compute_quantity(
                        taken, self.product_uom, round=False
                    )
        for line, quantity in open_.items():
            if line.product_uom_id.compare(quantity, 0) > 0:
                parts["stock"].append((line, line.product_uom_id.round(quantity)))
        if not any(parts.values()):
            parts["stock"] = [(line, line.quantity) for line in lines]
        return parts

    def _get_verdict_missing(self, verdict, parts):
        """How much of a verdict the lines do not say, in the unit of the move."""
        said = sum(
            line.product_uom_id._compute_quantity(
                quantity, self.product_uom, round=False
            )
            for line, quantity in parts
        )
        return max(0.0, self[QUANTITY_FIELDS[verdict]] - said)

    def _check_verdicts(self, missing, open_):
        """Refuse verdicts on more than was received, or on a lot that is not named."""
        left = sum(
            line.product_uom_id._compute_quantity(
                quantity, self.product_uom, round=False
            )
            for line, quantity in open_.items()
        )
        asked = sum(missing.values())
        if self.product_uom.compare(asked, left) > 0:
            raise UserError(
                self.env._(
                    "%(product)s on %(transfer)s: %(received)s received, and more than"
                    " that to scrap, to repair or refused. Received is all that"
                    " arrived, whatever becomes of it.",
                    product=self.product_id.display_name,
                    transfer=self.picking_id.name,
                    received=f"{self.product_uom.round(self.quantity):g}",
                )
            )
        lots = {line.lot_id or line.lot_name for line in open_}
        if asked and len(lots) > 1 and self.product_uom.compare(asked, left) < 0:
            raise UserError(
                self.env._(
                    "%(product)s on %(transfer)s: several lots or serial numbers"
                    " arrived. Say in the details of the line which of them is to be"
                    " scrapped, repaired or refused.",
                    product=self.product_id.display_name,
                    transfer=self.picking_id.name,
                )
            )

    def _prepare_verdict(self, verdict):
        """Values of a move whose goods all have this verdict."""
        values = {
            "return_verdict": verdict,
            **dict.fromkeys(QUANTITY_FIELDS.values(), 0.0),
        }
        if verdict in QUANTITY_FIELDS:
            values[QUANTITY_FIELDS[verdict]] = self.quantity
        if verdict == "repair":
            warehouse = self.picking_type_id.warehouse_id or self.warehouse_id
            values["location_dest_id"] = warehouse._get_return_repair_location().id
        if verdict == "refused":
            # It goes back: the order counts it as delivered all the while.
            values["to_refund"] = False
        return values

    def _prepare_verdict_move(self, verdict, parts):
        """Values of a new move for a part of what was received with this one."""
        unit = self.product_id.uom_id
        quantity = sum(
            line.product_uom_id._compute_quantity(part, unit, round=False)
            for line, part in parts
        )
        values = self._split(unit.round(quantity))[0]
        values.update(self._prepare_verdict(verdict), state=self.state, picked=True)
        if verdict in QUANTITY_FIELDS:
            values[QUANTITY_FIELDS[verdict]] = values["product_uom_qty"]
        values["move_line_ids"] = [
            fields.Command.create(
                {
                    **line.copy_data({"move_id": False, "quantity": part})[0],
                    "picked": True,
                    "location_dest_id": values["location_dest_id"],
                    "return_verdict": line.return_verdict,
                }
            )
            for line, part in parts
        ]
        return values

    # ------------------------------------------------------------------
    # Where they go
    # ------------------------------------------------------------------

    def _scrap_returns(self):
        """Scrap what was received to be scrapped, with core's scrap orders."""
        scraps = self.env["stock.scrap"].create(
            [
                {
                    "product_id": line.product_id.id,
                    "product_uom_id": line.product_uom_id.id,
                    "scrap_qty": line.quantity,
                    "lot_id": line.lot_id.id,
                    "package_id": line.result_package_id.id,
                    "owner_id": line.owner_id.id,
                    "picking_id": line.picking_id.id,
                    "origin": line.picking_id.name,
                    "company_id": line.company_id.id,
                    "location_id": line.location_dest_id.id,
                }
                for line in self.move_line_ids
            ]
        )
        if scraps:
            scraps.do_scrap()
        return scraps


class StockMoveLine(models.Model):
    _inherit = "stock.move.line"

    return_verdict = fields.Selection(
        VERDICTS,
        "Verdict",
        copy=False,
        help="What becomes of these goods that came back. Left empty, the quantities"
        " of the transfer tell.",
    )
    is_received_return = fields.Boolean(compute="_compute_is_received_return")

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.filtered("quantity")._check_verdict_stands()
        return lines

    def write(self, vals):
        self.filtered(
            lambda line: (
                ("quantity" in vals and line.quantity != vals["quantity"])
                or ("lot_id" in vals and line.lot_id.id != vals["lot_id"])
            )
        )._check_verdict_stands()
        return super().write(vals)

    def _check_verdict_stands(self):
        """What was scrapped or sent back follows no correction of the receipt."""
        moves = self.move_id.filtered(
            lambda move: (
                move.state == "done"
                and move.return_verdict in ("scrap", "refused")
                and move._comes_from_customer()
            )
        )
        if moves:
            moves._raise_verdict_stands()

    @api.depends("location_id.usage", "move_id")
    def _compute_is_received_return(self):
        for line in self:
            line.is_received_return = line.location_id.usage == "customer"
