from odoo.tests import HttpCase, tagged

from .common import AvoirCommon


@tagged("post_install", "-at_install", "avoir_tour")
class TestRefundTour(AvoirCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._new_user("accountant", "account.group_account_invoice")
        cls.reason.name = "Billing mistake"
        cls.invoice = cls._invoice(
            [
                cls._tour_line("Desk", 5, 100),
                cls._tour_line("Chair", 1, 50),
                cls._tour_line("Lamp", 3, 10),
            ]
        )

    @classmethod
    def _tour_line(cls, name, quantity, price):
        return {
            "product_id": cls.env["product.product"].create({"name": name}).id,
            "quantity": quantity,
            "price_unit": price,
            "tax_ids": cls.vat20,
        }

    def _start(self, tour):
        action = "account.action_move_out_invoice_type"
        self.start_tour(
            f"/odoo/action-{action}/{self.invoice.id}", tour, login="accountant"
        )

    def test_credit_two_of_three_lines(self):
        self._start("avoir_credit_two_of_three_lines")
        credit_note = self.invoice.reversal_move_ids
        self.assertEqual(credit_note.state, "posted")
        self.assertEqual(credit_note.amount_total, 300)
        self.assertEqual(credit_note.invoice_line_ids.mapped("quantity"), [2, 1])
        self.assertEqual(self.invoice.amount_residual, 396)

    def test_cancel_and_redraft_a_paid_invoice(self):
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        ).create({})._create_payments()
        self._start("avoir_cancel_and_redraft")
        self.assertEqual(self.invoice.payment_state, "reversed")
        replacement = self.invoice.replacement_invoice_ids
        self.assertEqual(replacement.state, "posted")
        self.assertEqual(replacement.invoice_line_ids[0].quantity, 2)
        self.assertEqual(replacement.amount_residual, 0)
