from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..models.stock_picking import GoodsReturn


class SaleOrderReturn(models.TransientModel):
    """Announces goods that come back, over all deliveries of an order."""

    _name = "sale.order.return"
    _description = "Return of an Order"
    _check_company_auto = True

    order_id = fields.Many2one("sale.order", required=True, readonly=True)
    company_id = fields.Many2one(related="order_id.company_id")
    refund_reason_id = fields.Many2one(
        "account.refund.reason",
        "Reason of the Return",
        required=True,
        check_company=True,
        default=lambda self: (
            self.env["sale.order.line"]._get_default_return_reason().id
        ),
        help="Printed on the return slip and on the credit note.",
    )
    expected_date = fields.Datetime(help="When the goods are expected back.")
    note = fields.Text("Remark", help="For the warehouse; not printed.")
    line_ids = fields.One2many("sale.order.return.line", "wizard_id")
    has_lots = fields.Boolean(compute="_compute_has_lots")
    exchange_note = fields.Char(compute="_compute_exchange_note")
    fill = fields.Selection(
        [("all", "Everything that is left"), ("none", "Clear")],
        store=False,
        help="Fills in the quantities, or empties them.",
    )

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        order = self.env["sale.order"].browse(self.env.context.get("active_id"))
        if self.env.context.get("active_model") != "sale.order" or not order:
            return values
        lines = order._get_returnable_lines()
        if not lines:
            raise UserError(
                self.env._(
                    "%(order)s: nothing can come back. Nothing was delivered, or all of"
                    " it came back or is expected.",
                    order=order.name,
                )
            )
        values["order_id"] = order.id
        values["line_ids"] = [
            Command.create({"sale_line_id": line.id, "product_id": product.id})
            for line, product in lines
        ]
        return values

    @api.depends("line_ids.returnable_lots")
    def _compute_has_lots(self):
        for wizard in self:
            wizard.has_lots = any(wizard.line_ids.mapped("returnable_lots"))

    @api.depends("line_ids.quantity", "line_ids.exchange_product_id")
    def _compute_exchange_note(self):
        """Say what an exchange against other products costs, and by which documents."""
        for wizard in self:
            lines = wizard.line_ids.filtered(
                lambda line: (
                    line.exchange == "other"
                    and line.exchange_product_id
                    and line.quantity > 0
                    # Of a kit come back components, which have no price of their own.
                    and line.product_id == line.sale_line_id.product_id
                )
            )
            wizard.exchange_note = lines._explain_exchange() if lines else False

    @api.onchange("fill")
    def _onchange_fill(self):
        if self.fill:
            for line in self.line_ids:
                whole = self.fill == "all"
                line.quantity = line.returnable_quantity if whole else 0.0
            self.fill = False

    def action_return(self):
        """Create the return transfers, and what is sent in exchange.

        :return: the action that opens the returns
        :raise UserError: naming the product and the limit; nothing is made then
        """
        self.ensure_one()
        self.order_id.check_access("write")
        lines = self.line_ids.filtered("quantity")
        if lines.sale_line_id.order_id - self.order_id:
            # Only through the API: the form offers this order's lines.
            raise UserError(
                self.env._(
                    "%(order)s: only its own lines can come back with it.",
                    order=self.order_id.name,
                )
            )
        quantities = lines._allot_deliveries()
        values = {"refund_reason_id": self.refund_reason_id.id}
        if self.note:
            values["note"] = self.note
        pickings = self.env["stock.picking"]._create_goods_returns(
            [GoodsReturn(quantities, values)]
        )[0]
        if self.expected_date:
            # sudo: as in `_create_goods_returns`, salespeople announce goods
            pickings.sudo().scheduled_date = self.expected_date
        lines._exchange()
        return self.env["marketplace.return"]._open(pickings)


class SaleOrderReturnLine(models.TransientModel):
    _name = "sale.order.return.line"
    _inherit = ["avoir.number.mixin"]
    _description = "Line of a Return of an Order"

    wizard_id = fields.Many2one("sale.order.return", required=True, ondelete="cascade")
    sale_line_id = fields.Many2one("sale.order.line", required=True)
    product_id = fields.Many2one("product.product", required=True, readonly=True)
    uom_id = fields.Many2one(related="product_id.uom_id")
    delivered_quantity = fields.Float(
        "Delivered", digits="Product Unit", compute="_compute_quantities"
    )
    returnable_quantity = fields.Float(
        "Can Come Back", digits="Product Unit", compute="_compute_quantities"
    )
    returnable_lots = fields.Char("Lots", compute="_compute_quantities")
    quantity = fields.Float(digits="Product Unit")
    exchange = fields.Selection(
        [("same", "The same again"), ("other", "Another product")],
        help="What the customer gets in the place of what comes back.\n"
        "The same again: sent once more, nothing is credited.\n"
        "Another product: a line of the order, invoiced; what comes back is credited.",
    )
    exchange_product_id = fields.Many2one(
        "product.product", "Gets", domain="[('sale_ok', '=', True)]"
    )

    @api.depends("sale_line_id", "product_id")
    def _compute_quantities(self):
        # sudo: salespeople see of the transfers what the order is about
        deliveries = self.sudo().sale_line_id._get_deliveries()
        left = deliveries._get_returnable_quantities()
        lots = deliveries._get_returnable_lots()
        for line in self:
            moves = deliveries & line._get_deliveries()
            line.delivered_quantity = sum(move._get_quantity_out() for move in moves)
            line.returnable_quantity = sum(
                move.product_uom._compute_quantity(left[move], line.uom_id, round=False)
                for move in moves
            )
            line.returnable_lots = ", ".join(
                f"{lot.name} ({quantity:g})"
                for move in moves
                for lot, quantity in lots.get(move, {}).items()
            )

    def _get_deliveries(self):
        moves = self.sudo().sale_line_id._get_deliveries()
        return moves.filtered(lambda move: move.product_id in self.product_id)

    def _allot_deliveries(self):
        """Spread the quantities over the deliveries, oldest first.

        :return: ``{delivery move: quantity}``, in the unit of the move
        :raise UserError: where more is asked for than can come back
        """
        quantities = {}
        # sudo: see `_compute_quantities`
        left = self._get_deliveries()._get_returnable_quantities()
        for line in self:
            missing = line.quantity
            if line.uom_id.compare(missing, 0) < 0:
                raise UserError(
                    self.env._(
                        "%(product)s: the quantity to return is below zero.",
                        product=line.product_id.display_name,
                    )
                )
            for move in line._get_deliveries().sorted("id"):
                unit = move.product_uom
                wanted = line.uom_id._compute_quantity(missing, unit, round=False)
                taken = min(wanted, left[move])
                if unit.compare(taken, 0) > 0:
                    quantities[move] = quantities.get(move, 0.0) + taken
                    left[move] -= taken
                    missing -= unit._compute_quantity(taken, line.uom_id, round=False)
            if line.uom_id.compare(missing, 0) > 0:
                raise UserError(
                    self.env._(
                        "%(product)s of %(order)s: no more than %(left)s %(unit)s can"
                        " come back, and %(asked)s are asked for. Lower the quantity,"
                        " or cancel a return that is not coming.",
                        product=line.product_id.display_name,
                        order=line.sale_line_id.order_id.name,
                        left=f"{line.uom_id.round(line.returnable_quantity):g}",
                        unit=line.uom_id.name,
                        asked=f"{line.quantity:g}",
                    )
                )
        return quantities

    # ------------------------------------------------------------------
    # Exchange
    # ------------------------------------------------------------------

    def _explain_exchange(self):
        """The difference to pay, taxes included, and the documents that say so."""
        order = self.sale_line_id.order_id
        back = sum(
            line.sale_line_id.price_reduce_taxinc
            * line.uom_id._compute_quantity(
                line.quantity, line.sale_line_id.product_uom_id, round=False
            )
            for line in self
        )
        sent = self._price_exchange(order)
        difference = order.currency_id.round(sent - back)
        amounts = {
            "back": order.currency_id.format(back),
            "sent": order.currency_id.format(sent),
            "difference": order.currency_id.format(abs(difference)),
        }
        if order.currency_id.is_zero(difference):
            costs = self.env._("%(back)s for %(sent)s: nothing is to pay.", **amounts)
        elif difference > 0:
            costs = self.env._(
                "%(back)s for %(sent)s: the customer pays %(difference)s more.",
                **amounts,
            )
        else:
            costs = self.env._(
                "%(back)s for %(sent)s: the customer gets %(difference)s back.",
                **amounts,
            )
        if order.company_id.return_credit_policy == "none":
            how = self.env._("Create Invoice on the order makes one document of it.")
        else:
            how = self.env._(
                "What was invoiced and comes back is credited when it is received;"
                " Create Invoice on the order invoices what is sent."
            )
        return f"{costs} {how}"

    def _price_exchange(self, order):
        """What the products that are sent cost on this order, taxes included."""
        lines = [
            Command.create(
                {
                    "product_id": line.exchange_product_id.id,
                    "product_uom_qty": line._get_exchange_quantity(),
                }
            )
            for line in self
        ]
        names = ("company_id", "partner_id", "pricelist_id", "fiscal_position_id")
        values = {name: order[name].id for name in names}
        like = self.env["sale.order"].new({**values, "order_line": lines})
        return like.amount_total

    def _get_exchange_quantity(self):
        unit = self.exchange_product_id.uom_id
        if self.uom_id._has_common_reference(unit):
            return self.uom_id._compute_quantity(self.quantity, unit)
        return self.quantity

    def _exchange(self):
        """Have sent what the customer gets in exchange."""
        wrong = self.filtered(
            lambda line: line.exchange == "other" and not line.exchange_product_id
        )
        if wrong:
            raise UserError(
                self.env._(
                    "%(product)s: choose the product that the customer gets for it.",
                    product=wrong[0].product_id.display_name,
                )
            )
        self.filtered(lambda line: line.exchange == "same")._send_the_same()
        others = self.filtered(lambda line: line.exchange == "other")
        self.env["sale.order.line"].create(
            [
                {
                    "order_id": line.sale_line_id.order_id.id,
                    "product_id": line.exchange_product_id.id,
                    "product_uom_qty": line._get_exchange_quantity(),
                    "sequence": line.sale_line_id.sequence,
                }
                for line in others
            ]
        )

    def _send_the_same(self):
        """Ask for the same goods once more, as core's exchange does."""
        rules = self.env["stock.rule"].sudo()
        procurements = []
        for line in self:
            # sudo: salespeople start deliveries without being warehouse users
            sale_line = line.sale_line_id.sudo()
            order = sale_line.order_id
            procurements.append(
                rules.Procurement(
                    line.product_id.sudo(),
                    line.quantity,
                    line.uom_id.sudo(),
                    order.partner_shipping_id.property_stock_customer,
                    line.product_id.display_name,
                    order.name,
                    order.company_id,
                    sale_line._prepare_procurement_values(),
                )
            )
        if procurements:
            rules.run(procurements)
