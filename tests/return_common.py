from odoo.tests import Form

from .sale_common import AvoirSaleCommon


class AvoirReturnCommon(AvoirSaleCommon):
    """Goods that are sold, announced to come back, judged and received."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.return_credit_policy = "post"
        cls.worker = cls._new_user("worker", "stock.group_stock_user")
        cls.biller = cls._new_user("biller", "account.group_account_invoice")
        cls.stock = cls.warehouse.lot_stock_id
        quants = cls.env["stock.quant"]
        for product in (cls.ordered, cls.delivered):
            quants._update_available_quantity(product, cls.stock, 100)

    def sold(self, *lines, bill=True, **values):
        """An order that was delivered and invoiced."""
        order = self._order(*(lines or [(self.delivered, 5)]), **values)
        self._deliver(order)
        if bill:
            self._bill(order)
        return order

    def announce(self, order, quantity=3, **values):
        picking = order.picking_ids.filtered(
            lambda one: one.state == "done" and one.picking_type_code == "outgoing"
        )
        picking = picking.sorted("id")[:1]
        form = Form(
            self.env["stock.return.picking"].with_context(
                active_id=picking.id, active_model="stock.picking"
            )
        )
        for name, value in values.items():
            setattr(form, name, value)
        wizard = form.save()
        wizard.product_return_moves.quantity = quantity
        return self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        )

    def receive(self, back, received=None, user=None, rest="keep", **judged):
        """Receive as the warehouse does it."""
        back = back.with_user(user or self.worker)
        for move in back.move_ids:
            if received is not None:
                move.quantity = received
            move.write({f"return_{name}_qty": qty for name, qty in judged.items()})
        action = back.button_validate()
        if isinstance(action, dict):
            wizard = self.env[action["res_model"]].with_user(back.env.user)
            wizard = Form(wizard.with_context(**action["context"])).save()
            wizard.process() if rest == "keep" else wizard.process_cancel_backorder()
        self.assertEqual(back.state, "done")
        return back.sudo()

    def credit_notes(self, order):
        return order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")

    def on_hand(self, product, location):
        return self.env["stock.quant"]._get_available_quantity(product, location)
