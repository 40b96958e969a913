from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .sale_common import AvoirSaleCommon


@tagged("post_install", "-at_install")
class TestOrderCreditNote(AvoirSaleCommon):
    """Credit notes that are made from the order, for what came back."""

    def credit(self, orders, post=True):
        credit_notes = orders._create_invoices(final=True)
        if post:
            credit_notes.action_post()
        return credit_notes

    def test_joined_to_its_invoice(self):
        """Case 3: invoice 720, goods of 240 come back."""
        order = self._order((self.delivered, 6))
        picking = self._deliver(order)
        invoice = self._bill(order)
        self.assertEqual(invoice.amount_total, 720)
        back = self._return(picking, 2)
        self.assertEqual(order.invoice_status, "to invoice")
        credit_note = self.credit(order, post=False)
        self.assertEqual(credit_note.state, "draft")
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        line = credit_note.invoice_line_ids
        self.assertEqual(line.reversed_line_id, invoice.invoice_line_ids)
        self.assertEqual(line.sale_line_ids, order.order_line)
        self.assertFalse(line.is_price_correction)
        self.assertFalse(credit_note.invoice_again)
        self.assertTrue(credit_note.return_goods)
        self.assertEqual(credit_note.return_picking_ids, back)
        self.assertEqual(
            credit_note.refund_reason_id, self.env.ref("avoir.refund_reason_return")
        )
        credit_note.action_post()
        self.assertEqual(credit_note.amount_total, 240)
        self.assertEqual(invoice.amount_residual, 480)
        self.assertEqual(credit_note.amount_residual, 0)
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=4)
        self.assertEqual(order.credit_note_count, 1)
        self.assertEqual(order.invoice_count, 2)
        with self.assertRaises(UserError):
            self.credit(order)

    def test_invoiced_on_ordered_quantities(self):
        """Case 4: invoice 5, return 2: credit 2, and nothing to invoice."""
        order = self._order((self.ordered, 5))
        invoice = self._bill(order)
        self._return(self._deliver(order), 2)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.move_type, "out_refund")
        self.assertEqual(credit_note.invoice_line_ids.quantity, 2)
        self.assertEqual(credit_note.amount_untaxed, 200)
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=3)
        with self.assertRaises(UserError):
            order._create_invoices()

    def test_by_the_wizard(self):
        """The button that users know makes the same credit note."""
        order = self._order((self.ordered, 5))
        invoice = self._bill(order)
        self._return(self._deliver(order), 2)
        wizard = self.env["sale.advance.payment.inv"].with_context(
            active_model="sale.order", active_ids=order.ids, active_id=order.id
        )
        action = Form(wizard).save().create_invoices()
        credit_note = order.invoice_ids - invoice
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        self.assertEqual(action["res_model"], "account.move")

    def test_exchange(self):
        """Case 6: a replacement is on its way, no credit note."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            picking = self._deliver(order)
            self._bill(order)
            self._return(picking, 3, exchange=True)
            with self.assertRaises(UserError):
                self.credit(order)

    def test_goods_of_several_invoices(self):
        """Two deliveries, two invoices: one credit note for each, by origin."""
        order = self._order((self.delivered, 5))
        first = self._deliver(order, 2)
        invoice_1 = self._bill(order, date=fields.Date.to_date("2026-01-10"))
        second = self._deliver(order)
        invoice_2 = self._bill(order, date=fields.Date.to_date("2026-02-10"))
        self._return(second, 2)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.reversed_entry_id, invoice_2)
        self.assertEqual(credit_note.invoice_line_ids.quantity, 2)
        self._return(first, 1)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.reversed_entry_id, invoice_1)
        self._return(first, 1)
        self._return(second, 1)
        credit_notes = self.credit(order)
        self.assertEqual(credit_notes.reversed_entry_id, invoice_1 | invoice_2)
        self.assertEqual(credit_notes.mapped("amount_total"), [120, 120])
        self.assertEqual(invoice_1.amount_residual, 0)
        self.assertEqual(invoice_2.amount_residual, 0)
        self.assertEqual(set(credit_notes.mapped("amount_residual")), {0})
        self.assertToInvoice(order.order_line, 0, invoiced=0)

    def test_goods_invoiced_beyond_the_last_invoice(self):
        """More came back than the invoice it left with has: the other takes it."""
        order = self._order((self.ordered, 5))
        self._bill(order)
        order.order_line.product_uom_qty = 7
        self._bill(order)
        self._return(self._deliver(order, 7), 6)
        credit_notes = self.credit(order)
        self.assertEqual(sum(credit_notes.mapped("amount_untaxed")), 600)
        self.assertEqual(
            sorted(credit_notes.invoice_line_ids.mapped("quantity")), [1, 5]
        )

    def test_invoice_of_several_orders(self):
        """One invoice of two orders is credited by one credit note."""
        orders = self._order((self.delivered, 5)) | self._order((self.delivered, 3))
        pickings = [self._deliver(order) for order in orders]
        invoice = self._bill(orders)
        self.assertEqual(len(invoice), 1)
        for picking in pickings:
            self._return(picking, 1)
        credit_note = self.credit(orders)
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        self.assertEqual(len(credit_note.invoice_line_ids), 2)
        self.assertEqual(credit_note.amount_untaxed, 200)

    def test_price_tax_and_discount_of_the_invoice(self):
        """Case 18: the order's price has changed since, the invoice's counts."""
        order = self._order((self.delivered, 5))
        line = order.order_line
        line.discount = 10
        picking = self._deliver(order)
        self._bill(order)
        line.write({"price_unit": 150, "discount": 0, "tax_ids": [Command.clear()]})
        self._return(picking, 2)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.invoice_line_ids.price_unit, 100)
        self.assertEqual(credit_note.invoice_line_ids.discount, 10)
        self.assertEqual(credit_note.amount_untaxed, 180)
        self.assertEqual(credit_note.amount_tax, 36)

    def test_rate_of_the_invoice(self):
        """Case 11: USD at 1.25, credited when the rate is 1.00."""
        dollar = self.env.ref("base.USD")
        euro = self.env.ref("base.EUR")
        foreign = dollar if self.company.currency_id == euro else euro
        foreign.active = True
        self.env["res.currency.rate"].search(
            [("currency_id", "=", foreign.id)]
        ).unlink()
        for name, rate in (("2026-01-01", 1.25), ("2026-03-01", 1.0)):
            self.env["res.currency.rate"].create(
                {
                    "name": name,
                    "rate": rate,
                    "currency_id": foreign.id,
                    "company_id": self.company.id,
                }
            )
        pricelist = self.env["product.pricelist"].create(
            {"name": "Foreign", "currency_id": foreign.id}
        )
        order = self._order((self.delivered, 10), pricelist_id=pricelist.id)
        self.assertEqual(order.currency_id, foreign)
        picking = self._deliver(order)
        invoice = self._bill(order, date=fields.Date.to_date("2026-01-15"))
        self._return(picking, 10)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.amount_untaxed, 1000)
        self.assertEqual(credit_note.amount_untaxed_signed, -800)
        self.assertEqual(credit_note.amount_total_signed, -960)
        self.assertEqual(invoice.amount_residual, 0)
        partials = credit_note.line_ids.matched_debit_ids
        self.assertTrue(partials)
        self.assertFalse(partials.exchange_move_id)

    def test_five_units_of_a_dozen(self):
        """Case 16: 50.00 and not 0.42 dozen."""
        dozen = self.env.ref("uom.product_uom_dozen")
        order = self._order((self.delivered, 1, 120.0, dozen))
        picking = self._deliver(order)
        self._bill(order)
        self._return(picking, 5)
        credit_note = self.credit(order)
        self.assertEqual(credit_note.amount_untaxed, 50)
        line = credit_note.invoice_line_ids
        self.assertEqual(line.quantity, 5)
        self.assertAlmostEqual(line.price_unit, 10)
        self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=0.58)
        self._return(picking, 7)
        self.assertEqual(self.credit(order).amount_untaxed, 70)
        self.assertEqual(order.invoice_ids.mapped("amount_residual"), [0, 0, 0])

    def test_cancelled_credit_note(self):
        """Case 19: it can be made again."""
        order = self._order((self.ordered, 5))
        invoice = self._bill(order)
        self._return(self._deliver(order), 2)
        credit_note = self.credit(order)
        self.assertEqual(invoice.amount_residual, 360)
        credit_note.button_draft()
        credit_note.button_cancel()
        self.assertEqual(invoice.amount_residual, 600)
        self.assertToInvoice(order.order_line, -2, "to invoice", invoiced=5)
        again = self.credit(order)
        self.assertEqual(again.reversed_entry_id, invoice)
        self.assertEqual(invoice.amount_residual, 360)

    def test_invoice_in_draft(self):
        """Nothing posted yet to join: core's way."""
        order = self._order((self.delivered, 5))
        picking = self._deliver(order)
        order._create_invoices()
        self._return(picking, 2)
        credit_note = self.credit(order, post=False)
        self.assertEqual(credit_note.move_type, "out_refund")
        self.assertFalse(credit_note.reversed_entry_id)

    def test_set_off_against_goods_to_invoice(self):
        """One document of both, as core makes it: an invoice if it comes to more."""
        for quantity, move_type in ((1, "out_refund"), (5, "out_invoice")):
            order = self._order((self.delivered, 3))
            picking = self._deliver(order)
            invoice = self._bill(order)
            self._return(picking, 3)
            order.order_line = [
                Command.create(
                    {
                        "product_id": self.ordered.id,
                        "product_uom_qty": quantity,
                        "price_unit": 100,
                        "tax_ids": [Command.set(self.vat20.ids)],
                    }
                )
            ]
            document = self.credit(order)
            self.assertEqual(len(document), 1)
            self.assertEqual(document.move_type, move_type)
            self.assertEqual(document.amount_total, 240)
            if move_type == "out_refund":
                # It is both, so core does not take it for a reversal of the invoice.
                self.assertFalse(document.reversed_entry_id)
                self.assertEqual(
                    document.invoice_line_ids.reversed_line_id,
                    invoice.invoice_line_ids,
                )
            self.assertEqual(order.order_line.mapped("qty_to_invoice"), [0, 0])

    def test_credited_from_the_invoice_when_back_already(self):
        """The goods are in: who credits them asks for no return, and the order has
        nothing more to credit."""
        for product in (self.ordered, self.delivered):
            order = self._order((product, 5))
            invoice = self._bill(order) if product == self.ordered else None
            picking = self._deliver(order)
            invoice = invoice or self._bill(order)
            self._return(picking, 2)
            values = {"invoice_again": False, "return_goods": False}
            credit_note = self._credit(invoice, (0, 2), values=dict(values))
            self.assertTrue(credit_note.return_goods)
            self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=3)
            credit_note = self._credit(invoice, (0, 1), values=dict(values))
            self.assertFalse(credit_note.return_goods)
            self.assertToInvoice(order.order_line, 0, "invoiced", invoiced=2)

    def test_salesperson(self):
        """As core has it: who may change the order makes the draft, billing posts."""
        user = new_test_user(
            self.env,
            login="salesperson",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        order = self._order((self.ordered, 5), user_id=user.id)
        invoice = self._bill(order)
        self._return(self._deliver(order), 2)
        order.with_user(user)._create_invoices(final=True)
        credit_note = order.invoice_ids - invoice
        self.assertEqual(credit_note.reversed_entry_id, invoice)
        with self.assertRaises(AccessError):
            credit_note.with_user(user).action_post()
        billing = self._new_user("billing", "account.group_account_invoice")
        credit_note.with_user(billing).action_post()
        self.assertEqual(credit_note.amount_residual, 0)

    def test_other_salesperson(self):
        user = new_test_user(
            self.env,
            login="other",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        order = self._order((self.ordered, 5), user_id=self.env.uid)
        invoice = self._bill(order)
        self._return(self._deliver(order), 2)
        self.assertFalse(order.with_user(user)._create_invoices(final=True))
        self.assertEqual(order.invoice_ids, invoice)

    def test_two_companies(self):
        """Each credit note in the company of its order, whichever is chosen."""
        other = self.setup_other_company()["company"]
        self.env.user.company_ids |= other
        warehouse = self._warehouse(other)
        partner = self.partner
        orders = self._order((self.ordered, 5))
        orders |= (
            self.env["sale.order"]
            .with_company(other)
            .create(
                {
                    "partner_id": partner.id,
                    "company_id": other.id,
                    "warehouse_id": warehouse.id,
                    "order_line": [
                        Command.create(
                            {
                                "product_id": self.ordered.id,
                                "product_uom_qty": 5,
                                "price_unit": 100,
                                "tax_ids": [Command.clear()],
                            }
                        )
                    ],
                }
            )
        )
        orders[1].action_confirm()
        for order in orders:
            order = order.with_company(order.company_id)
            self._bill(order)
            self._return(self._deliver(order), 2)
        credit_notes = self.credit(orders)
        self.assertEqual(len(credit_notes), 2)
        for order in orders:
            credit_note = order._get_credit_notes()
            self.assertEqual(credit_note.company_id, order.company_id)
            self.assertEqual(credit_note.amount_untaxed, 200)
            self.assertEqual(credit_note.amount_residual, 0)

    def test_smart_button(self):
        order = self._order((self.ordered, 5))
        self._bill(order)
        picking = self._deliver(order)
        self._return(picking, 2)
        credit_note = self.credit(order)
        self.assertEqual(order.action_view_credit_notes()["res_id"], credit_note.id)
        self._return(picking, 1)
        self.credit(order)
        domain = order.action_view_credit_notes()["domain"]
        self.assertEqual(
            self.env["account.move"].search_count(domain), order.credit_note_count
        )

    def test_as_a_set(self):
        """50 orders need hardly more queries than one."""

        def statements(count):
            orders = self.env["sale.order"]
            for _number in range(count):
                order = self._order((self.ordered, 5))
                orders |= order
                self._bill(order)
            for order in orders:
                self._return(self._deliver(order), 2)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            credit_notes = self.credit(orders, post=False)
            self.env.flush_all()
            self.assertEqual(len(credit_notes), count)
            return self.cr.sql_log_count - before

        statements(1)
        one, many = statements(1), statements(11)
        self.assertLess((many - one) / 10, 6)
