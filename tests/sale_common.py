from odoo import Command, fields

from .common import AvoirCommon


class AvoirSaleCommon(AvoirCommon):
    """Orders that are delivered, invoiced, returned and credited."""

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.quick_ref(
            "sales_team.group_sale_manager"
        )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls._warehouse(cls.company)
        cls.ordered = cls._goods("Billed when ordered", "order")
        cls.delivered = cls._goods("Billed when delivered", "delivery")

    @classmethod
    def _warehouse(cls, company):
        warehouses = cls.env["stock.warehouse"]
        return warehouses.search(
            [("company_id", "=", company.id)], limit=1
        ) or warehouses.create({"name": "W", "code": "W", "company_id": company.id})

    @classmethod
    def _goods(cls, name, invoice_policy="delivery", **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "is_storable": True,
                "invoice_policy": invoice_policy,
                "lst_price": 100.0,
                "taxes_id": [Command.set(cls.vat20.ids)],
                **values,
            }
        )

    @classmethod
    def _order(cls, *lines, confirm=True, **values):
        """An order of ``(product, quantity[, price[, unit]])`` with 20 % VAT."""
        commands = [
            Command.create(
                {
                    "product_id": product.id,
                    "product_uom_qty": quantity,
                    "price_unit": more[0] if more else 100.0,
                    "tax_ids": [Command.set(cls.vat20.ids)],
                    **({"product_uom_id": more[1].id} if more[1:] else {}),
                }
            )
            for product, quantity, *more in lines
        ]
        order = cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "warehouse_id": cls.warehouse.id,
                "order_line": commands,
                **values,
            }
        )
        if confirm:
            order.action_confirm()
        return order

    @classmethod
    def _deliver(cls, order, quantity=None):
        """Send what waits to be sent, or ``quantity`` of each move."""
        picking = order.picking_ids.filtered(
            lambda one: (
                one.state not in ("done", "cancel")
                and one.picking_type_code == "outgoing"
            )
        )
        cls._validate(picking, quantity)
        return picking

    @classmethod
    def _validate(cls, picking, quantity=None):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty if quantity is None else quantity
            move.picked = True
        picking.with_context(skip_backorder=True).button_validate()

    @classmethod
    def _return(cls, picking, quantity, done=True, exchange=False):
        """Have ``quantity`` of each move back, with core's wizard."""
        wizard = cls.env["stock.return.picking"].create({"picking_id": picking.id})
        for line in wizard.product_return_moves:
            line.quantity = quantity
        if exchange:
            action = wizard.action_create_exchanges()
        else:
            action = wizard.action_create_returns()
        back = cls.env["stock.picking"].browse(action["res_id"])
        if done:
            cls._validate(back)
        return back

    @classmethod
    def _bill(cls, order, date=None, **values):
        invoice = order._create_invoices()
        invoice.write({"invoice_date": date or fields.Date.today(), **values})
        invoice.action_post()
        return invoice

    def assertToInvoice(self, line, quantity, status=None, invoiced=None):
        self.assertAlmostEqual(line.qty_to_invoice, quantity)
        if status:
            self.assertEqual(line.invoice_status, status)
        if invoiced is not None:
            self.assertAlmostEqual(line.qty_invoiced, invoiced)
            if all(move.state == "posted" for move in line.invoice_lines.move_id):
                self.assertAlmostEqual(line.qty_invoiced_posted, invoiced)
