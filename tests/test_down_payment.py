from odoo import Command
from odoo.tests import tagged

from ..tools.credit import CreditRequest
from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDownPayment(DownPaymentCommon):
    """Cases 27 to 33 of ACCOUNTING.md."""

    def _order_of(self, quantity=10, price=100.0, **values):
        return self._order((self.ordered, quantity, price), **values)

    def test_number_account_and_rates(self):
        """Case 27: the same series, one line per VAT rate, on 4191."""
        order = self._order((self.ordered, 1, 1000.0), (self.ordered, 1, 500.0))
        order.order_line[1].tax_ids = self.vat5
        plain = self._invoice([(1, 10.0, self.vat20)])
        invoice = self._take(order, 30, user=self.salesman)
        prefix, _, number = plain.name.rpartition("/")
        self.assertEqual(invoice.name, f"{prefix}/{int(number) + 1:0{len(number)}}")
        lines = invoice.invoice_line_ids
        self.assertEqual(lines.account_id, self.advances)
        self.assertEqual(lines.product_id, self.company.down_payment_product_id)
        self.assertEqual(
            sorted((line.tax_ids.amount, line.price_subtotal) for line in lines),
            [(5.5, 150.0), (20.0, 300.0)],
        )
        self.assertEqual(invoice.amount_total, 360 + 158.25)

    def test_part_credit(self):
        """Case 28: 300 down, 100 of it credited: the final invoice is 960."""
        order = self._order_of()
        down = self._take(order, 30)
        self._give_back(down, amount=100)
        line = order.order_line.filtered("is_downpayment")[1]
        self.assertEqual(line.price_unit, 200)
        self.assertEqual(line.qty_to_invoice, -1)
        self.assertAddsUp(order)
        final = self._final(order)
        self.assertEqual(final.amount_total, 960)
        self.assertEqual(self._balance(), 0)
        self.assertAddsUp(order)
        self.assertEqual(order.left_to_invoice, 0)

    def test_sales_open_their_invoices(self):
        """The form of an invoice, posted or not, as a salesperson opens it."""
        order = self._order_of()
        down = self._take(order, 30, post=False)
        names = ["alerts", "payment_count", "online_refundable", "payment_step_id"]
        for _state in ("draft", "posted"):
            self.env.invalidate_all()
            down.with_user(self.salesman).web_read({name: {} for name in names})
            if down.state == "draft":
                down.action_post()

    def test_full_credit(self):
        order = self._order_of()
        down = self._take(order, 30)
        self._give_back(down, quantity=1)
        final = self._final(order)
        self.assertEqual(final.amount_total, 1200)
        self.assertEqual(self._balance(), 0)
        self.assertFalse(final.invoice_line_ids.filtered("is_downpayment"))

    def test_cancelled_credit(self):
        """Case 29: final 840 for 300 down."""
        order = self._order_of()
        down = self._take(order, 30)
        credit_note = self._give_back(down, amount=100)
        credit_note.button_draft()
        credit_note.button_cancel()
        final = self._final(order)
        self.assertEqual(final.amount_total, 840)
        self.assertEqual(self._balance(), 0)

    def test_credit_by_core_wizard_in_two_parts(self):
        order = self._order_of()
        down = self._take(order, 30)
        for amount in (100, 50):
            self._give_back(down, amount=amount)
        self._give_back(down, quantity=1)
        self.assertEqual(self._final(order).amount_total, 1200)

    def test_in_proportion(self):
        """Case 30: 10 × 100, 50 % down, 2 delivered: 100 net, 120 with VAT."""
        self.company.down_payment_deduction = "proportion"
        order = self._order((self.delivered, 10, 100.0))
        self._take(order, 50)
        self._deliver(order, 2)
        first = self._final(order)
        self.assertEqual(first.move_type, "out_invoice")
        self.assertEqual((first.amount_untaxed, first.amount_total), (100, 120))
        self.assertAddsUp(order)
        self._deliver(order, 8)
        self.assertEqual(self._final(order).amount_total, 480)
        self.assertEqual(self._balance(), 0)
        self.assertAddsUp(order)

    def test_up_to_the_total(self):
        """Case 30, the other way: never a credit note."""
        order = self._order((self.delivered, 10, 100.0))
        self._take(order, 50)
        totals = []
        for quantity in (2, 2, 6):
            self._deliver(order, quantity)
            invoice = self._final(order)
            self.assertEqual(invoice.move_type, "out_invoice")
            totals.append(invoice.amount_total)
            self.assertAddsUp(order)
        self.assertEqual(totals, [0, 0, 600])
        self.assertEqual(self._balance(), 0)

    def test_wizard_chooses_the_way(self):
        order = self._order((self.delivered, 10, 100.0))
        self._take(order, 50)
        self._deliver(order, 2)
        self.assertEqual(self._final(order, deduction="proportion").amount_total, 120)

    def test_cents_over_many_invoices(self):
        """Exactly the down payment is deducted, per tax rate, in both ways."""
        for way in ("proportion", "total"):
            self.company.down_payment_deduction = way
            order = self._order(
                (self.delivered, 3, 33.37),
                (self.delivered, 3, 10.01),
                (self.delivered, 3, 0.33),
            )
            order.order_line[1].tax_ids = self.vat5
            down = self._take(order, 37)
            invoices = self.env["account.move"]
            for _round in range(3):
                self._deliver(order, 1)
                invoice = self._final(order)
                self.assertEqual(invoice.move_type, "out_invoice")
                self.assertGreaterEqual(invoice.amount_total, 0)
                invoices |= invoice
            deducted = invoices.invoice_line_ids.filtered("is_downpayment")
            for tax in (self.vat20, self.vat5):
                for name in ("price_subtotal", "price_total"):
                    taken, back = (
                        sum(li[name] for li in lines if li.tax_ids == tax)
                        for lines in (down.invoice_line_ids, deducted)
                    )
                    self.assertAlmostEqual(taken, -back, 2)
            self.assertEqual(self._balance(order), 0)
            self.assertAddsUp(order)

    def test_each_rate_from_its_own_lines(self):
        """A down payment of 20 % VAT is not deducted from goods of 5.5 %."""
        order = self._order((self.delivered, 1, 500.0), (self.ordered, 1, 500.0))
        order.order_line[0].tax_ids = self.vat5
        self._take(order, 50)
        final = self._final(order)
        self.assertEqual(final.amount_untaxed, 250)
        self.assertEqual(final.amount_total, 300)

    def test_tax_included(self):
        order = self._order_of(3, 10.01)
        order.order_line.tax_ids = self.vat20_included
        down = self._take(order, 33.33)
        self._give_back(down, amount=1.0)
        final = self._final(order)
        self.assertAlmostEqual(
            final.amount_total + order.down_payment_deducted, order.amount_total, 2
        )
        self.assertEqual(self._balance(), 0)

    def test_nothing_out_of_nowhere(self):
        """Nothing delivered: no refund of the down payment, but a clear answer."""
        order = self._order((self.delivered, 10, 100.0))
        self._take(order, 50)
        with self.assertRefused("credit its invoice"):
            self._final(order)

    def test_named_on_the_final_invoice(self):
        """Case 33: number, date and amount of each, though the draft had no number."""
        order = self._order_of()
        first = self._take(order, 30)
        second = self._take(order, 20, post=False)
        final = self._final(order, post=False)
        second.action_post()
        final.action_post()
        names = "\n".join(final.invoice_line_ids.mapped("name"))
        for down, amount in ((first, "360.00"), (second, "240.00")):
            self.assertIn(down.name, names)
            self.assertIn(amount, names)
        self.assertEqual(final._get_deducted_invoices(), first | second)

    def test_draft_down_payment_is_not_deducted(self):
        order = self._order_of()
        self._take(order, 30, post=False)
        final = self._final(order, post=False)
        with self.assertRefused("Post the down payment first"):
            final.action_post()

    def test_both_posted_together(self):
        order = self._order_of()
        down = self._take(order, 30, post=False)
        final = self._final(order, post=False)
        (final | down).action_post()
        self.assertEqual(final.amount_total, 840)
        self.assertIn(down.name, "".join(final.invoice_line_ids.mapped("name")))

    def test_deducted_is_not_credited_too(self):
        """Wrong order: the down payment is credited after it was deducted."""
        order = self._order_of()
        down = self._take(order, 30)
        final = self._final(order)
        with self.assertRefused("credit the invoice that deducts it"):
            self._give_back(down, amount=100)
        with self.assertRefused("deduct"):
            down.button_draft()
        final.button_draft()
        final.button_cancel()
        self._give_back(down, amount=100)
        self.assertEqual(self._final(order).amount_total, 960)

    def test_final_invoice_credited(self):
        """What it deducted is to be deducted again."""
        order = self._order_of()
        self._take(order, 30)
        final = self._final(order)
        self.env["account.move"]._create_credit_notes(
            [CreditRequest(final, values={"invoice_again": True})]
        )
        self.assertAddsUp(order)
        self.assertEqual(order.down_payment_left, 360)
        self.assertEqual(self._final(order).amount_total, 840)
        self.assertEqual(self._balance(), 0)

    def test_two_final_drafts(self):
        """Two drafts do not deduct the same down payment."""
        order = self._order((self.delivered, 10, 100.0))
        self._take(order, 50)
        self._deliver(order, 4)
        first = self._final(order, post=False)
        self._deliver(order, 6)
        second = self._final(order, post=False)
        self.assertEqual((first | second).mapped("amount_total"), [0, 600])
        (first | second).action_post()
        self.assertEqual(self._balance(), 0)

    def test_foreign_currency(self):
        """4191 is empty in the company's currency too, at whatever rate."""
        euros = self.setup_other_currency("EUR", rates=[])
        rates = self.env["res.currency.rate"]
        for date, rate in (("2026-01-01", 1.25), ("2026-06-01", 1.0)):
            rates.create(
                {
                    "name": date,
                    "rate": rate,
                    "currency_id": euros.id,
                    "company_id": self.company.id,
                }
            )
        order = self._order_of(currency_id=euros.id)
        order.currency_id = euros
        down = self._take(order, 30, post=False)
        down.invoice_date = "2026-02-01"
        down.action_post()
        self.assertEqual(self._balance(), -240)
        final = self._final(order, post=False)
        final.invoice_date = "2026-07-01"
        final.action_post()
        self.assertEqual(final.amount_total, 840)
        lines = (down | final).line_ids.filtered(
            lambda line: line.account_id == self.advances
        )
        self.assertEqual(set(lines.mapped("amount_residual")), {0})
        self.assertEqual(self._balance(), 0)

    def test_chosen_lines_and_categories(self):
        """A part of the order is invoiced, or one invoice per type of product."""
        other = self.env["product.category"].create({"name": "Other goods"})
        goods = self._goods("Other", "order", categ_id=other.id)
        order = self._order((self.ordered, 1, 400.0), (goods, 1, 600.0))
        self._take(order, 50)
        lines = order.order_line[:1]
        one = self._final(
            order,
            choice="lines",
            line_ids=[Command.set(lines.ids)],
            deduction="proportion",
            post=False,
        )
        self.assertEqual(one.amount_untaxed, 200)
        one.button_cancel()
        both = self._final(order, split_by_category=True)
        self.assertEqual(len(both), 2)
        self.assertEqual(sum(both.mapped("amount_untaxed")), 500)
        self.assertEqual(self._balance(), 0)

    def test_wizard_tells_before(self):
        """What was taken, what is left, and the new one by rate."""
        order = self._order_of()
        self._take(order, 30)
        wizard = self._wizard(
            order, self.salesman, advance_payment_method="percentage", amount=40
        )
        self.assertEqual(wizard.down_payment_taken, 360)
        self.assertEqual(wizard.down_payment_max, 840)
        totals = wizard.preview_tax_totals
        self.assertEqual(totals["total_amount_currency"], 480)
        self.assertEqual(totals["tax_amount_currency"], 80)
        wizard.amount = 71
        self.assertFalse(wizard.preview_tax_totals)
        self.assertIn("840.00", wizard.preview_warning)
        wizard.advance_payment_method = "delivered"
        self.assertEqual(wizard.preview_tax_totals["total_amount_currency"], 840)
        self.assertEqual(len(order.invoice_ids), 1)

    def test_figures(self):
        order = self._order((self.delivered, 10, 100.0))
        down = self._take(order, 50)
        self._register_payment(down, 250)
        self._give_back(down, amount=100)
        self._deliver(order, 3)
        self._final(order)
        order = order.with_user(self.salesman)
        self.assertAddsUp(order)
        self.assertEqual(order.down_payment_invoiced, 600)
        self.assertEqual(order.down_payment_paid, 250)
        self.assertEqual(order.down_payment_credited, 120)
        self.assertEqual(order.down_payment_deducted, 360)
        self.assertEqual(order.down_payment_left, 120)
        self.assertEqual(order.left_to_invoice, 720)

    @classmethod
    def _register_payment(cls, invoice, amount):
        return (
            cls.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"amount": amount})
            ._create_payments()
        )

    def test_what_is_left_out_is_said(self):
        """Before a regular invoice: what it leaves out, as it is not delivered."""
        order = self._order((self.ordered, 1), (self.delivered, 3))
        wizard = self._wizard(order, advance_payment_method="delivered")
        self.assertIn(f"3 × {self.delivered.display_name}", wizard.left_out)
        self.assertNotIn(self.ordered.display_name, wizard.left_out)
        self._deliver(order)
        wizard = self._wizard(order, advance_payment_method="delivered")
        self.assertFalse(wizard.left_out)
