from odoo.tests import tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceReturn(MarketplaceCommon):
    """From the notice to the credit note."""

    def test_all_the_way(self):
        order = self.sold()
        invoice, delivery = order.invoice_ids, order.picking_ids
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
        self.assertEqual(record.picking_ids.return_id, delivery)
        self.assertEqual(record.picking_ids.refund_reason_id, self.reason)
        other = self.reason.copy({"name": "Other", "code": "OTHER"})
        record.with_user(self.service).refund_reason_id = other
        self.assertEqual(record.picking_ids.refund_reason_id, other)
        record.refund_reason_id = self.reason
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

    # -- what is credited ------------------------------------------------------

    def test_received_less(self):
        """3 announced, 2 received: 2 are credited, the third stays expected."""
        order = self.sold()
        record = self.told(self.notice(self.line("CHAIR", 3, 300), total=360))
        picking = record.picking_ids
        self.receive(picking, 2)
        self.cron("return")
        self.assertState(record, "waiting")
        self.assertEqual(record.credit_note_ids.amount_total, 240)
        self.assertEqual(record.credit_note_ids.return_picking_ids, picking)

        self.receive(record.picking_ids - picking)
        self.cron("return")
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.mapped("amount_total"), [120, 240])
        self.assertEqual(order.order_line[0].qty_invoiced, 0)

    def test_refused_goods_are_not_credited(self):
        """The warehouse sends one of two back; the company's own policy credits
        nothing besides what the account's does."""
        self.company.return_credit_policy = "post"
        order = self.sold()
        refund = self.told(self.notice(self.line(quantity=2, untaxed=200), total=240))
        self.assertState(refund, "waiting")
        refund.picking_ids.move_ids.return_refused_qty = 1
        self.receive(refund.picking_ids)
        self.cron("return")
        self.assertEqual(refund.credit_note_ids.amount_total, 120)
        notes = order.invoice_ids.filtered(lambda m: m.move_type == "out_refund")
        self.assertEqual(notes, refund.credit_note_ids)

    def test_received_less_and_no_more(self):
        record = self.told(self._three_chairs())
        self.receive(record.picking_ids, 2, backorder=False)
        self.cron("return")
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 240)

    def test_transfer_cancelled(self):
        record = self.told(self._three_chairs())
        record.picking_ids.action_cancel()
        self.cron("return")
        self.assertState(record, "received", "Nothing was received")
        record.with_user(self.service).action_credit_without_goods()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 360)

    def test_closed_by_hand(self):
        record = self.told(self._three_chairs())
        record.with_user(self.service).action_close()
        self.assertState(record, "done")
        self.assertEqual(record.picking_ids.state, "cancel")
        self.assertFalse(record.credit_note_ids)

    def test_credit_at_once(self):
        self.account.credit_when = "at_once"
        record = self.told(self._three_chairs())
        self.assertState(record, "done")
        self.assertEqual(record.picking_ids.state, "assigned")
        self.assertEqual(record.credit_note_ids.amount_total, 360)
        self.receive(record.picking_ids)
        self.cron("return")
        self.assertEqual(len(record.credit_note_ids), 1)

    def test_refund_without_goods(self):
        order = self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 100, goods_expected=False), total=120)
        )
        self.assertState(record, "done")
        self.assertFalse(record.picking_ids)
        self.assertEqual(record.credit_note_ids.amount_total, 120)
        self.assertEqual(order.order_line[0].qty_delivered, 3)

    def test_return_without_refund(self):
        self.sold()
        record = self.told(
            self.notice(
                self.line("CHAIR", 2),
                external_id="return:9",
                kind="return",
                state="approved",
            )
        )
        self.assertState(record, "waiting")
        self.receive(record.picking_ids)
        self.assertState(record, "done")
        self.cron()
        self.assertFalse(record.credit_note_ids)

    def test_price_correction(self):
        order = self.sold()
        record = self.told(self.notice(self.line("CHAIR", 0, 30), total=36))
        self.assertState(record, "done")
        self.assertFalse(record.picking_ids)
        self.assertTrue(record.credit_note_ids.invoice_line_ids.is_price_correction)
        self.assertEqual(record.credit_note_ids.amount_total, 36)
        self.assertEqual(order.order_line[0].qty_invoiced, 3)

    def test_amount_only(self):
        order = self.sold()
        record = self.told(self.notice(total=100))
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 100)
        self.assertIn(record.credit_note_ids.reversed_entry_id, order.invoice_ids)

    def test_nothing_told(self):
        """Neither lines nor an amount: the invoice is not credited whole."""
        self.sold()
        record = self.told(self.notice())
        self.assertState(record, "received", "by hand")
        self.assertFalse(record.credit_note_ids)

    def test_shipping(self):
        order = self.sold((self.chair, 1, 100.0), (self.shipping, 1, 10.0))
        record = self.told(
            self.notice(
                self.line("", 0, 10, kind="shipping", external_id="s"), total=12
            )
        )
        self.assertState(record, "done")
        self.assertEqual(record.line_ids.sale_line_id, order.order_line[1])
        self.assertEqual(record.credit_note_ids.amount_total, 12)
        self.assertEqual(order.order_line[1].qty_invoiced, 0)

    def test_fee_kept_back(self):
        self.sold()
        fee = self.line("", 0, -10, kind="fee", external_id="fee", title="Restocking")
        record = self.told(
            self.notice(
                self.line("CHAIR", 1, 100, goods_expected=False), fee, total=108
            )
        )
        self.assertState(record, "received", "fee product")
        self.account.fee_product_id = self.env["product.product"].create(
            {"name": "Fee", "type": "service", "taxes_id": [(6, 0, self.vat20.ids)]}
        )
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 108)
        self.assertRecordValues(
            record.credit_note_ids.invoice_line_ids,
            [
                {"quantity": 1, "price_subtotal": 100, "name": "[CHAIR] Chair"},
                {"quantity": -1, "price_subtotal": -10, "name": "Restocking"},
            ],
        )

    def test_lump_sum_beside_lines(self):
        """5 less than the lines: the credit note has what was paid back."""
        self.sold()
        lump = self.line("", 0, None, kind="adjustment", external_id="lump")
        lump = self.replace(lump, total=self.money(-5))
        record = self.told(
            self.notice(
                self.line("CHAIR", 1, 100, goods_expected=False), lump, total=115
            )
        )
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 115)

    def test_part_of_the_price(self):
        """Goods back, half of the money back: the quantity is credited all the same."""
        order = self.sold()
        record = self.told(self.notice(self.line("CHAIR", 1, 50), total=60))
        self.receive(record.picking_ids)
        self.cron("return")
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 60)
        self.assertEqual(order.order_line[0].qty_invoiced, 2)

    def test_not_delivered(self):
        """What never left does not come back: credited without a transfer."""
        self.chair.invoice_policy = "order"
        order = self.sold((self.chair, 3, 100.0), deliver=False)
        record = self.told(self.notice(self.line("CHAIR", 1, 100), total=120))
        self.assertState(record, "done")
        self.assertFalse(record.picking_ids)
        self.assertIn(record.credit_note_ids.reversed_entry_id, order.invoice_ids)

    def test_returned_by_hand_before(self):
        """The goods came before the marketplace told: no second transfer."""
        order = self.sold((self.chair, 3, 100.0))
        delivery = order.picking_ids
        back = self._return(delivery, 2)
        record = self.told(self.notice(self.line("CHAIR", 2, 200), total=240))
        self.assertState(record, "done")
        self.assertEqual(record.picking_ids, back)
        self.assertEqual(record.credit_note_ids.amount_total, 240)

    def test_several_invoices(self):
        order = self.sold((self.chair, 3, 100.0), deliver=False, bill=False)
        for quantity in (1, 2):
            self._deliver(order, quantity)
            self._bill(order)
        record = self.told(
            self.notice(self.line("CHAIR", 3, 300, goods_expected=False), total=360)
        )
        self.assertState(record, "done")
        self.assertEqual(len(order.invoice_ids.filtered("reversal_move_ids")), 2)
        self.assertEqual(record.amount_credited, 360)
        self.assertEqual(order.order_line.qty_invoiced, 0)

    def test_draft_by_policy(self):
        self.account.post_credit_note = "draft"
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 100, goods_expected=False), total=120)
        )
        self.assertEqual(record.credit_note_ids.state, "draft")
        self.assertState(record, "done")

    def test_rounding_within_tolerance(self):
        """The marketplace's cent wins, as that is what was paid."""
        self.sold((self.chair, 3, 10.01))
        record = self.told(
            self.notice(self.line("CHAIR", 1, 10.01, goods_expected=False), total=12.00)
        )
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 12.00)

    def test_one_bad_return_among_many(self):
        """The others of the batch are credited all the same."""
        orders = [
            self.sold((self.chair, 1, 100.0), ref=f"#{number}") for number in range(5)
        ]
        line = self.line("CHAIR", 1, 100, goods_expected=False)
        notices = [
            self.notice(
                self.line("CHAIR", 1, 1000, goods_expected=False)
                if number == 3
                else line,
                external_id=f"refund:{number}",
                order_refs=(f"#{number}",),
                total=1200 if number == 3 else 120,
            )
            for number in range(5)
        ]
        with self.assertRaisesCredit(orders[1]):
            records = self.told(*notices)
        states = {r.order_ref: r.state for r in records}
        self.assertEqual(
            states,
            {f"#{n}": "received" if n in (1, 3) else "done" for n in range(5)},
        )
        bad = records.filtered(lambda r: r.order_ref == "#1")
        self.assertIn("Unexpected error", bad.missing)
        self.assertIn("broken invoice", bad.traceback)

    def test_two_companies_currency_of_the_invoice(self):
        """The shop tells amounts in two currencies: the invoice's is taken."""
        usd = self.env.ref("base.USD")
        other = self.notice(
            self.replace(
                self.line("CHAIR", 1, goods_expected=False, external_id="l"),
                untaxed=self.money(200, "XYZ"),
                tax=self.money(40, "XYZ"),
                total=self.money(240, "XYZ"),
            ),
            currency="XYZ",
            total=240,
        )
        self.assertEqual(self.company.currency_id, usd)
        self.sold()
        mine = self.notice(
            self.line("CHAIR", 1, 100, goods_expected=False, external_id="l"), total=120
        )
        record = self.told(self.replace(other, other_currency=mine))
        self.assertState(record, "done")
        self.assertEqual(record.currency_id, usd)
        self.assertEqual(record.amount_total, 120)
        self.assertEqual(record.line_ids.amount_untaxed, 100)

    def test_unknown_currency(self):
        self.sold()
        record = self.told(self.notice(currency="XYZ", total=240))
        self.assertState(record, "unmatched", "invoice .* is in USD")

    def test_many_as_one_set(self):
        """The number of queries for each return stays flat."""

        def run(numbers):
            for number in numbers:
                self.sold((self.chair, 1, 100.0), ref=f"#{number}")
            self.env.flush_all()
            self.env.invalidate_all()
            notices = [
                self.notice(
                    self.line("CHAIR", 1, 100, goods_expected=False),
                    external_id=f"refund:{number}",
                    order_refs=(f"#{number}",),
                    total=120,
                )
                for number in numbers
            ]
            before = self.cr.sql_log_count
            records = self.told(*notices, key=f"event {numbers[0]}")
            self.assertState(records, "done")
            return self.cr.sql_log_count - before

        run(range(2))
        few, many = run(range(10, 15)), run(range(20, 45))
        self.assertLess((many - few) / 20, 30, f"{few} for 5, {many} for 25")
