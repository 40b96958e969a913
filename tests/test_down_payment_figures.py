from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestDownPaymentFigures(DownPaymentCommon):
    """The list of orders with their down payments."""

    def _count_statements(self, orders):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        orders.mapped("left_to_invoice")
        return self.env.cr.sql_log_count - before

    def test_orders_are_read_at_once(self):
        """As many statements for nine orders as for three."""
        orders = self.env["sale.order"]
        for number in range(9):
            order = self._order((self.ordered, 2 + number))
            self._give_back(self._take(order, 30), amount=20.0)
            orders |= order
        few = self._count_statements(orders[:3])
        self.assertEqual(self._count_statements(orders), few)

    def test_taxes_rounded_once_a_document(self):
        """No cent is "changed since": 88.78 by lines is 88.77 in all."""
        self.company.tax_calculation_rounding_method = "round_globally"
        for taxes, lines in (
            (self.vat20_included, ((3, 11.36), (3, 18.23))),
            (self.vat20, ((3, 58.14), (3, 7.55), (1, 56.36))),
        ):
            order = self._order(*((self.ordered, *line) for line in lines))
            order.order_line.tax_ids = taxes
            down = self._take(order, 50)
            self.assertEqual(order.goods_changed, 0)
            self._give_back(down, amount=5.0)
            final = self._final(order)
            self.assertAddsUp(order)
            self.assertEqual(order.goods_changed, 0)
            self.assertEqual(order.left_to_invoice, 0)
            self.assertEqual(order.down_payment_left, 0)
            self.assertEqual(order.goods_invoiced, order.amount_total)
            billed = sum(order.invoice_ids.mapped("amount_total_signed"))
            self.assertAlmostEqual(billed, order.amount_total)
            self.assertEqual(final.move_type, "out_invoice")
