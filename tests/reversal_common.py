from .common import AvoirCommon


class ReversalCommon(AvoirCommon):
    """Odoo's own Credit Note dialog, as an accountant opens it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.billing = cls._new_user("billing", "account.group_account_invoice")

    def _wizard(self, moves, user=None, **values):
        wizard = (
            self.env["account.move.reversal"]
            .with_user(user or self.billing)
            .with_context(
                active_model="account.move", active_ids=moves.ids, refund_wizard=True
            )
            .create({"refund_reason_id": self.reason.id, **values})
        )
        return wizard

    def _pay(self, invoice, **values):
        return (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create(values)
            ._create_payments()
        )
