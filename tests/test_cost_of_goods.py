from odoo import Command
from odoo.tests import tagged

from odoo.addons.avoir.tools.credit import CreditLine, CreditRequest

from .cost_of_goods_common import CostOfGoodsCommon


@tagged("post_install", "-at_install")
class TestCostOfGoods(CostOfGoodsCommon):
    """Case 13, with perpetual valuation."""

    def sell(self, product, quantity=5, *more):
        """Order, deliver, invoice; the order, the delivery and the invoice."""
        order = self._order((product, quantity, *more))
        picking = self._deliver(order)
        return order, picking, self._bill(order)

    def credit(self, invoice, quantity, amount=None, **values):
        line = invoice.invoice_line_ids
        values.setdefault("invoice_again", False)
        return self.env["account.move"]._create_credit_notes(
            [
                CreditRequest(
                    invoice, [CreditLine(line, quantity, amount)], values=values
                )
            ]
        )

    def assertCost(self, moves, cost):
        """``cost`` is booked on the cost account, its opposite on that of the stock."""
        lines = moves.line_ids.filtered(lambda line: line.display_type == "cogs")
        booked = {
            account: sum(
                lines.filtered(lambda x: x.account_id == account).mapped("balance")  # noqa: B023
            )
            for account in lines.account_id
        }
        if not cost:
            self.assertFalse(lines)
            return
        self.assertEqual(set(booked), {self.cost_account, self.stock_account})
        self.assertAlmostEqual(booked[self.cost_account], cost)
        self.assertAlmostEqual(booked[self.stock_account], -cost)
        self.assertEqual(lines.cogs_origin_id, moves.invoice_line_ids)

    def test_goods_back_at_the_cost_they_left(self):
        """Sold at a cost of 10; it is 14 when 2 of the 5 come back."""
        for method, product in self.products.items():
            self.receive(product, 5, 10)
            _order, picking, invoice = self.sell(product)
            self.assertCost(invoice, 50)
            self.receive(product, 5, 14)
            product.standard_price = 14
            back = self._return(picking, 2)
            credit_note = self.credit(invoice, 2, return_picking_ids=back.ids)
            self.assertCost(credit_note, -20)
            self.assertEqual(
                credit_note.line_ids.filtered("cogs_origin_id").mapped("quantity"),
                [2, 2],
                method,
            )

    def test_from_the_order(self):
        for product in self.products.values():
            self.receive(product, 5, 10)
            order, picking, invoice = self.sell(product)
            self._return(picking, 2)
            credit_note = order._create_invoices(final=True)
            credit_note.action_post()
            self.assertEqual(credit_note.reversed_entry_id, invoice)
            self.assertCost(credit_note, -20)
            self.assertEqual(credit_note.amount_residual, 0)

    def test_price_correction(self):
        """Case 1: no cost of goods is reversed, the margin falls by 50."""
        for product in self.products.values():
            self.receive(product, 5, 10)
            _order, _picking, invoice = self.sell(product)
            credit_note = self.credit(invoice, 0, 50.0)
            self.assertTrue(credit_note.invoice_line_ids.is_price_correction)
            self.assertCost(credit_note, 0)
            result = (invoice | credit_note).line_ids.filtered(
                lambda line: (
                    line.account_id.internal_group in ("income", "expense")
                    and not line.tax_line_id
                )
            )
            self.assertEqual(-sum(result.mapped("balance")), 500 - 50 - 50)

    def test_goods_stay_with_the_customer(self):
        """Money back for 2, which the customer may keep."""
        for product in self.products.values():
            self.receive(product, 5, 10)
            _order, _picking, invoice = self.sell(product)
            credit_note = self.credit(invoice, 2, return_goods=False)
            self.assertFalse(credit_note.invoice_line_ids.is_price_correction)
            self.assertCost(credit_note, 0)

    def test_goods_that_never_left(self):
        """Invoiced on order, 3 of 5 delivered, all credited: 2 never left."""
        product = self.products["average"]
        product.invoice_policy = "order"
        self.receive(product, 5, 10)
        order = self._order((product, 5))
        invoice = self._bill(order)
        self.assertCost(invoice, 50)
        self._deliver(order, 3)
        credit_note = self.credit(invoice, 5, return_goods=False)
        self.assertCost(credit_note, -20)
        self.assertEqual(
            credit_note.line_ids.filtered("cogs_origin_id").mapped("quantity"), [2, 2]
        )

    def test_invoiced_again(self):
        """Cancel and redraft: the cost is on the new invoice, once."""
        for product in self.products.values():
            self.receive(product, 5, 10)
            order, _picking, invoice = self.sell(product)
            credit_note = self.credit(
                invoice, 5, invoice_again=True, return_goods=False
            )
            self.assertCost(credit_note, -50)
            product.standard_price = 14
            again = self._bill(order)
            cost = 50 if product.cost_method == "fifo" else 70
            self.assertCost(again, cost)

    def test_last_takes_what_is_left(self):
        """3 units cost 10.00 together: 3.33, 3.34 and 3.33 come back."""
        product = self.products["fifo"]
        self.receive(product, 3, 10 / 3)
        _order, picking, invoice = self.sell(product, 3)
        self.assertCost(invoice, 10)
        credit_notes = self.env["account.move"]
        for _number in range(3):
            self._return(picking, 1)
            credit_notes |= self.credit(invoice, 1)
        lines = (invoice | credit_notes).line_ids.filtered("cogs_origin_id")
        for account in (self.cost_account, self.stock_account):
            booked = lines.filtered(
                lambda li, account=account: li.account_id == account
            )
            self.assertEqual(len(booked), 4)
            self.assertAlmostEqual(sum(booked.mapped("balance")), 0)

    def test_fifo_layers(self):
        """2 left at 10, 3 at 12; those of 12 come back, at 12."""
        product = self.products["fifo"]
        self.receive(product, 2, 10)
        self.receive(product, 3, 12)
        order = self._order((product, 5))
        first = self._deliver(order, 2)
        second = self._deliver(order, 3)
        invoice = self._bill(order)
        self.assertCost(invoice, 56)
        back = self._return(second, 2)
        self.assertEqual(back.move_ids.value, 24)
        credit_note = order._create_invoices(final=True)
        credit_note.action_post()
        self.assertCost(credit_note, -24)
        self._return(first, 2)
        credit_note = order._create_invoices(final=True)
        credit_note.action_post()
        self.assertCost(credit_note, -20)
        self._return(second, 1)
        credit_note = order._create_invoices(final=True)
        credit_note.action_post()
        self.assertCost(credit_note, -12)

    def test_units_of_a_dozen(self):
        """Case 16: 5 back of a dozen that cost 120 are 50."""
        dozen = self.env.ref("uom.product_uom_dozen")
        product = self.products["average"]
        self.receive(product, 12, 10)
        order, picking, invoice = self.sell(product, 1, 240.0, dozen)
        self.assertCost(invoice, 120)
        self._return(picking, 5)
        credit_note = order._create_invoices(final=True)
        credit_note.action_post()
        self.assertEqual(credit_note.amount_untaxed, 100)
        self.assertCost(credit_note, -50)
        self._return(picking, 7)
        credit_note = order._create_invoices(final=True)
        credit_note.action_post()
        self.assertCost(credit_note, -70)

    def test_two_lines_of_one_product(self):
        """Each line at its own cost, not at that of the first."""
        product = self.products["fifo"]
        self.receive(product, 1, 10)
        self.receive(product, 1, 12)
        order = self._order((product, 1), (product, 1))
        self._deliver(order)
        invoice = self._bill(order)
        costs = [
            -sum(
                invoice.line_ids.filtered(
                    lambda li, line=line: (
                        li.cogs_origin_id == line
                        and li.account_id == self.stock_account
                    )
                ).mapped("balance")
            )
            for line in invoice.invoice_line_ids
        ]
        self.assertEqual(sum(costs), 22)
        for line, cost in zip(invoice.invoice_line_ids, costs, strict=True):
            credit_note = self.env["account.move"]._create_credit_notes(
                [
                    CreditRequest(
                        invoice,
                        [CreditLine(line, 1)],
                        values={"invoice_again": False},
                    )
                ]
            )
            self.assertCost(credit_note, -cost)

    def test_back_to_draft(self):
        """Case 19: the cost goes and comes with the posting."""
        product = self.products["average"]
        self.receive(product, 5, 10)
        _order, picking, invoice = self.sell(product)
        self._return(picking, 2)
        credit_note = self.credit(invoice, 2)
        credit_note.button_draft()
        self.assertCost(credit_note, 0)
        credit_note.action_post()
        self.assertCost(credit_note, -20)
        credit_note.button_draft()
        credit_note.button_cancel()
        self.assertCost(self.credit(invoice, 5, return_goods=True), -50)

    def test_cost_nothing_when_sold(self):
        """What cost nothing comes back at nothing."""
        product = self.products["average"]
        product.standard_price = 0
        _order, picking, invoice = self.sell(product)
        self.assertCost(invoice, 0)
        product.standard_price = 12
        self._return(picking, 5)
        self.assertCost(self.credit(invoice, 5), 0)

    def test_core_reversal(self):
        """Core's own reversal reverses the cost, once."""
        product = self.products["average"]
        self.receive(product, 5, 10)
        _order, _picking, invoice = self.sell(product)
        product.standard_price = 14
        reversal = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        reversal.action_post()
        self.assertCost(reversal, -50)

    def test_no_order(self):
        """An invoice made by hand."""
        product = self.products["average"]
        for return_goods, cost in ((True, -20), (False, 0)):
            product.standard_price = 10
            invoice = self._invoice(
                [
                    {
                        "product_id": product.id,
                        "quantity": 5,
                        "price_unit": 100,
                        "tax_ids": self.vat20,
                    }
                ]
            )
            self.assertCost(invoice, 50)
            product.standard_price = 14
            self.assertCost(self.credit(invoice, 2, return_goods=return_goods), cost)

    def test_periodic_valuation(self):
        product = self._goods("Periodic", "delivery", standard_price=10)
        product.categ_id = self.env["product.category"].create(
            {"name": "Periodic", "property_valuation": "periodic"}
        )
        _order, picking, invoice = self.sell(product)
        self._return(picking, 2)
        self.assertCost(self.credit(invoice, 2), 0)

    def test_billing_user(self):
        """Who posts needs no access to the stock."""
        product = self.products["fifo"]
        self.receive(product, 5, 10)
        _order, picking, invoice = self.sell(product)
        back = self._return(picking, 2)
        user = self._new_user("cost_billing", "account.group_account_invoice")
        credit_note = (
            self.env["account.move"]
            .with_user(user)
            ._create_credit_notes(
                [
                    CreditRequest(
                        invoice.with_user(user),
                        [CreditLine(invoice.with_user(user).invoice_line_ids, 2)],
                        values={
                            "invoice_again": False,
                            "return_picking_ids": [Command.set(back.ids)],
                        },
                    )
                ]
            )
        )
        self.assertCost(credit_note.sudo(), -20)

    def test_as_a_set(self):
        """The cost of 50 lines takes no more queries than that of one."""
        product = self.products["fifo"]
        self.receive(product, 200, 10)

        def statements(count):
            order = self._order(*[(product, 2)] * count)
            picking = self._deliver(order)
            invoice = self._bill(order)
            self._return(picking, 1)
            credit_note = order._create_invoices(final=True)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            costs = credit_note.invoice_line_ids._get_reversed_costs()
            self.assertEqual({cost.unit for cost in costs.values()}, {10})
            self.assertEqual(len(costs), len(invoice.invoice_line_ids))
            return self.cr.sql_log_count - before

        statements(1)
        one = statements(1)
        self.assertLessEqual(statements(50), one)

    def test_received_with_verdicts(self):
        """Scrapped goods take their cost back, and are a loss of the stock; what is
        refused takes none back."""
        self.company.return_credit_policy = "post"
        for method, product in self.products.items():
            with self.subTest(method):
                self.receive(product, 10, 10.0)
                order, picking, invoice = self.sell(product)
                back = self.env["stock.picking"]._create_returns({picking.move_ids: 3})
                back.move_ids.write({"return_scrap_qty": 1, "return_refused_qty": 1})
                back.button_validate()
                credit_note = order.invoice_ids - invoice
                self.assertEqual(credit_note.invoice_line_ids.quantity, 2)
                cost = credit_note.line_ids.filtered(
                    lambda line: line.account_id == self.cost_account
                )
                self.assertEqual(cost.credit, 20)
