import base64

from reportlab.graphics.barcode import createBarcodeDrawing

from odoo import models


class StockPicking(models.Model):
    """What return slips and labels print: never a price."""

    _inherit = "stock.picking"

    def do_print_picking(self):
        """The button Print of an expected return prints its slip."""
        if self and all(picking.return_kind == "customer" for picking in self):
            self.write({"printed": True})
            report = self.env.ref("avoir.action_report_return_slip")
            return report.report_action(self)
        return super().do_print_picking()

    def _get_return_lang(self):
        """The customer's language; a return's moves name no partner, as core's
        ``_get_report_lang`` expects."""
        self.ensure_one()
        return self.partner_id.lang or self.env.lang

    def _get_return_address(self):
        """Where the customer sends the goods: the warehouse, else the company."""
        self.ensure_one()
        warehouse = self.picking_type_id.warehouse_id.partner_id
        return warehouse or self.company_id.partner_id

    def _get_return_barcode(self):
        """The number of the return as the source of an image.

        Drawn as lines: the pictures of core's barcodes need a library that newer
        versions of reportlab do not bring with them.
        """
        self.ensure_one()
        barcode = createBarcodeDrawing(
            "Code128", value=self.name, width=600, height=120, humanReadable=False
        )
        image = base64.b64encode(barcode.asString("svg").encode())
        return f"data:image/svg+xml;base64,{image.decode()}"

    def _get_return_slip_moves(self):
        """The rows of the return slip, one for each product and unit.

        :return: a list of dictionaries of texts
        """
        self.ensure_one()
        moves = self.move_ids.filtered(
            lambda move: move.location_id.usage == "customer" and move.state != "cancel"
        )
        rows = []
        for (product, unit), some in moves.grouped(
            lambda move: (move.product_id, move.product_uom)
        ).items():
            lots = some.move_line_ids.lot_id or some.lot_ids
            refused = some.filtered(lambda move: move.return_verdict == "refused")
            rows.append(
                {
                    "name": product.display_name,
                    "lots": ", ".join(lots.mapped("name")),
                    "unit": unit.name,
                    "announced": _text(sum(some.mapped("return_announced_qty"))),
                    "received": _text(sum(some.mapped("quantity"))),
                    "refused": _text(sum(refused.mapped("quantity"))),
                }
            )
        return rows


def _text(quantity):
    return f"{quantity:g}"
