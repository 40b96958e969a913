from datetime import datetime, timedelta, timezone
from decimal import Decimal
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.avoir.connectors.errors import Refused, TryAgainLater
from odoo.addons.avoir.connectors.notices import FeeLine, Money, Process

from .marketplace_common import FakeShop, MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceSettle(MarketplaceCommon):
    """Fees, reports to the marketplace, mails, returns against refunds."""

    def setUp(self):
        super().setUp()
        self.patch(FakeShop, "has_fees", True)
        self.patch(FakeShop, "handlings", ("received", "rejected"))
        self.patch(FakeShop, "uploads", ("credit_note",))
        self.account.invalidate_recordset()
        self.calls = []
        self.answer = Process("p1")

        def call(name):
            def called(shop, *args):
                self.calls.append((name, *args))
                if isinstance(self.answer, BaseException):
                    raise self.answer
                return self.answer

            return called

        for name in ("report_return", "upload_document", "process_status"):
            self.patch(FakeShop, name, call(name))

    # -- fees ------------------------------------------------------------------

    def book_fees(self):
        accounts = [
            self.env["account.account"].create(
                {"name": name, "code": f"8{number}", "account_type": kind}
            )
            for number, (name, kind) in enumerate(
                (
                    ("Settlement", "asset_current"),
                    ("Commission", "expense"),
                    ("Kept", "expense"),
                    ("Other", "expense"),
                ),
                100000,
            )
        ]
        self.account.write(
            {
                "fee_journal_id": self.company_data["default_journal_misc"].id,
                "settlement_account_id": accounts[0].id,
                "fee_account_id": accounts[1].id,
                "fee_kept_account_id": accounts[2].id,
                "fee_other_account_id": accounts[3].id,
            }
        )
        return accounts

    def fee(self, kind, amount, currency=None):
        return FeeLine(kind, kind.title(), self.money(amount, currency))

    def refund(self, **values):
        line = self.line("CHAIR", 1, 100, goods_expected=False)
        fees = (
            self.fee("commission", "18.00"),
            self.fee("commission_kept", "-3.60"),
            self.fee("other", "-1.05"),
        )
        return self.notice(line, total=120, **{"fees": fees, **values})

    def paid(self, order):
        invoice = order.invoice_ids
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()
        return invoice

    def test_net_is_what_the_settlement_shows(self):
        settlement, commission, kept, other = self.book_fees()
        self.paid(self.sold())
        record = self.told(self.refund())
        self.assertState(record, "done")
        move = record.fee_move_id
        self.assertEqual((record.fee_state, move.state), ("booked", "posted"))
        self.assertEqual(record.amount_settled, -106.65)
        balances = {line.account_id: line.balance for line in move.line_ids}
        self.assertAlmostEqual(balances[settlement], -106.65)
        self.assertAlmostEqual(balances[commission], -18)
        self.assertAlmostEqual(balances[kept], 3.60)
        self.assertAlmostEqual(balances[other], 1.05)
        self.assertFalse(record.credit_note_ids.amount_residual)
        self.cron("return")
        self.assertEqual(record.fee_move_id, move, "once")

    def test_fees_are_only_listed(self):
        self.sold()
        record = self.told(self.refund())
        self.assertEqual((record.amount_fees, record.fee_state), (13.35, "to_book"))
        self.assertFalse(record.fee_move_id)
        self.book_fees()
        self.cron("return")
        self.assertTrue(record.fee_move_id)

    def test_fees_in_another_currency(self):
        settlement, *_others = self.book_fees()
        other = self.setup_other_currency(
            "CHF", rates=[("2016-01-01", 2.0), ("2026-03-02", 2.0)]
        )
        order = self.sold(
            pricelist_id=self.env["product.pricelist"]
            .create({"name": "CHF", "currency_id": other.id})
            .id
        )
        self.paid(order)
        line = self.replace(
            self.line("CHAIR", 1, goods_expected=False),
            untaxed=Money(Decimal(100), "CHF"),
            tax=Money(Decimal(20), "CHF"),
            total=Money(Decimal(120), "CHF"),
        )
        record = self.told(
            self.notice(
                line,
                total=120,
                currency="CHF",
                fees=(self.fee("commission", 18, "CHF"),),
            )
        )
        self.assertState(record, "done")
        booked = record.fee_move_id.line_ids.filtered(
            lambda line: line.account_id == settlement
        )
        self.assertEqual((booked.amount_currency, booked.balance), (-102, -51))

    # -- reports -----------------------------------------------------------------

    def goods(self, **values):
        return self.told(
            self.notice(
                self.line("CHAIR", 2),
                external_id="return:9",
                kind="return",
                state="approved",
                **values,
            )
        )

    def reported(self, **values):
        self.account.report_handling = True
        self.sold()
        record = self.goods()
        self.receive(record.picking_ids, **values)
        self.assertState(record, "done")
        return record

    def test_received_is_reported_and_followed(self):
        record = self.reported()
        process = record.process_ids
        self.assertRecordValues(
            process, [{"handling": "received", "quantity": 2, "state": "to_send"}]
        )
        self.cron("send")
        self.assertEqual(self.calls, [("report_return", "return:9", "received", 2)])
        self.assertEqual((process.state, process.external_id), ("pending", "p1"))
        process.sudo().next_try = fields.Datetime.now()
        self.answer = Process("p1", "success")
        self.cron("send")
        self.assertEqual(self.calls[-1], ("process_status", "p1"))
        self.assertEqual(process.state, "success")
        self.cron("send")
        self.assertEqual(len(self.calls), 2)

    def test_refused_by_the_warehouse_is_reported_as_rejected(self):
        self.account.report_handling = True
        self.sold()
        record = self.goods()
        move = record.picking_ids.move_ids
        if "return_refused_qty" not in move._fields:
            self.skipTest("no verdicts")
        move.return_refused_qty = 1
        self.receive(record.picking_ids)
        told = {p.handling: p.quantity for p in record.process_ids}
        self.assertEqual(told, {"received": 1, "rejected": 1})

    def test_not_taken(self):
        record = self.reported()
        self.answer = Process("p1", "failure", "rma is handled already")
        self.cron("send")
        self.assertEqual(record.process_ids.state, "failure")
        self.assertTrue(self.account.activity_ids)
        self.answer = Process("p2", "success")
        record.process_ids.with_user(self.service).action_send_again()
        self.cron("send")
        self.assertEqual(record.process_ids.state, "success")
        with self.assertRaises(UserError):
            record.process_ids.with_user(self.service).action_send_again()
        with self.assertRaises(AccessError):
            record.process_ids.with_user(self.service).write({"state": "to_send"})

    def test_busy_and_not_accepted(self):
        record = self.reported()
        self.answer = TryAgainLater("429", 60)
        self.cron("send")
        process = record.process_ids
        self.assertEqual((process.state, process.attempts), ("to_send", 1))
        self.assertTrue(process.next_try)
        process.sudo().next_try = False
        self.answer = Refused("no", 401)
        self.cron("send")
        self.assertEqual(process.state, "to_send")
        self.assertTrue(self.account.is_stopped)
        self.cron("send")
        self.assertEqual(len(self.calls), 2, "asked no more")

    def test_credit_note_is_uploaded_once(self):
        self.account.upload_credit_note = True
        self.sold()
        record = self.told(self.refund())
        process = record.process_ids
        self.assertEqual(process.credit_note_id, record.credit_note_ids)
        reports = type(self.env["ir.actions.report"])
        with patch.object(
            reports, "_render_qweb_pdf", lambda *args, **kwargs: (b"%PDF", "pdf")
        ):
            self.cron("send")
        _name, kind, order, filename, content, _barcodes = self.calls[0]
        self.assertEqual((kind, order, content), ("credit_note", "9001", b"%PDF"))
        self.assertTrue(filename.endswith(".pdf"))
        record.credit_note_ids.button_draft()
        record.credit_note_ids.action_post()
        self.assertEqual(len(record.process_ids), 1)

    def test_sender_that_was_killed(self):
        """Nobody knows whether it was sent: a person looks."""
        self.account.upload_credit_note = True
        self.sold()
        process = self.told(self.refund()).process_ids.sudo()
        process.write({"state": "sending", "sender": "gone"})
        self.cron("send")
        self.assertEqual(process.state, "sending", "it may be at work")
        process.flush_recordset()
        self.env.cr.execute(
            "UPDATE marketplace_process SET write_date = %s",
            [fields.Datetime.now() - timedelta(hours=1)],
        )
        process.invalidate_recordset()
        self.cron("send")
        self.assertEqual(process.state, "failure")
        self.assertIn("may have been sent", process.message)
        self.assertFalse(self.calls)

    # -- stock at the marketplace ------------------------------------------------

    def test_stock_of_the_marketplace_is_not_waited_for(self):
        self.sold()
        record = self.told(
            self.notice(
                self.line("CHAIR", 1, 100), total=120, fulfilled_by="marketplace"
            )
        )
        self.assertState(record, "done")
        self.assertFalse(record.picking_ids)

    def test_stock_of_the_marketplace_that_is_kept_here(self):
        self.account.marketplace_warehouse_id = self.env["stock.warehouse"].create(
            {"name": "FBA", "code": "FBA", "company_id": self.company.id}
        )
        self.sold()
        record = self.told(
            self.notice(
                self.line("CHAIR", 1, 100), total=120, fulfilled_by="marketplace"
            )
        )
        self.assertState(record, "waiting")
        self.assertEqual(
            record.picking_ids.picking_type_id.warehouse_id,
            self.account.marketplace_warehouse_id,
        )

    # -- mails -------------------------------------------------------------------

    def test_mail_by_brand(self):
        self.account.write(
            {
                "mail_template_id": self.env.ref(
                    "avoir.mail_template_marketplace_refund"
                ).id,
                "mail_from": "Brand <brand@example.com>",
            }
        )
        self.sold()
        with (
            patch.object(type(self.env["mail.mail"]), "unlink", lambda mails: True),
            mute_logger("odoo.tests"),
        ):
            record = self.told(self.refund(customer_email="Anna <anna@example.com>"))
        mail = self.env["mail.mail"].sudo().search([], limit=1, order="id desc")
        self.assertEqual(record.mail_state, "sent")
        self.assertIn("anna@example.com", mail.email_to)
        self.assertEqual(mail.email_from, "Brand <brand@example.com>")
        self.assertIn(record.credit_note_names, mail.body_html)
        self.cron("return")
        self.assertEqual(
            self.env["mail.mail"].sudo().search([], limit=1, order="id desc"), mail
        )

    def test_language_of_the_mail(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        record = self.told(self.notice(total=1, customer_language="fr-BE"))
        self.assertEqual(record._get_mail_lang(), "fr_FR")
        record.sudo().customer_language = False
        self.account.mail_lang = "fr_FR"
        self.assertEqual(record._get_mail_lang(), "fr_FR")

    # -- returns against refunds ---------------------------------------------------

    def test_returns_against_refunds(self):
        old = datetime.now(timezone.utc) - timedelta(days=50, hours=9)
        for ref in ("#1", "#2", "#3"):
            self.sold(ref=ref)
        values = [
            {"order_refs": (ref,), "order_external_id": ref}
            for ref in "#1 #2 #3".split()
        ]
        goods = {"kind": "return", "state": "approved"}
        self.account.credit_when = "at_once"
        refunded = self.refund(external_id="refund:1", occurred_at=old, **values[0])
        refunded = self.replace(
            refunded,
            lines=(self.replace(refunded.lines[0], goods_expected=True),),
        )
        returned = self.notice(
            self.line(), external_id="return:2", **values[1], **goods
        )
        announced = self.notice(
            self.line(), external_id="return:3", **values[2], **goods
        )
        records = self.told(refunded, returned, announced)
        self.receive(records.filtered(lambda r: r.order_ref == "#2").picking_ids)
        self.env.flush_all()
        rows = (
            self.env["marketplace.reconciliation"]
            .with_user(self.service)
            .search([("account_id", "=", self.account.id)], order="order_ref")
        )
        self.assertRecordValues(
            rows,
            [
                {"order_ref": "#1", "status": "refunded", "refunded": 120},
                {"order_ref": "#2", "status": "returned", "refunded": 0},
            ],
        )
        self.assertEqual(rows[0].days, 50)
        self.assertTrue(rows[0].action_view_returns()["res_id"])
