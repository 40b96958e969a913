import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.avoir.connectors.errors import Refused, TryAgainLater, Unreadable
from odoo.addons.avoir.connectors.notices import Fetched, IncomingEvent, Page

from .marketplace_common import FakeShop, MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceInbox(MarketplaceCommon):
    """Messages, accounts, and who may do what with them."""

    def failing(self, error, key="event"):
        message = self.message(key=key)
        FakeShop.notices[key] = error
        self.cron("read")
        return message.sudo()

    # -- messages --------------------------------------------------------------

    def test_stored_once(self):
        first = self.message(self.notice())
        self.assertEqual(len(first), 1)
        self.assertFalse(self.message(self.notice()))
        other = self.account.copy({"base_url": "http://localhost:2"})
        self.assertTrue(self.message(self.notice(), account=other))

    def test_read_again_makes_nothing_twice(self):
        self.sold()
        notice = self.notice(self.line("CHAIR", 1, 100), total=120)
        message = self.message(notice)
        self.cron()
        record = message.return_ids
        message.with_user(self.service).action_retry()
        self.assertEqual(message.state, "new")
        self.cron()
        self.assertEqual(message.state, "done")
        self.assertEqual(message.return_ids, record)
        self.assertEqual(len(record.picking_ids), 1)
        with self.assertRaisesRegex(UserError, "needs no other try"):
            self.message(key="event 2").action_retry()

    def test_customer_service_opens_the_documents(self):
        """Without rights in accounting or sales: each document is one click away."""
        self.sold()
        line = self.line("CHAIR", 1, 100, goods_expected=False)
        refund = self.told(self.notice(line, total=120)).with_user(self.service)
        self.assertState(refund, "done")
        form = self.env["marketplace.return"].with_user(self.service)
        arch = form.get_view(view_type="form")["arch"]
        for button in ("order", "invoices", "credit_notes"):
            with self.subTest(button=button):
                name = f"action_view_{button}"
                self.assertIn(name, arch)
                action = getattr(refund, name)()
                record = self.env[action["res_model"]].browse(action["res_id"])
                self.assertTrue(Form(record.with_user(self.service)).id)

    def test_nothing_in_it(self):
        message = self.message()
        self.cron()
        self.assertEqual(message.state, "done")
        self.assertTrue(message.finished)

    def test_unreadable(self):
        message = self.failing(Unreadable("The body is not JSON."))
        self.assertEqual(message.state, "error")
        self.assertEqual(message.error, "The body is not JSON.")
        self.assertIn("Unreadable", message.traceback)
        self.assertEqual(self.account.activity_ids.user_id, self.service)
        FakeShop.notices["event"] = []
        message.with_user(self.service).action_retry()
        self.cron("read")
        self.assertEqual(message.state, "done")
        self.assertFalse(message.error)

    def test_refused_is_told_once(self):
        for number in range(3):
            message = self.failing(Refused("401 Unauthorized"), key=f"event {number}")
            self.assertEqual(message.state, "error")
        self.assertEqual(len(self.account.activity_ids), 1)
        self.assertIn("401", self.account.activity_ids.summary)

    def test_broken_connector(self):
        with mute_logger("odoo.addons.avoir.models.marketplace_message"):
            message = self.failing(ZeroDivisionError("oops"))
        self.assertEqual(message.state, "error")
        self.assertIn("oops", message.error)
        self.assertIn("ZeroDivisionError", message.traceback)

    def test_try_again_later(self):
        message = self.failing(TryAgainLater("503", retry_after=90))
        self.assertEqual((message.state, message.attempts), ("new", 1))
        wait = message.next_try - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=80) < wait <= timedelta(seconds=90), wait)
        self.cron("read")
        self.assertEqual(len(FakeShop.reads), 1, "not before its time")
        message.next_try = fields.Datetime.now()
        FakeShop.notices["event"] = []
        self.cron("read")
        self.assertEqual(message.state, "done")

    def test_try_again_takes_longer_and_ends(self):
        message = self.failing(TryAgainLater("503"))
        waits = []
        while message.state == "new" and len(waits) < 20:
            waits.append(message.next_try - fields.Datetime.now())
            message.next_try = fields.Datetime.now()
            self.cron("read")
        self.assertEqual(waits, sorted(waits))
        self.assertLessEqual(waits[-1], timedelta(days=1))
        self.assertEqual(message.state, "error")

    def test_busy_shop_is_not_asked_on(self):
        """Its other messages wait too; those of another shop do not."""
        other = self.account.copy({"base_url": "http://localhost:2"})
        busy = self.message(key="event") | self.message(key="event 2")
        FakeShop.notices["event"] = TryAgainLater("429")
        mine = self.message(key="event 3", account=other)
        self.cron("read")
        self.assertEqual(busy.mapped("attempts"), [1, 1])
        self.assertEqual(FakeShop.reads, [b"event", b"event 3"])
        self.assertEqual(mine.state, "done")

    def test_one_bad_message_among_many(self):
        """What cannot be stored fails alone, and nothing is read twice for it."""
        messages = self.env["marketplace.message"]
        for number in range(5):
            messages |= self.message(
                self.notice(total=1, external_id=f"refund:{number}"), key=str(number)
            )
        FakeShop.notices["3"] = ["not a notice"]
        with mute_logger("odoo.addons.avoir.models.marketplace_message"):
            self.cron("read")
        self.assertEqual(
            messages.mapped("state"), ["done", "done", "done", "error", "done"]
        )
        self.assertEqual(len(messages.return_ids), 4)
        self.assertEqual(len(FakeShop.reads), 5)

    def test_content_is_shown(self):
        event = IncomingEvent(event_key="k", topic="t")
        ids = self.env["marketplace.message"]._insert_once(
            self.account.id,
            self.company.id,
            [(event, '{"a": "é"}'.encode(), "")],
        )
        message = self.env["marketplace.message"].browse(ids)
        self.assertEqual(message._get_body(), '{"a": "é"}'.encode())
        self.assertEqual(json.loads(message.body_text), {"a": "é"})

    def test_bytes_that_are_no_text(self):
        event = IncomingEvent(event_key="k", topic="t", readable=False)
        body = b"\x00\xff\xfe"
        ids = self.env["marketplace.message"]._insert_once(
            self.account.id, self.company.id, [(event, body, "")]
        )
        message = self.env["marketplace.message"].browse(ids)
        self.assertEqual(message._get_body(), body)
        self.assertIn("\ufffd", message.body_text)

    def test_set_aside(self):
        message = self.failing(Unreadable("no"))
        message.with_user(self.service).action_ignore()
        self.assertEqual(message.state, "ignored")

    # -- polling ---------------------------------------------------------------

    def test_poll(self):
        asked = []

        def poll(shop, cursor, since, until):
            asked.append(since)
            yield Page(
                (
                    Fetched(IncomingEvent(event_key="event", topic="t"), b"event"),
                    Fetched(
                        IncomingEvent(event_key="no", topic="t", wanted=False), b"no"
                    ),
                )
            )

        self.message(self.notice(total=1))
        self.patch(FakeShop, "poll_pages", poll)
        self.cron("poll")
        messages = self.env["marketplace.message"].search(
            [("account_id", "=", self.account.id)]
        )
        self.assertEqual(messages.mapped("event_key"), ["event"], "known already")
        self.assertTrue(self.account.last_poll)
        self.assertLess(
            asked[0].replace(tzinfo=None), fields.Datetime.now() - timedelta(minutes=9)
        )

    def test_poll_refused(self):
        def poll(shop, cursor, since, until):
            raise Refused("403")

        self.patch(FakeShop, "poll_pages", poll)
        self.cron("poll")
        self.assertFalse(self.account.last_poll)
        self.assertIn("403", self.account.activity_ids.summary)

    def test_poll_broken(self):
        """A shop that breaks the connector does not stop the others."""
        other = self.account.copy({"base_url": "http://localhost:2", "sequence": 20})

        def poll(shop, cursor, since, until):
            if shop.settings["base_url"].endswith("1"):
                raise ZeroDivisionError("oops")
            yield Page((Fetched(IncomingEvent(event_key="e", topic="t"), b"event"),))

        self.patch(FakeShop, "poll_pages", poll)
        with mute_logger("odoo.addons.avoir.models.marketplace_account_poll"):
            self.cron("poll")
        self.assertIn("oops", self.account.activity_ids.summary)
        self.assertTrue(other.last_poll)

    # -- accounts --------------------------------------------------------------

    def test_new_secret(self):
        """The old one is taken for a while."""
        self.account.webhook_secret = "new"
        self.assertEqual(self.account.webhook_secret_previous, "hush")
        accounts = self.env["marketplace.account"]
        found = accounts._find_webhook_account(self.account.webhook_key)
        self.assertEqual(found.settings["webhook_secret"], "new")
        self.assertEqual(found.settings["webhook_secret_previous"], "hush")
        self.account.webhook_secret_previous_until = "2026-01-01"
        found = accounts._find_webhook_account(self.account.webhook_key)
        self.assertFalse(found.settings["webhook_secret_previous"])
        self.account.action_forget_previous_secret()
        self.assertFalse(self.account.webhook_secret_previous)

    def test_new_address(self):
        key = self.account.webhook_key
        self.assertGreaterEqual(len(key), 40)
        self.assertTrue(self.account.webhook_url.endswith(f"/avoir/webhook/{key}"))
        self.account.action_new_webhook_key()
        accounts = self.env["marketplace.account"]
        self.assertIsNone(accounts._find_webhook_account(key))
        self.account.active = False
        self.assertIsNone(accounts._find_webhook_account(self.account.webhook_key))

    def test_secrets_are_not_copied_or_exported(self):
        copy = self.account.copy({"base_url": "http://localhost:2"})
        self.assertFalse(copy.webhook_secret)
        self.assertNotEqual(copy.webhook_key, self.account.webhook_key)
        fields_get = self.account.fields_get()
        for name in self.account._get_credential_names():
            if name != "base_url":
                self.assertFalse(fields_get[name].get("exportable", True), name)
                self.assertFalse(fields_get[name].get("tracking"), name)

    def test_secrets_are_for_managers(self):
        manager = self._new_user("manager", "avoir.group_refund_manager")
        self.assertEqual(self.account.with_user(manager).webhook_secret, "hush")
        mine = self.account.with_user(self.service)
        self.assertEqual(mine.name, "Shop")
        for name in ("webhook_secret", "webhook_key", "webhook_url", "access_token"):
            with self.assertRaises(AccessError):
                mine.read([name])
        with self.assertRaises(AccessError):
            mine.approval = "auto"

    def test_form_shows_what_the_marketplace_needs(self):
        account = self.account
        self.assertIn("webhook_secret", account.credential_names)
        self.assertNotIn("access_token", account.credential_names)
        with Form(account) as form:
            form.webhook_secret = "changed"
        self.assertEqual(account.webhook_secret, "changed")
        with self.assertRaisesRegex(ValidationError, "address of the shop"):
            account.base_url = False

    def test_counts(self):
        self.told(self.notice(total=1))
        self.failing(Unreadable("no"), key="event 2")
        self.assertRecordValues(
            self.account,
            [
                {
                    "return_count": 1,
                    "return_open_count": 1,
                    "return_waiting_count": 1,
                    "message_error_count": 1,
                }
            ],
        )
        self.assertTrue(self.account.last_contact)

    def test_neutralized(self):
        """A copy of the database speaks with nobody."""
        with open(self._neutralize_path()) as script:
            self.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertFalse(self.account.active)
        self.assertFalse(self.account.webhook_secret or self.account.webhook_key)
        self.assertFalse(self.env.ref("avoir.ir_cron_marketplace_read").active)

    def _neutralize_path(self):
        from odoo.tools import file_path

        return file_path("avoir/data/neutralize.sql")

    # -- roles and companies ---------------------------------------------------

    def test_warehouse_sees_no_amounts(self):
        self.sold()
        record = self.told(self.notice(self.line("CHAIR", 1, 100), total=120))
        worker = self._new_user("worker", "stock.group_stock_user")
        mine = record.with_user(worker)
        self.assertEqual(mine.line_ids.quantity, 1)
        self.assertEqual(mine.sale_order_id.display_name, record.sale_order_id.name)
        for name in ("amount_total", "amount_credited", "credit_note_ids", "missing"):
            with self.assertRaises(AccessError):
                mine.read([name])
        arch = mine.get_view(view_type="form")["arch"]
        for name in ("amount_total", "amount_untaxed", "amount_credited", "missing"):
            self.assertNotIn(f'name="{name}"', arch)
        with self.assertRaises(AccessError):
            mine.action_close()
        with self.assertRaises(AccessError):
            record.inbox_ids.with_user(worker).read(["body"])
        picking = record.picking_ids.with_user(worker)
        self.assertEqual(picking.marketplace_return_count, 1)
        self.receive(picking)
        self.cron("return")
        self.assertState(record, "done")

    def test_customer_service_decides_without_accounting(self):
        """She approves and closes, and needs no rights on invoices for it."""
        self.account.approval = "manual"
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 100, goods_expected=False), total=120)
        )
        mine = record.with_user(self.service)
        mine.read(["amount_total", "sale_order_id", "invoice_id", "state", "missing"])
        mine.action_approve()
        self.assertState(record, "done")
        self.assertEqual(mine.amount_credited, 120)
        with self.assertRaises(AccessError):
            mine.unlink()

    def test_others_see_nothing(self):
        record = self.told(self.notice(total=1))
        user = new_test_user(self.env, "nobody", "base.group_user")
        with self.assertRaises(AccessError):
            record.with_user(user).read(["name"])

    def test_two_companies(self):
        other = self._create_company(name="Other")
        theirs = self.env["marketplace.account"].create(
            {
                "name": "Theirs",
                "code": self.code,
                "company_id": other.id,
                "base_url": "http://localhost:2",
                "approval": "auto",
            }
        )
        self.sold()
        line = self.line("CHAIR", 1, 100, goods_expected=False)
        mine = self.told(self.notice(line, total=120))
        message = self.message(
            self.notice(line, total=120), key="event", account=theirs
        )
        self.cron()
        self.assertState(mine, "done")
        self.assertState(message.return_ids, "unmatched", "none that is confirmed")
        self.assertEqual(message.return_ids.company_id, other)
        users = self.service
        for records in (theirs, message, message.return_ids):
            self.assertFalse(
                self.env[records._name]
                .with_user(users)
                .search_count([("company_id", "=", other.id)])
            )
