from odoo import api, models


class AccountTax(models.Model):
    _inherit = "account.tax"

    @api.model
    def _prepare_down_payment_lines(
        self, base_lines, company, amount_type, amount, *args, **kwargs
    ):
        """Hold the down payment that core's wizard makes to what the order has left."""
        order = self.env.context.get("avoir_down_payment_order")
        if not order:
            return super()._prepare_down_payment_lines(
                base_lines, company, amount_type, amount, *args, **kwargs
            )
        if order._is_invoiced_in_part():
            # A down payment of what is invoiced already could never be deducted.
            if amount_type == "percent":
                amount_type = "fixed"
                amount = order.currency_id.round(order.amount_total * amount / 100)
            base_lines = order._prepare_base_lines_of(order._get_quantities_left())
        lines = super()._prepare_down_payment_lines(
            base_lines, company, amount_type, amount, *args, **kwargs
        )
        order._fit_down_payment(lines)
        return lines
