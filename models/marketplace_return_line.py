from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .marketplace_return import AMOUNTS


class MarketplaceReturnLine(models.Model):
    """One line of a return: what the marketplace tells, and the order line it is about.

    Quantities are in the unit of the order line; without an order, of the invoice line.
    """

    _name = "marketplace.return.line"
    _description = "Marketplace Return Line"
    _inherit = ["marketplace.told"]
    _order = "return_id, id"
    _check_company_auto = True

    return_id = fields.Many2one(
        "marketplace.return", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="return_id.company_id", store=True)
    state = fields.Selection(related="return_id.state")
    external_id = fields.Char("Marketplace Id", readonly=True)
    kind = fields.Selection(
        [
            ("product", "Product"),
            ("shipping", "Shipping"),
            ("fee", "Fee"),
            ("adjustment", "Adjustment"),
            ("gift_card", "Gift card"),
        ],
        default="product",
        required=True,
    )
    order_line_ref = fields.Char("Order Line at the Marketplace", readonly=True)
    sku = fields.Char("SKU")
    barcode = fields.Char(readonly=True)
    title = fields.Char("Description")
    reason = fields.Char("Customer's Reason", readonly=True)
    quantity = fields.Float(
        digits="Product Unit", help="Zero: money back without goods."
    )
    goods_expected = fields.Boolean("Goods Come Back")
    currency_id = fields.Many2one(related="return_id.currency_id")
    is_untaxed_known = fields.Boolean(readonly=True)
    is_total_known = fields.Boolean(readonly=True)
    amount_untaxed = fields.Monetary("Untaxed", readonly=True, groups=AMOUNTS)
    amount_total = fields.Monetary("Total", readonly=True, groups=AMOUNTS)

    sale_line_id = fields.Many2one(
        "sale.order.line",
        "Order Line",
        check_company=True,
        index="btree_not_null",
        domain="[('order_id', '=', parent.sale_order_id),"
        " ('display_type', '=', False)]",
    )
    invoice_line_id = fields.Many2one(
        "account.move.line",
        check_company=True,
        index="btree_not_null",
        domain="[('move_id.state', '=', 'posted'), ('display_type', '=', 'product'),"
        " ('move_id', '=', parent.invoice_id)]",
        help="Needed where the order line does not tell which invoice it is on.",
    )
    product_id = fields.Many2one("product.product", compute="_compute_product_id")
    move_ids = fields.One2many(
        "stock.move", "marketplace_return_line_id", string="Return Moves", readonly=True
    )
    quantity_received = fields.Float(
        "Received", digits="Product Unit", compute="_compute_quantity_received"
    )
    quantity_credited = fields.Float(
        "Credited", digits="Product Unit", readonly=True, copy=False
    )
    is_credited = fields.Boolean(readonly=True, copy=False)

    _external_unique = models.UniqueIndex(
        "(return_id, external_id) WHERE external_id IS NOT NULL"
    )

    @api.depends("sale_line_id", "invoice_line_id")
    def _compute_product_id(self):
        for line in self:
            sale_line, invoice_line = (
                line.sudo().sale_line_id,
                line.sudo().invoice_line_id,
            )
            line.product_id = sale_line.product_id or invoice_line.product_id

    @api.depends("move_ids.state", "move_ids.quantity")
    def _compute_quantity_received(self):
        for line in self:
            done = line.sudo().move_ids.filtered(lambda move: move.state == "done")
            line.quantity_received = line._in_unit(done, "quantity")

    @api.constrains("quantity")
    def _check_quantity(self):
        for line in self:
            if line.quantity < 0:
                raise ValidationError(
                    self.env._(
                        "%(return)s, %(line)s: the quantity cannot be below zero.",
                        **{"return": line.return_id.name},
                        line=line.display_name,
                    )
                )

    @api.depends("title", "sku", "barcode")
    def _compute_display_name(self):
        for line in self:
            told = line.title or line.sku or line.barcode
            line.display_name = told or line.external_id

    def _get_unit(self):
        """The unit that the quantities of this line are in."""
        self.ensure_one()
        line = self.sudo()
        return (
            line.sale_line_id.product_uom_id
            or line.invoice_line_id.product_uom_id
            or line.product_id.uom_id
        )

    def _in_unit(self, moves, name):
        """The sum of a quantity of moves, in the unit of this line."""
        unit = self._get_unit()
        return sum(
            move.product_uom._compute_quantity(move[name], unit, round=False)
            for move in moves
        )

    def _is_same(self, one, other):
        """Whether two quantities are the same in the unit of this line."""
        unit = self._get_unit()
        return not unit.compare(one, other) if unit else one == other

    def _brings_goods(self):
        """Whether goods come back for this line: not for services and amounts."""
        self.ensure_one()
        return bool(
            self.goods_expected
            and self.return_id._has_warehouse()
            and self.quantity
            and self.kind in ("product", "gift_card")
            and self.product_id.type != "service"
        )

    def _has_something_to_credit(self):
        """Whether money goes back for this line, beside what a total covers."""
        self.ensure_one()
        if self.kind == "adjustment":
            return False
        if self.kind == "fee" and not self._is_given_back():
            return False
        return bool(self.quantity or self.amount_untaxed or self.amount_total)

    def _is_given_back(self):
        return max(self.amount_untaxed, self.amount_total) > 0
