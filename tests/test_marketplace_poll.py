from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.avoir.connectors.errors import Refused, TryAgainLater
from odoo.addons.avoir.connectors.notices import Fetched, IncomingEvent, Page

from .marketplace_common import FakeShop, MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplacePoll(MarketplaceCommon):
    """Pages, cursors, shops that stop, and people who fetch by hand."""

    def setUp(self):
        super().setUp()
        self.asked = []

    def polls(self, *pages):
        """The shop tells these pages: ``(keys, cursor)`` or an exception; a cursor
        goes on behind its page."""

        def poll_pages(shop, cursor, since, until=None):
            self.asked.append((cursor, since, until))
            cursors = [page[1] for page in pages if isinstance(page, tuple)]
            start = cursors.index(cursor) + 1 if cursor else 0
            for page in pages[start:]:
                if isinstance(page, Exception):
                    raise page
                keys, cursor, *retry_after = page
                for key in keys:
                    FakeShop.notices.setdefault(key, [])
                messages = tuple(
                    Fetched(IncomingEvent(event_key=key, topic="t"), key.encode())
                    for key in keys
                )
                yield Page(messages, cursor, *retry_after)

        self.patch(FakeShop, "poll_pages", poll_pages)

    def keys(self):
        messages = self.env["marketplace.message"].search(
            [("account_id", "=", self.account.id)]
        )
        return sorted(messages.mapped("event_key"))

    def due(self):
        self.account.next_poll = fields.Datetime.now()

    def test_pages(self):
        self.polls((["a", "b"], "1"), ([], "2"), (["b", "c"], ""))
        self.cron("poll")
        self.assertEqual(self.keys(), ["a", "b", "c"])
        account = self.account
        self.assertTrue(account.last_poll)
        self.assertFalse(account.poll_cursor or account.poll_started)
        wait = account.next_poll - fields.Datetime.now()
        self.assertTrue(timedelta(minutes=59) < wait <= timedelta(minutes=60))
        self.cron("poll")
        self.assertEqual(len(self.asked), 1, "not before its time")

    def test_broken_off_and_gone_on_with(self):
        """A page that was stored is not asked again; what was before is not lost."""
        self.polls((["a"], "1"), TryAgainLater("503", 90), (["b"], ""))
        self.cron("poll")
        account = self.account
        self.assertEqual(account.poll_cursor, "1")
        self.assertFalse(account.last_poll or account.activity_ids)
        wait = account.next_poll - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=80) < wait <= timedelta(seconds=90))
        started = account.poll_started
        self.due()
        self.polls((["a"], "1"), (["b"], ""))
        self.cron("poll")
        self.assertEqual(self.asked[-1][0], "1")
        self.assertEqual(self.keys(), ["a", "b"])
        self.assertEqual(account.last_poll, started, "when it began")

    def test_left_by_a_killed_worker(self):
        """The lease runs out, and another worker goes on behind the last page."""
        self.account.write(
            {
                "poll_cursor": "1",
                "poll_started": "2026-03-02",
                "next_poll": fields.Datetime.now() + timedelta(minutes=4),
            }
        )
        self.polls((["a"], "1"), (["b"], ""))
        self.cron("poll")
        self.assertFalse(self.asked, "the lease holds")
        self.due()
        self.cron("poll")
        self.assertEqual(self.keys(), ["b"])
        self.assertEqual(self.account.last_poll, datetime(2026, 3, 2))

    def test_more_to_be_had_later(self):
        """A report that is being made: no error, the window goes on."""
        self.polls((["a"], "1", 45.0))
        self.cron("poll")
        account = self.account
        self.assertEqual((account.poll_cursor, account.poll_failures), ("1", 0))
        self.assertFalse(account.last_poll or account.poll_error)
        wait = account.next_poll - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=35) < wait <= timedelta(seconds=45))

    def test_wrong_secret_stops_this_account_alone(self):
        other = self.account.copy({"base_url": "http://localhost:2"})

        def poll_pages(shop, cursor, since, until=None):
            self.asked.append(shop.settings["base_url"])
            if shop.settings["base_url"].endswith("1"):
                raise Refused("no", 401)
            yield Page(())

        self.patch(FakeShop, "poll_pages", poll_pages)
        manager = self._new_user("manager", "avoir.group_refund_manager")
        self.account.manager_id = manager
        self.message(key="waits")
        self.cron("poll")
        self.assertTrue(self.account.is_stopped)
        self.assertEqual(self.account.activity_ids.user_id, manager)
        self.assertTrue(other.last_poll)
        self.due()
        self.cron("poll", "read")
        self.assertEqual(len(self.asked), 2, "asked no more")
        self.assertFalse(FakeShop.reads, "its messages wait too")
        self.account.api_secret = "another"
        self.assertFalse(self.account.is_stopped or self.account.poll_error)
        self.assertFalse(self.account.activity_ids)
        self.patch(FakeShop, "poll_pages", lambda *args: iter([Page(())]))
        self.cron("poll", "read")
        self.assertTrue(self.account.last_poll)
        self.assertTrue(FakeShop.reads)

    def test_message_that_needs_a_wrong_secret(self):
        message = self.message(key="m")
        FakeShop.notices["m"] = Refused("no", 401)
        self.cron("read")
        self.assertEqual(message.state, "new")
        self.assertTrue(self.account.is_stopped)
        FakeShop.notices["m"] = []
        self.account.api_key = "right"
        message.sudo().next_try = False
        self.cron("read")
        self.assertEqual(message.state, "done")

    def test_fetch_now(self):
        self.account.is_stopped = True
        self.polls((["a"], ""))
        manager = self._new_user("manager", "avoir.group_refund_manager")
        self.account.with_user(manager).action_fetch_now()
        self.cron("poll")
        self.assertEqual(self.keys(), ["a"])
        with self.assertRaises(AccessError):
            self.account.with_user(self.service).action_fetch_now()
        self.account.active = False
        with self.assertRaisesRegex(UserError, "archived"):
            self.account.action_fetch_now()

    def test_nothing_older_is_taken_over(self):
        """What was credited by hand before the account was there stays alone."""
        start = fields.Datetime.now() - timedelta(days=3)
        self.account.take_over_from = start
        settings = self.account._get_settings()
        self.assertEqual(settings["start"], str(self.account.take_over_from))
        self.polls((["a"], ""))
        self.cron("poll")
        since = self.asked[0][1].replace(tzinfo=None)
        self.assertLess(abs(since - start), timedelta(minutes=11))

    def test_connection(self):
        self.patch(FakeShop, "check_connection", lambda shop: None)
        self.account.action_check_connection()

        def refuse(shop):
            raise Refused("no", 401)

        self.patch(FakeShop, "check_connection", refuse)
        with self.assertRaisesRegex(UserError, "cannot be reached: no"):
            self.account.action_check_connection()
        with self.assertRaises(AccessError):
            self.account.with_user(self.service).action_check_connection()

    def test_fetch_again(self):
        """A range of time is asked once more, and says nothing about what is new."""
        last = fields.Datetime.now() - timedelta(hours=1)
        self.account.write({"last_poll": last, "next_poll": last})
        self.polls((["a"], ""))
        manager = self._new_user("manager", "avoir.group_refund_manager")
        wizard = self.env["marketplace.fetch"].with_user(manager)
        wizard = wizard.with_context(active_id=self.account.id)
        with self.assertRaisesRegex(UserError, "before the end"):
            wizard.create({"since": "2026-03-02", "until": "2026-03-01"}).action_fetch()
        wizard.create({"since": "2026-03-01", "until": "2026-03-02"}).action_fetch()
        self.cron("poll")
        _cursor, since, until = self.asked[0]
        self.assertEqual(since.replace(tzinfo=None), datetime(2026, 3, 1))
        self.assertEqual(until.replace(tzinfo=None), datetime(2026, 3, 2))
        self.assertEqual(len(self.asked), 2, "then what is new")
        self.assertIsNone(self.asked[1][2] or None)
        self.assertFalse(self.account.poll_from or self.account.poll_until)

    def test_archived_in_the_middle(self):
        """Whoever archives a shop while it is asked has it asked no more."""
        self.polls((["a"], "1"), (["b"], "2"), (["c"], ""))
        told = FakeShop.poll_pages

        def archive(*arguments):
            for page in told(*arguments):
                yield page
                self.env.cr.execute(
                    "UPDATE marketplace_account SET active = false WHERE id = %s",
                    [self.account.id],
                )

        self.patch(FakeShop, "poll_pages", archive)
        self.cron("poll")
        self.account.invalidate_recordset()
        self.assertNotIn("c", self.keys())
        self.assertFalse(self.account.poll_error)

    def test_another_range_while_it_is_asked(self):
        """What is asked for while the shop tells something else is not forgotten."""
        self.account.poll_interval = 0
        self.polls((["a"], "1"), (["b"], ""))
        told = FakeShop.poll_pages

        def ask(*arguments):
            for page in told(*arguments):
                yield page
                if len(self.asked) == 1:
                    self.env.cr.execute(
                        "UPDATE marketplace_account SET poll_from = '2026-03-01',"
                        " poll_until = '2026-03-02', poll_cursor = NULL,"
                        " poll_started = NULL WHERE id = %s",
                        [self.account.id],
                    )

        self.patch(FakeShop, "poll_pages", ask)
        self.account.action_fetch_now()
        self.cron("poll")
        self.cron("poll")
        self.assertEqual(len(self.asked), 2)
        _cursor, since, _until = self.asked[1]
        self.assertEqual(since.replace(tzinfo=None), datetime(2026, 3, 1))

    def test_not_polled(self):
        self.account.poll_interval = 0
        self.polls((["a"], ""))
        self.cron("poll")
        self.assertFalse(self.asked)
        self.account.action_fetch_now()
        self.cron("poll")
        self.assertEqual(self.keys(), ["a"], "when somebody says so")
        self.cron("poll")
        self.assertEqual(len(self.asked), 1)

    def test_cursor_that_is_refused(self):
        """Too old, perhaps: from the beginning of the window then."""
        self.account.poll_cursor = "1"
        self.polls((["a"], "1"), Refused("expired cursor", 400))
        self.cron("poll")
        self.assertFalse(self.account.poll_cursor)
        self.assertIn("expired", self.account.poll_error)
        self.assertTrue(self.account.activity_ids)
