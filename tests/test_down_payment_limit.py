from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDownPaymentLimit(DownPaymentCommon):
    """Down payments never exceed the order (case 31); what each company has."""

    def _order_of(self, quantity=10, price=100.0, **values):
        return self._order((self.ordered, quantity, price), **values)

    def test_never_more_than_the_order(self):
        """Case 31, in percent and in amount, drafts counted."""
        order = self._order_of()
        with self.assertRefused("more than can be taken"):
            self._take(order, 101)
        self._take(order, 80, post=False)
        for values in ({"percent": 80}, {"percent": 20.1}, {"amount": 240.05}):
            with self.subTest(values), self.assertRefused("240.00"):
                self._take(order, **values)
        self.assertEqual(self._take(order, 20).amount_total, 240)

    def test_paid_online_beyond_the_order(self):
        """A payment that came in does not fail for want of room."""
        order = self._order_of()
        self._take(order, 80)
        order.amount_paid = 600
        self.assertFalse(order._generate_downpayment_invoices())
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertIn("600.00", order.message_ids[0].body)

    def test_raised_by_hand(self):
        """Case 31: checked again when the down payment is posted."""
        order = self._order_of()
        down = self._take(order, 80, post=False)
        down.invoice_line_ids.price_unit = 1100
        with self.assertRefused("exceed"):
            down.action_post()

    def test_lowered_before_it_is_confirmed_again(self):
        order = self._order_of()
        self._take(order, 80)
        order._action_cancel()
        order.action_draft()
        order.order_line[0].product_uom_qty = 5
        with self.assertRefused("exceed"):
            order.action_confirm()

    def test_thirds_make_the_whole(self):
        """The roundings of several down payments are no excess."""
        order = self._order((self.ordered, 1, 33.33), (self.ordered, 1, 10.01))
        order.order_line[1].tax_ids = self.vat5
        for _half in range(2):
            self._take(order, 50)
        self.assertEqual(order.left_to_invoice, 0)
        final = self._final(order)
        self.assertEqual(final.amount_total, 0)
        self.assertEqual(final.move_type, "out_invoice")
        self.assertEqual(self._balance(), 0)

    def test_of_what_is_not_invoiced_yet(self):
        """After a part of the order is invoiced, the rest bears the down payment."""
        order = self._order((self.delivered, 1, 500.0), (self.ordered, 1, 500.0))
        order.order_line[1].tax_ids = self.vat5
        self._final(order)
        down = self._take(order, 50)
        self.assertEqual(down.invoice_line_ids.tax_ids, self.vat20)
        self.assertAlmostEqual(down.amount_total, order.amount_total / 2)
        with self.assertRefused("more than can be taken"):
            self._take(order, 50)

    def test_company_has_product_and_account(self):
        """New companies have theirs; the chart's account goes to the product."""
        self.env["ir.default"].set(
            "res.company", "downpayment_account_id", self.advances.id, company_id=True
        )
        company = self.env["res.company"].create({"name": "Nouvelle"})
        product = company.down_payment_product_id
        self.assertEqual(product.company_id, company)
        self.assertFalse(company.downpayment_account_id, "of another company")
        own = self.company.down_payment_product_id.with_company(self.company)
        self.assertEqual(own.property_account_income_id, self.advances)

    def test_product_in_a_language_that_comes_later(self):
        product = self.company.down_payment_product_id
        self.env["res.lang"]._activate_lang("fr_FR")
        module = self.env["ir.module.module"]._get("avoir")
        module._update_translations(["fr_FR"])
        self.assertEqual(product.with_context(lang="fr_FR").name, "Acompte")
        self.assertEqual(product.with_context(lang="en_US").name, "Down Payment")
        product.with_context(lang="fr_FR").name = "Avance"
        module._update_translations(["fr_FR"])
        self.assertEqual(product.with_context(lang="fr_FR").name, "Avance")
