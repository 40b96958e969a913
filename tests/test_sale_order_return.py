from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .sale_common import AvoirSaleCommon


@tagged("post_install", "-at_install")
class TestSaleOrderReturn(AvoirSaleCommon):
    """The Return button of an order, over all its deliveries, and exchanges."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seller = cls._new_user("seller", "sales_team.group_sale_salesman_all_leads")
        for product in (cls.ordered, cls.delivered):
            cls.env["stock.quant"]._update_available_quantity(
                product, cls.warehouse.lot_stock_id, 100
            )

    def wizard(self, order, user=None):
        return Form(
            self.env["sale.order.return"]
            .with_user(user or self.seller)
            .with_context(active_model="sale.order", active_id=order.id)
        )

    def announce(self, order, *quantities, **exchange):
        form = self.wizard(order)
        for number, quantity in enumerate(quantities):
            with form.line_ids.edit(number) as line:
                line.quantity = quantity
                for name, value in exchange.items():
                    setattr(line, name, value)
        action = form.save().action_return()
        pickings = self.env["stock.picking"]
        return pickings.browse(action.get("res_id") or action["domain"][0][2])

    def test_over_all_deliveries(self):
        order = self._order((self.delivered, 5), (self.ordered, 2))
        self._deliver(order, 2)
        self._deliver(order)
        self.assertTrue(order.can_return)
        self.assertFalse(self._order((self.delivered, 2)).can_return)
        form = self.wizard(order)
        self.assertEqual(len(form.line_ids), 2)
        with form.line_ids.edit(0) as line:
            self.assertEqual(line.delivered_quantity, 5)
            self.assertEqual(line.returnable_quantity, 5)
        backs = self.announce(order, 4, 1)
        self.assertEqual(len(backs), 2)
        self.assertEqual(
            sum(
                backs.move_ids.filtered(
                    lambda move: move.product_id == self.delivered
                ).mapped("product_uom_qty")
            ),
            4,
        )
        self.assertEqual(set(backs.mapped("return_state")), {"expected"})
        self.assertEqual(
            backs.refund_reason_id, self.env.ref("avoir.refund_reason_return")
        )
        with self.assertRaisesRegex(UserError, "no more than 1 Units can come back"):
            self.announce(order, 2)
        form = self.wizard(order)
        form.fill = "all"
        form.save().action_return()
        with self.assertRaisesRegex(UserError, "nothing can come back"):
            self.wizard(order)

    def test_nothing_and_less(self):
        order = self._order((self.delivered, 5))
        with self.assertRaisesRegex(UserError, "nothing can come back"):
            self.wizard(order)
        self._deliver(order)
        with self.assertRaisesRegex(UserError, "enter a quantity"):
            self.announce(order, 0)
        with self.assertRaisesRegex(UserError, "below zero"):
            self.announce(order, -1)
        worker = self._new_user("packer", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            self.wizard(order, worker)

    def test_credited_by_policy(self):
        self.company.return_credit_policy = "post"
        order = self._order((self.delivered, 5))
        self._deliver(order)
        invoice = self._bill(order)
        back = self.announce(order, 2)
        self._validate(back)
        self.assertEqual(invoice.amount_residual, 360)

    def test_the_same_again(self):
        """Case 6: nothing to invoice and nothing to credit, before and after."""
        self.company.return_credit_policy = "post"
        order = self._order((self.delivered, 5))
        self._deliver(order)
        self._bill(order)
        back = self.announce(order, 2, exchange="same")
        again = order.picking_ids.filtered(
            lambda p: p.state != "done" and p.picking_type_code == "outgoing"
        )
        self.assertEqual(again.move_ids.product_uom_qty, 2)
        self._validate(back)
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertToInvoice(order.order_line, 0)
        self._validate(again)
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=5)
        self.assertEqual(order.order_line.qty_delivered, 5)

    def exchanged(self, price):
        self.ordered.lst_price = price
        order = self._order((self.delivered, 5))
        self._deliver(order)
        self._bill(order)
        back = self.announce(
            order, 2, exchange="other", exchange_product_id=self.ordered
        )
        self._validate(back)
        self._deliver(order)
        new = order.order_line.filtered(lambda one: one.product_id == self.ordered)
        self.assertEqual(new.product_uom_qty, 2)
        self.assertEqual(new.qty_delivered, 2)
        return order

    def test_another_product(self):
        """The difference, in one document: to pay, or credited."""
        move = self.exchanged(130)._create_invoices(final=True)
        self.assertEqual(move.move_type, "out_invoice")
        self.assertEqual(move.amount_untaxed, 60)
        move = self.exchanged(70)._create_invoices(final=True)
        self.assertEqual(move.move_type, "out_refund")
        self.assertEqual(move.amount_untaxed, 60)

    def test_another_product_with_a_policy(self):
        """Two documents: what came back is credited, what replaces it invoiced."""
        self.company.return_credit_policy = "post"
        order = self.exchanged(130)
        note = order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual(note.amount_untaxed, 200)
        self.assertEqual(order._create_invoices(final=True).amount_untaxed, 260)

    def test_what_an_exchange_costs(self):
        """Said before it is done, and true: the customer's account says the same."""
        for policy, price, cost in (
            ("none", 130, "pays .*72.00 more.* one document"),
            ("post", 130, "pays .*72.00 more.* is credited when"),
            ("draft", 70, "gets .*72.00 back.* is credited when"),
            ("none", 100, "nothing is to pay"),
        ):
            with self.subTest(policy=policy, price=price):
                self.company.return_credit_policy = policy
                self.ordered.lst_price = price
                order = self._order((self.delivered, 5))
                self._deliver(order)
                form = self.wizard(order)
                with form.line_ids.edit(0) as line:
                    line.quantity = 2
                    line.exchange = "other"
                    line.exchange_product_id = self.ordered
                self.assertRegex(form.exchange_note, cost)
                self.assertRegex(form.exchange_note, rf"240.00 for .*{price * 2.4:.2f}")
                before = self.partner.credit
                order = self.exchanged(price)
                order.invoice_ids.filtered(lambda m: m.state == "draft").action_post()
                if order.order_line.filtered("qty_to_invoice"):
                    order._create_invoices(final=True).action_post()
                self.assertEqual(order.invoice_status, "invoiced")
                change = self.partner.credit - before
                self.assertAlmostEqual(change, 600 + (price - 100) * 2.4)
        with form.line_ids.edit(0) as line:
            line.exchange = "same"
        self.assertFalse(form.exchange_note)

    def test_another_product_has_to_be_named(self):
        order = self._order((self.delivered, 5))
        self._deliver(order)
        wizard = self.wizard(order).save()
        wizard.line_ids.write({"quantity": 1, "exchange": "other"})
        with self.assertRaisesRegex(UserError, "choose the product"):
            wizard.action_return()

    def test_lines_of_another_order(self):
        orders = [self._order((self.delivered, 5)) for _number in range(2)]
        for order in orders:
            self._deliver(order)
        wizard = self.wizard(orders[0]).save()
        wizard.line_ids.write({"quantity": 1, "sale_line_id": orders[1].order_line.id})
        with self.assertRaisesRegex(UserError, "only its own lines"):
            wizard.action_return()

    def test_slip_and_label(self):
        self.partner.lang = "en_US"
        order = self._order((self.delivered, 5))
        self._deliver(order)
        back = self.announce(order, 2)
        for report in ("avoir.report_return_slip", "avoir.report_return_label"):
            html = self.env["ir.actions.report"]._render_qweb_html(report, back.ids)[0]
            text = html.decode()
            self.assertIn(back.name, text)
            self.assertNotIn("100.0", text)
        rows = back._get_return_slip_moves()
        self.assertEqual([row["announced"] for row in rows], ["2"])
