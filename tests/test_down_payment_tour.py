from odoo.tests import HttpCase, tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install", "avoir_tour")
class TestDownPaymentTour(DownPaymentCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant.group_ids += cls.env.ref(
            "sales_team.group_sale_salesman_all_leads"
        )
        cls.order = cls._order((cls.ordered, 10, 100.0))

    def _start(self, tour, login):
        self.start_tour(
            f"/odoo/action-sale.action_orders/{self.order.id}", tour, login=login
        )
        self.env.invalidate_all()

    def test_down_payment_and_final_invoice(self):
        """Sales takes 30 % down, the accountant makes the final invoice."""
        self._start("avoir_take_down_payment", "dp_sales")
        down = self.order.invoice_ids
        self.assertEqual(down.amount_total, 360)
        down.action_post()
        self._start("avoir_final_invoice", "dp_billing")
        final = self.order.invoice_ids - down
        self.assertEqual(final.state, "posted")
        self.assertEqual(final.amount_total, 840)
        self.assertEqual(self._balance(), 0)

    def test_cancelled_after_its_down_payment(self):
        down = self._take(self.order, 30)
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=down.ids
        ).create({})._create_payments()
        self._start("avoir_cancel_order", "dp_billing")
        self.assertEqual(self.order.state, "cancel")
        credit_note = self.order.invoice_ids - down
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.amount_residual, 360)
