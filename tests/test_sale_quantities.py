from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .sale_common import AvoirSaleCommon


@tagged("post_install", "-at_install")
class TestSaleQuantities(AvoirSaleCommon):
    """What an order says after credit notes and returns."""

    def credit(self, invoice, *lines, post=True, **values):
        """Credit by hand ``(line number, quantity[, price])`` of ``invoice``; quantity
        zero is a price correction. Each line names the invoice line and the order."""
        commands = []
        for number, quantity, *price in lines:
            line = invoice.invoice_line_ids[number]
            commands.append(
                Command.create(
                    {
                        "product_id": line.product_id.id,
                        "quantity": quantity or 1.0,
                        "product_uom_id": line.product_uom_id.id,
                        "price_unit": price[0] if price else line.price_unit,
                        "tax_ids": [Command.set(line.tax_ids.ids)],
                        "sale_line_ids": [Command.set(line.sale_line_ids.ids)],
                        "reversed_line_id": line.id,
                        "is_price_correction": not quantity,
                    }
                )
            )
        credit_note = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": invoice.partner_id.id,
                "reversed_entry_id": invoice.id,
                "invoice_date": invoice.invoice_date,
                "currency_id": invoice.currency_id.id,
                "invoice_line_ids": commands,
                **values,
            }
        )
        if post:
            credit_note.action_post()
        return credit_note

    def test_price_correction(self):
        """Case 1: 5 × 100 invoiced, 10 a unit given back."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            self._deliver(order)
            line = order.order_line
            invoice = self._bill(order)
            self.credit(invoice, (0, 0, 50.0))
            self.assertToInvoice(line, 0, "invoiced", invoiced=5)
            self.assertEqual(order.invoice_status, "invoiced")
            self.assertEqual(line.untaxed_amount_invoiced, 450)
            self.assertEqual(line.untaxed_amount_to_invoice, 0)
            self.assertEqual(line.amount_to_invoice, 0)
            self.assertEqual(line.amount_invoiced, 540)

    def test_price_correction_of_part_invoiced(self):
        order = self._order((self.ordered, 5))
        self._deliver(order, 2)
        invoice = self._bill(order)
        self.credit(invoice, (0, 0, 20.0), post=False)
        self.assertToInvoice(order.order_line, 0, invoiced=5)
        order.order_line.product_uom_qty = 8
        self.assertToInvoice(order.order_line, 3, "to invoice")

    def test_full_credit_not_again(self):
        """Case 5: nothing to invoice."""
        for product in (self.ordered, self.delivered):
            for return_goods in (True, False):
                order = self._order((product, 5))
                self._deliver(order)
                self.credit(
                    self._bill(order),
                    (0, 5),
                    invoice_again=False,
                    return_goods=return_goods,
                )
                line = order.order_line
                self.assertToInvoice(line, 0, "no", invoiced=0)
                self.assertEqual(order.invoice_status, "no")
                self.assertEqual(line.untaxed_amount_to_invoice, 0)
                self.assertEqual(line.amount_to_invoice, 0)

    def test_full_credit_not_again_undelivered(self):
        order = self._order((self.ordered, 5))
        self.credit(self._bill(order), (0, 5), invoice_again=False)
        self.assertToInvoice(order.order_line, 0, "no", invoiced=0)

    def test_full_credit_again(self):
        """Case 5: all of it is to invoice."""
        for product in (self.ordered, self.delivered):
            for return_goods in (True, False):
                order = self._order((product, 5))
                self._deliver(order)
                self.credit(
                    self._bill(order),
                    (0, 5),
                    invoice_again=True,
                    return_goods=return_goods,
                )
                line = order.order_line
                self.assertToInvoice(line, 5, "to invoice", invoiced=0)
                self.assertEqual(line.untaxed_amount_to_invoice, 500)
                self.assertEqual(line.amount_to_invoice, 600)
                again = self._bill(order)
                self.assertEqual(again.amount_untaxed, 500)
                self.assertToInvoice(line, 0, "invoiced", invoiced=5)

    def test_change_of_mind(self):
        order = self._order((self.ordered, 5))
        credit_note = self.credit(self._bill(order), (0, 2), invoice_again=False)
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=3)
        credit_note.invoice_again = True
        self.assertToInvoice(order.order_line, 2, "to invoice", invoiced=3)

    def test_core_reversal_keeps_its_way(self):
        """Core's wizard, without a word of ours: the order opens again."""
        order = self._order((self.ordered, 5))
        invoice = self._bill(order)
        invoice._reverse_moves([{"invoice_date": invoice.invoice_date}], cancel=True)
        self.assertToInvoice(order.order_line, 5, "to invoice", invoiced=0)

    def test_one_line_credited_whole(self):
        """The order stays fully invoiced when one line of two is credited whole."""
        order = self._order((self.ordered, 5), (self.ordered, 2))
        invoice = self._bill(order)
        self.credit(invoice, (1, 2), invoice_again=False)
        self.assertEqual(order.order_line.mapped("qty_to_invoice"), [0, 0])
        self.assertEqual(order.invoice_status, "invoiced")

    def test_return_of_invoiced_on_order(self):
        """Case 4: 5 invoiced, 2 back: credited, and not offered again."""
        order = self._order((self.ordered, 5))
        invoice = self._bill(order)
        picking = self._deliver(order)
        line = order.order_line
        back = self._return(picking, 2, done=False)
        self.assertToInvoice(line, 0, "invoiced", invoiced=5)
        self._validate(back)
        self.assertToInvoice(line, -2, "to invoice", invoiced=5)
        self.assertEqual(line.untaxed_amount_to_invoice, -200)
        self.assertEqual(line.amount_to_invoice, -240)
        self.credit(invoice, (0, 2), invoice_again=False)
        self.assertToInvoice(line, 0, "invoiced", invoiced=3)
        self.assertEqual(line.untaxed_amount_to_invoice, 0)
        self.assertEqual(line.amount_to_invoice, 0)
        self.assertEqual(order.invoice_status, "invoiced")
        self._return(picking, 1)
        self.assertToInvoice(line, -1, "to invoice", invoiced=3)

    def test_credit_before_return(self):
        """Credited first, received later: neither is counted twice."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            picking = self._deliver(order)
            self.credit(self._bill(order), (0, 2), invoice_again=False)
            line = order.order_line
            self.assertToInvoice(line, 0, "invoiced", invoiced=3)
            self._return(picking, 2)
            self.assertToInvoice(line, 0, "invoiced", invoiced=3)
            self.assertEqual(line.untaxed_amount_to_invoice, 0)
            self._return(picking, 1)
            self.assertToInvoice(line, -1, "to invoice", invoiced=3)

    def test_goodwill_and_return(self):
        """2 credited that stay with the customer, then 1 of the others comes back."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            picking = self._deliver(order)
            self.credit(
                self._bill(order), (0, 2), invoice_again=False, return_goods=False
            )
            self.assertToInvoice(order.order_line, 0, invoiced=3)
            self._return(picking, 1)
            self.assertToInvoice(order.order_line, -1, invoiced=3)

    def test_more_delivered_after_credit(self):
        """What is credited for good does not swallow a later delivery."""
        order = self._order((self.delivered, 10))
        picking = self._deliver(order, 5)
        invoice = self._bill(order)
        self._return(picking, 2)
        self.credit(invoice, (0, 2), invoice_again=False)
        self.assertToInvoice(order.order_line, 0, invoiced=3)
        self._validate(self._open_delivery(order))
        self.assertToInvoice(order.order_line, 5, "to invoice", invoiced=3)

    def _open_delivery(self, order):
        return order.picking_ids.filtered(lambda one: one.state == "assigned")[
            :1
        ] or order.picking_ids.filtered(lambda one: one.state == "confirmed")

    def test_ordered_lowered_after_credit(self):
        """The order is brought down to what was kept: nothing is owed twice."""
        order = self._order((self.ordered, 5))
        picking = self._deliver(order)
        invoice = self._bill(order)
        self._return(picking, 2)
        self.credit(invoice, (0, 2), invoice_again=False)
        order.order_line.product_uom_qty = 3
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=3)

    def test_exchange(self):
        """Case 6: 3 came back and 3 others are to be sent."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            picking = self._deliver(order)
            self._bill(order)
            line = order.order_line
            self._return(picking, 3, exchange=True)
            self.assertEqual(line.qty_delivered, 2)
            self.assertToInvoice(line, 0, invoiced=5)
            self.assertEqual(line.untaxed_amount_to_invoice, 0)
            replacement = self._open_delivery(order)
            self._validate(replacement)
            self.assertEqual(line.qty_delivered, 5)
            self.assertToInvoice(line, 0, "invoiced", invoiced=5)

    def test_exchange_abandoned(self):
        """The replacement is cancelled: the customer is owed the money."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            picking = self._deliver(order)
            self._bill(order)
            self._return(picking, 3, exchange=True)
            self._open_delivery(order).action_cancel()
            self.assertToInvoice(order.order_line, -3, "to invoice", invoiced=5)

    def test_exchange_beside_backorder_and_return(self):
        """10 ordered, 5 sent and invoiced: 2 exchanged, 1 simply returned."""
        order = self._order((self.delivered, 10))
        picking = self._deliver(order, 5)
        self._bill(order)
        line = order.order_line
        self._return(picking, 2, exchange=True)
        self.assertToInvoice(line, 0, invoiced=5)
        self._return(picking, 1)
        self.assertToInvoice(line, -1, "to invoice", invoiced=5)

    def test_cancelled_and_draft_credit_note(self):
        """Case 19: drafts count, what is cancelled counts no more."""
        order = self._order((self.ordered, 5))
        credit_note = self.credit(
            self._bill(order), (0, 2), post=False, invoice_again=False
        )
        line = order.order_line
        self.assertToInvoice(line, 0, "invoiced", invoiced=3)
        self.assertEqual(line.qty_invoiced_posted, 5)
        self.assertEqual(line.untaxed_amount_invoiced, 500)
        credit_note.action_post()
        self.assertEqual(line.qty_invoiced_posted, 3)
        self.assertEqual(line.untaxed_amount_invoiced, 300)
        credit_note.button_draft()
        self.assertEqual(line.qty_invoiced_posted, 5)
        credit_note.button_cancel()
        self.assertToInvoice(line, 0, "invoiced", invoiced=5)

    def test_units_of_a_dozen(self):
        """Case 16: the order counts in dozens, the goods come back one by one."""
        dozen = self.env.ref("uom.product_uom_dozen")
        unit = self.env.ref("uom.product_uom_unit")
        for product in (self.ordered, self.delivered):
            order = self._order((product, 1, 120.0, dozen))
            picking = self._deliver(order)
            invoice = self._bill(order)
            line = order.order_line
            self.assertToInvoice(line, 0, "invoiced", invoiced=1)
            self.assertEqual(picking.move_ids.product_uom, unit)
            credited = 0
            for back in (1, 1, 5):
                self._return(picking, back)
                self.assertEqual(line.invoice_status, "to invoice")
                credit_note = self.credit(invoice, (0, 1), post=False)
                credit_note.invoice_again = False
                credit_note.invoice_line_ids.write(
                    {"product_uom_id": unit.id, "quantity": back, "price_unit": 10.0}
                )
                credit_note.action_post()
                credited += back
                self.assertEqual(credit_note.amount_untaxed, back * 10)
                left = round(1 - credited / 12, 2)
                self.assertAlmostEqual(line.qty_delivered, left)
                self.assertToInvoice(line, 0, "invoiced", invoiced=left)

    def test_services(self):
        """Case 26: no goods, the same rules."""
        for policy in ("order", "delivery"):
            service = self._goods("Hours", policy, type="service", is_storable=False)
            order = self._order((service, 5))
            line = order.order_line
            line.qty_delivered = 5
            self.credit(self._bill(order), (0, 2), invoice_again=False)
            self.assertToInvoice(line, 0, "invoiced", invoiced=3)
            line.qty_delivered = 3
            self.assertToInvoice(line, 0, invoiced=3)

    def test_recomputed_as_a_set(self):
        """The queries do not grow with the number of lines."""

        def statements(count):
            order = self._order(*[(self.ordered, 5)] * count)
            picking = self._deliver(order)
            invoice = self._bill(order)
            lines = [(number, 2) for number in range(count)]
            self.credit(invoice, *lines, invoice_again=False)
            self._return(picking, 2)
            self.env.flush_all()
            self.env.invalidate_all()
            order_lines = order.order_line
            before = self.cr.sql_log_count
            for name in ("qty_to_invoice", "invoice_status"):
                self.env.add_to_compute(order_lines._fields[name], order_lines)
            order_lines._recompute_recordset()
            self.assertEqual(set(order_lines.mapped("qty_to_invoice")), {0})
            order_lines.mapped("amount_to_invoice")
            self.env.flush_all()
            return self.cr.sql_log_count - before

        statements(1)
        self.assertLessEqual(statements(50), statements(1))

    def test_credited_lines_stay_with_their_order(self):
        """Else the order would offer to be credited once more."""
        order = self._order((self._goods("Chair", "order"), 3, 100.0))
        invoice = self._bill(order)
        credit_note = self._credit(invoice, (0, 1))
        draft = self._order((self._goods("Table", "order"), 1, 50.0))._create_invoices()
        line = credit_note.invoice_line_ids
        for change in (
            lambda: line.write({"sale_line_ids": [Command.clear()]}),
            lambda: invoice.invoice_line_ids.write(
                {"sale_line_ids": [Command.clear()]}
            ),
            lambda: order.order_line.write(
                {"invoice_lines": [Command.unlink(line.id)]}
            ),
            lambda: draft.line_ids.sale_line_ids.write(
                {"invoice_lines": [Command.link(line.id)]}
            ),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                change()
        self.assertEqual(line.sale_line_ids, order.order_line)
