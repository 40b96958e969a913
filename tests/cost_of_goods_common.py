from odoo import Command

from .sale_common import AvoirSaleCommon


class CostOfGoodsCommon(AvoirSaleCommon):
    """Goods with perpetual valuation, by each of the methods."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stock_account = cls.company.account_stock_valuation_id
        if not cls.stock_account:
            cls.stock_account = cls.env["account.account"].create(
                {
                    "name": "Stock",
                    "code": "STOCK1",
                    "account_type": "asset_current",
                    "company_ids": [Command.set(cls.company.ids)],
                }
            )
        cls.cost_account = cls.company_data["default_account_expense"]
        cls.products = {
            method: cls._valued(method) for method in ("standard", "average", "fifo")
        }

    @classmethod
    def _valued(cls, method, **values):
        category = cls.env["product.category"].create(
            {
                "name": method,
                "property_valuation": "real_time",
                "property_cost_method": method,
                "property_stock_valuation_account_id": cls.stock_account.id,
                "property_account_expense_categ_id": cls.cost_account.id,
                "property_account_income_categ_id": (
                    cls.company_data["default_account_revenue"].id
                ),
            }
        )
        return cls._goods(
            f"Valued by {method}",
            "delivery",
            categ_id=category.id,
            standard_price=10.0,
            **values,
        )

    def receive(self, product, quantity, cost):
        move = self.env["stock.move"].create(
            {
                "product_id": product.id,
                "location_id": self.env.ref("stock.stock_location_suppliers").id,
                "location_dest_id": self.warehouse.lot_stock_id.id,
                "product_uom_qty": quantity,
                "product_uom": product.uom_id.id,
                "picking_type_id": self.warehouse.in_type_id.id,
                "value_manual": cost * quantity,
                "price_unit": cost,
            }
        )
        move._action_confirm()
        move.quantity = quantity
        move.picked = True
        move._action_done()
