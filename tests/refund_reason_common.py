from odoo import Command

from odoo.addons.avoir.tools.credit import CreditLine, CreditRequest

from .common import AvoirCommon


class RefundReasonCommon(AvoirCommon):
    """A reason with an amount above which a manager approves, and the roles."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.biller = cls._new_user("avoir_biller", "account.group_account_invoice")
        cls.manager = cls._new_user("avoir_manager", "account.group_account_manager")
        cls.warehouse = cls._new_user("avoir_warehouse", "stock.group_stock_user")
        cls.salesman = cls._new_user("avoir_sales", "sales_team.group_sale_salesman")
        cls.reason.write({"approval_amount": 200, "approver_id": cls.manager.id})
        cls.env.flush_all()

    def _credit_as(self, user, invoice, quantity, **request):
        line = CreditLine(invoice.invoice_line_ids[0], quantity)
        request.setdefault("values", {"refund_reason_id": self.reason.id})
        return (
            self.env["account.move"]
            .with_user(user)
            ._create_credit_notes([CreditRequest(invoice, [line], **request)])
        )

    def _by_hand(self, user, price=500, **values):
        return (
            self.env["account.move"]
            .with_user(user)
            .create(
                {
                    "move_type": "out_refund",
                    "partner_id": self.partner.id,
                    "refund_reason_id": self.reason.id,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "product_id": self.product_a.id,
                                "price_unit": price,
                                "tax_ids": [Command.set(self.vat20.ids)],
                            }
                        )
                    ],
                    **values,
                }
            )
        )
