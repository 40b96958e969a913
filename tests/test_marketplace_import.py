import base64
import json
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.translate import code_translations

from odoo.addons.avoir.connectors import marketplaces, plain_file
from odoo.addons.avoir.models import marketplace_import
from odoo.addons.avoir.models.marketplace_message import MarketplaceMessage

from .marketplace_common import FakeShop, MarketplaceCommon

HEAD = "kind,id,order,date,currency,amount,sku,quantity,line amount,goods,reason\n"
GOOD = "refund,R1,#1001,2026-03-02,{currency},120,CHAIR,1,120,no,Too small\n"


@tagged("post_install", "-at_install")
class TestMarketplaceImport(MarketplaceCommon):
    """Files of returns: preview, dry run, import."""

    def setUp(self):
        super().setUp()
        self.patch(FakeShop, "read", marketplaces.Marketplace.read)

    def file(self, content, name="returns.csv", user=None):
        if isinstance(content, str):
            content = content.format(currency=self.company.currency_id.name).encode()
        record = self.env["marketplace.import"].with_user(user or self.service)
        return record.create(
            {
                "account_id": self.account.id,
                "file": base64.b64encode(content),
                "filename": name,
            }
        )

    def preview(self, *rows, **values):
        record = self.file(HEAD + "".join(rows), **values)
        record.action_preview()
        return record

    def messages(self):
        domain = [("account_id", "=", self.account.id)]
        return self.env["marketplace.message"].search(domain)

    def test_imported_once(self):
        order = self.sold()
        record = self.preview(GOOD)
        self.assertRecordValues(
            record.row_ids,
            [{"fate": "new", "external_id": "refund:R1", "order_ref": "#1001"}],
        )
        self.assertFalse(self.messages(), "nothing is booked by looking")
        record.action_import()
        self.assertEqual(record.state, "done")
        self.assertFalse(record.file)
        self.cron()
        refund = self.messages().return_ids
        self.assertState(refund, "done")
        self.assertEqual(refund.credit_note_ids.amount_total, 120)
        self.assertIn(refund.credit_note_ids.reversed_entry_id, order.invoice_ids)
        self.assertEqual(refund.marketplace_reason_id.name, "Too small")
        again = self.preview(GOOD)
        self.assertEqual(again.row_ids.fate, "known")
        again.action_import()
        self.cron()
        self.assertEqual(len(self.messages()), 1)
        self.assertEqual(len(refund.credit_note_ids), 1)
        with self.assertRaisesRegex(UserError, "new\n? *import"):
            record.action_import()

    def test_errors_are_told_by_row_and_stop_nothing(self):
        record = self.preview(
            GOOD,
            "refund,R2,#1001,2026-03-02,EUR,=1+1,CHAIR,1,1,no,\n",
            "refund,,#1001,2026-03-02,EUR,1,CHAIR,1,1,no,=cmd()\n",
        )
        self.assertEqual(record.row_ids.mapped("fate"), ["new", "error", "error"])
        errors = base64.b64decode(record.error_file).decode("utf-8-sig")
        self.assertIn("id: the number", errors)
        template = base64.b64decode(record.template).decode("utf-8-sig")
        columns = template.splitlines()[0]
        self.assertEqual(errors.splitlines()[0], f"{columns},row,error")
        self.assertIn("'=cmd()", errors, "no formula in a spreadsheet")
        record.action_import()
        self.assertEqual(len(self.messages()), 1)

    def test_known_by_webhook(self):
        """The same refund told by the shop: it is told anew, and not doubled."""
        self.sold()
        with self.subTest("webhook"):
            line = self.line("CHAIR", 1, 100, goods_expected=False)
            self.patch(
                FakeShop,
                "read",
                lambda shop, body, topic: (
                    [self.notice(line, external_id="refund:R1", total=120)]
                    if topic == "topic"
                    else marketplaces.Marketplace.read(shop, body, topic)
                ),
            )
            refund = self.told(self.notice(), key="w")
        record = self.preview(GOOD)
        self.assertEqual(record.row_ids.fate, "update")
        record.action_import()
        self.cron()
        self.assertEqual(len(refund.credit_note_ids), 1)

    def test_dry_run(self):
        self.sold()
        record = self.preview(
            GOOD,
            GOOD.replace("R1", "R2").replace("#1001", "#7777"),
            GOOD.replace("R1", "R3").replace(",no,", ",yes,"),
        )
        record.action_dry_run()
        self.assertFalse(self.messages())
        self.assertFalse(
            self.env["marketplace.return"].search(
                [("account_id", "=", self.account.id)]
            )
        )
        approved, unmatched, goods = record.row_ids.mapped("detail")
        self.assertIn("credited", approved)
        self.assertIn("#7777", unmatched)
        self.assertIn("goods are expected", goods)

    def test_json_and_rows_that_belong_together(self):
        rows = [
            {"id": "R1", "order": "#1001", "currency": "EUR", "sku": sku, "quantity": 1}
            for sku in ("CHAIR", "TABLE")
        ]
        record = self.file(json.dumps(rows).encode(), "r.json")
        record.action_preview()
        self.assertEqual(record.row_ids.mapped("fate"), ["new", "part"])

    def test_no_such_file(self):
        for content in (b"a,b\n1,2\n", b"\xff\xd8\xff", b"<xml/>", b""):
            with self.assertRaises(UserError):
                self.file(content).action_preview()
        with self.assertRaisesRegex(UserError, "Choose a file"):
            self.env["marketplace.import"].create(
                {"account_id": self.account.id}
            ).action_preview()

    def test_template_can_be_read(self):
        record = self.file(plain_file.template())
        self.assertEqual(base64.b64decode(record.template), plain_file.template())
        record.action_preview()
        self.assertEqual(record.row_ids.mapped("fate"), ["new", "part"])

    def test_long_one_goes_on_in_the_background(self):
        self.patch(marketplace_import, "AT_ONCE", 2)
        self.patch(marketplace_import, "BATCH", 2)
        record = self.preview(*(GOOD.replace("R1", f"R{n}") for n in range(5)))
        record.action_import()
        self.assertEqual((record.state, record.progress), ("running", 0))
        self.assertFalse(self.messages())
        self.cron("import")
        self.assertEqual((record.state, record.progress), ("done", 100))
        self.assertEqual(len(self.messages()), 5)

    def test_one_that_fails_holds_up_no_other(self):
        self.patch(marketplace_import, "AT_ONCE", 0)
        bad, good = (self.preview(GOOD.replace("R1", n)) for n in ("R1", "R2"))
        (bad | good).action_import()
        insert = MarketplaceMessage._insert_once

        def broken(messages, account_id, company_id, deliveries):
            if b"R1" in deliveries[0][1]:
                raise ValueError("a disk is full")
            return insert(messages, account_id, company_id, deliveries)

        with (
            patch.object(MarketplaceMessage, "_insert_once", broken),
            mute_logger("odoo.addons.avoir.models.marketplace_import"),
        ):
            self.cron("import")
        self.assertEqual((bad.state, good.state), ("stopped", "done"))
        self.assertIn("a disk is full", bad.error)
        self.assertTrue(self.account._get_problem_activities())
        self.assertEqual(bad.progress, 0)
        bad.action_import()
        self.cron("import")
        self.assertEqual((bad.state, bad.error), ("done", False))
        self.assertEqual(len(self.messages()), 2)

    def test_errors_are_in_the_language_of_the_user(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = "currency: a code like EUR was expected, not “%(found)s”."
        terms = {template: "currency : code attendu, pas « %(found)s »."}
        self.patch(
            code_translations, "python_translations", {("avoir", "fr_FR"): terms}
        )
        record = self.file(HEAD + GOOD.replace("{currency}", "Euros"))
        record.with_context(lang="fr_FR").action_preview()
        self.assertEqual(
            record.row_ids.detail, "currency : code attendu, pas « EUROS »."
        )

    def test_contents_are_forgotten_after_some_days(self):
        bad = "refund,,#1001,2026-03-02,EUR,1,CHAIR,1,1,no,anna@example.com\n"
        done, left, new = (self.preview(GOOD, bad) for _time in range(3))
        done.action_import()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE marketplace_import SET write_date = write_date - interval '91 days'"
            " WHERE id IN %s",
            [(done.id, left.id)],
        )
        self.env.invalidate_all()
        self.account.keep_days = 90
        self.cron("empty")
        self.assertEqual(done.row_ids.mapped("fate"), ["new"])
        self.assertFalse(left.row_ids)
        self.assertEqual((left.state, left.file), ("draft", False))
        self.assertEqual(new.row_ids.mapped("fate"), ["new", "error"])
        self.assertTrue(new.file)

    def test_others(self):
        record = self.preview(GOOD)
        with self.assertRaises(AccessError):
            record.row_ids.write({"body": "{}"})
        worker = self._new_user("worker", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            record.with_user(worker).read(["state"])
        other = self._create_company(name="Other")
        record.company_id.flush_recordset()
        user = self._new_user("elsewhere", "avoir.group_refund_user")
        user.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        with self.assertRaises(AccessError):
            record.with_user(user).read(["state"])
