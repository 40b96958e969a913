from odoo.tests import Form, tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceMatch(MarketplaceCommon):
    """The order, the invoice and the lines that a return is about."""

    def refund(self, *lines, **values):
        lines = lines or [self.line("CHAIR", 1, 100, goods_expected=False)]
        values.setdefault("total", 120 * len(lines))
        return self.notice(*lines, **values)

    def test_order_by_its_numbers(self):
        for number, values in enumerate(
            (
                {"ref": "1001"},
                {"ref": "x", "origin": "#1001"},
                {"ref": "x", "reference": "1001"},
                {"ref": "x", "name": "#1001"},
                {"ref": "x", "marketplace_order_ref": "9001"},
            )
        ):
            with self.subTest(values=values):
                order = self.sold((self.chair, 1, 100.0), **values)
                record = self.told(
                    self.refund(external_id=f"refund:{number}"), key=f"event {number}"
                )
                self.assertEqual(record.sale_order_id, order)
                self.assertState(record, "done")
                order.write(
                    {
                        "client_order_ref": False,
                        "origin": False,
                        "reference": False,
                        "marketplace_order_ref": False,
                        "name": f"done {number}",
                    }
                )
                # Invoices that are credited are not changed any more by hand.
                self.env.flush_all()
                self.env.cr.execute(
                    "UPDATE account_move SET ref = NULL, payment_reference = NULL,"
                    " invoice_origin = NULL WHERE id = ANY(%s)",
                    [order.invoice_ids.ids],
                )
                self.env.invalidate_all()

    def test_customer_reference_before_other_numbers(self):
        order = self.sold((self.chair, 1, 100.0))
        self.sold((self.chair, 1, 100.0), ref="x", name="1001")
        self.assertEqual(self.told(self.refund()).sale_order_id, order)

    def test_several_orders(self):
        orders = [self.sold((self.chair, 1, 100.0)) for _i in range(2)]
        record = self.told(self.refund())
        self.assertState(record, "unmatched", "several .*#1001")
        self.assertIn(orders[0].name, record.missing)
        self.assertEqual(record.activity_ids.user_id, self.service)

    def test_no_order_yet(self):
        """The order comes later than the refund: it is found by itself."""
        record = self.told(self.refund())
        self.assertState(record, "unmatched", "none that is confirmed.*#1001")
        self.assertTrue(record.next_try)
        self.sold((self.chair, 1, 100.0))
        self.cron("return")
        self.assertEqual(record.state, "unmatched")
        record.sudo().next_try = "2026-01-01"
        self.cron("return")
        self.assertState(record, "done")
        self.assertFalse(record.activity_ids)

    def test_each_reads_in_his_language(self):
        """Stopped once, by whatever cron, and read by people of several languages."""
        for lang in ("fr_FR", "nl_NL"):
            self.env["res.lang"]._activate_lang(lang)
        self.service.lang = "nl_NL"
        self.company.partner_id.lang = "fr_FR"
        record = self.told(self.refund())
        said = {
            lang: record.with_context(lang=lang).missing
            for lang in ("en_US", "fr_FR", "nl_NL")
        }
        self.assertEqual(len(set(said.values())), 3, said)
        self.assertIn("none that is confirmed", said["en_US"])
        self.assertIn("#1001", said["nl_NL"])
        self.assertEqual(record.activity_ids.summary, said["nl_NL"])
        record.action_decline()
        for lang in said:
            self.assertFalse(record.with_context(lang=lang).missing)

    def test_languages_are_written_for_all_returns_at_once(self):
        for lang in ("fr_FR", "nl_NL"):
            self.env["res.lang"]._activate_lang(lang)
        returns = self.env["marketplace.return"].sudo()
        for number in range(12):
            returns |= self.told(
                self.refund(external_id=f"refund:{number}"), key=f"event {number}"
            ).sudo()

        def statements(some):
            returns.write({"missing": False})
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            returns._stop({one: [one._get_missing_order(None)] for one in some})
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        statements(returns)  # what is read but once
        few = statements(returns[:2])
        self.assertLessEqual(statements(returns), few + 1)
        said = returns[-1].with_context(lang="nl_NL").missing
        self.assertNotEqual(said, returns[-1].missing)

    def test_continue_says_what_is_still_missing(self):
        record = self.told(self.refund()).with_user(self.service)
        told = record.action_continue()
        self.assertIn("none that is confirmed", told["params"]["message"])
        self.sold()
        self.assertFalse(record.action_continue())
        self.assertState(record, "done")

    def test_the_chatter_speaks_the_language_of_its_reader(self):
        self.env["res.lang"]._activate_lang("nl_NL")
        self.env["ir.model.fields.selection"].search(
            [
                ("field_id.model", "=", "marketplace.return"),
                ("field_id.name", "=", "state"),
                ("value", "=", "approved"),
            ]
        ).with_context(lang="nl_NL").name = "Goedgekeurd"
        self.account.approval = "manual"
        self.sold()
        record = self.told(self.refund())
        record.with_user(self.service).action_approve()
        self.env.cr.precommit.run()
        # sudo: as the chatter reads what it shows
        tracked = record.message_ids.sudo().tracking_value_ids
        for lang, label in (("en_US", "Approved"), ("nl_NL", "Goedgekeurd")):
            told = tracked.with_context(lang=lang)._tracking_value_format()
            self.assertIn(label, [value["newValue"] for value in told])
            self.assertEqual(
                {value["fieldInfo"]["fieldType"] for value in told}, {"selection"}
            )

    def test_not_invoiced_yet(self):
        order = self.sold((self.chair, 1, 100.0), bill=False)
        record = self.told(self.refund())
        self.assertState(record, "unmatched", f"Invoice the sales order {order.name}")
        self._bill(order)
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")

    def test_order_of_another_company(self):
        other = self._create_company(name="Other")
        self.env["sale.order"].create(
            {
                "partner_id": self.partner.id,
                "company_id": other.id,
                "warehouse_id": self._warehouse(other).id,
                "client_order_ref": "#1001",
                "state": "sale",
            }
        )
        record = self.told(self.refund())
        self.assertState(record, "unmatched", "none that is confirmed")

    def test_invoice_without_order(self):
        """Shops whose invoices are imported and whose orders are not."""
        invoice = self._invoice([(2, 100, self.vat20)], ref="1001")
        invoice.invoice_line_ids.product_id.default_code = "CHAIR"
        record = self.told(self.refund())
        self.assertState(record, "done")
        self.assertEqual(record.invoice_id, invoice)
        self.assertEqual(record.line_ids.invoice_line_id, invoice.invoice_line_ids)
        self.assertEqual(record.credit_note_ids.amount_total, 120)

    def test_line_by_the_id_at_the_marketplace(self):
        order = self.sold((self.chair, 1, 90.0), (self.chair, 1, 100.0))
        order.order_line[1].marketplace_line_ref = "77"
        record = self.told(
            self.refund(
                self.line("other", 1, 100, order_line_ref="77", goods_expected=False)
            )
        )
        self.assertEqual(record.line_ids.sale_line_id, order.order_line[1])
        self.assertState(record, "done")

    def test_line_by_barcode(self):
        self.chair.barcode = "4006381333931"
        order = self.sold((self.chair, 1, 100.0))
        line = self.line("4006381333931", 1, 100, goods_expected=False)
        record = self.told(self.refund(line))
        self.assertEqual(record.line_ids.sale_line_id, order.order_line)

    def test_same_product_on_several_lines(self):
        """Each line of the refund gets an order line with enough on it."""
        order = self.sold((self.chair, 1, 100.0), (self.chair, 2, 100.0))
        record = self.told(
            self.refund(
                self.line("CHAIR", 2, 200, goods_expected=False),
                self.line("chair", 1, 100, goods_expected=False),
                total=360,
            )
        )
        self.assertEqual(
            record.line_ids.mapped("sale_line_id"),
            order.order_line[1] | order.order_line[0],
        )
        self.assertState(record, "done")

    def test_unknown_sku_finished_by_hand(self):
        """Customer service chooses the order and the line, and lets it go on."""
        order = self.sold((self.chair, 1, 100.0), ref="something else")
        self.service.group_ids |= self.env.ref(
            "sales_team.group_sale_salesman_all_leads"
        )
        record = self.told(
            self.refund(self.line("SEAT", 1, 100, title="Seat", goods_expected=False))
        )
        self.assertState(record, "unmatched", "Choose the sales order")
        with Form(record.with_user(self.service)) as form:
            form.sale_order_id = order
        record.with_user(self.service).action_continue()
        self.assertState(record, "unmatched", "Seat: choose the order line.*SEAT")
        with Form(record.with_user(self.service)) as form:
            with form.line_ids.edit(0) as line:
                line.sale_line_id = order.order_line
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 120)
        self.assertEqual(record.credit_note_ids.create_uid, self.service)

    def test_amount_only_of_several_invoices(self):
        order = self.sold((self.chair, 2, 100.0), deliver=False, bill=False)
        for _i in range(2):
            self._deliver(order, 1)
            self._bill(order)
        record = self.told(self.notice(total=60))
        self.assertState(record, "unmatched", "Choose the invoice")
        record.invoice_id = order.invoice_ids.sorted("id")[1]
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.reversed_entry_id, record.invoice_id)

    def test_delivered_in_dozens(self):
        """Quantities are in the unit of the order line."""
        order = self.sold((self.chair, 2, 120.0, self.env.ref("uom.product_uom_dozen")))
        record = self.told(self.refund(self.line("CHAIR", 1, 120), total=144))
        self.assertEqual(record.picking_ids.move_ids.product_qty, 12)
        self.receive(record.picking_ids)
        self.cron("return")
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 144)
        self.assertEqual(order.order_line.qty_invoiced, 1)
