from odoo.tests import tagged

from .test_down_payment import DownPaymentCommon


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
