from odoo.tests import tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceReturn(MarketplaceCommon):
    """From the notice to the credit note."""

    def test_all_the_way(self):
        order = self.sold()
        invoice = order.invoice_ids
        record = self.told(
            self.notice(
                self.line("CHAIR", 2, 200),
                self.line("TABLE", 1, 50),
                total=300,
                reason="Too small",
            )
        )
        self.assertState(record, "waiting")
        self.assertEqual(record.sale_order_id, order)
        self.assertRecordValues(
            record.line_ids,
            [
                {"sale_line_id": order.order_line[0].id, "quantity": 2},
                {"sale_line_id": order.order_line[1].id, "quantity": 1},
            ],
        )
        self.assertEqual(record.picking_ids.state, "assigned")
        self.assertEqual(record.picking_ids.return_id, order.picking_ids[0])
        self.assertFalse(record.credit_note_ids)

        self.receive(record.picking_ids)
        self.assertState(record, "received")
        self.cron("return")
        self.assertState(record, "done")
        self.assertRecordValues(
            record.credit_note_ids,
            [
                {
                    "state": "posted",
                    "move_type": "out_refund",
                    "amount_untaxed": 250,
                    "amount_total": 300,
                    "amount_residual": 0,
                    "reversed_entry_id": invoice.id,
                    "refund_reason_id": self.reason.id,
                    "refund_note": "Too small",
                    "return_picking_ids": record.picking_ids.ids,
                }
            ],
        )
        self.assertEqual(invoice.amount_residual, invoice.amount_total - 300)
        self.assertEqual(record.amount_credited, 300)
        self.assertEqual(order.order_line.mapped("qty_delivered"), [1, 1])
        self.cron()
        self.assertEqual(len(record.credit_note_ids), 1)
