"""Polls that are broken off anywhere and taken up again; tokens that are kept."""

import unittest
from datetime import datetime, timedelta, timezone

from ..cache import Memory
from ..errors import Refused, TryAgainLater, Unreadable
from ..notices import Fetched, IncomingEvent
from ..polling import Part, Stream, poll_pages
from ..tokens import Token

SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 3, 11, tzinfo=timezone.utc)


def message(key):
    return Fetched(IncomingEvent(event_key=key, topic="x"), b"{}")


def numbered(name, pages, **options):
    """A stream of so many pages a window, two messages each."""

    def parts(since, until, at):
        for page in range(at or 0, pages):
            day = since.strftime("%d")
            found = [message(f"{name}-{day}-{page}-{n}") for n in range(2)]
            yield Part(found, page + 1 if page + 1 < pages else None)

    return Stream(name, parts, **options)


STREAMS = (
    numbered("a", 3),
    numbered("b", 0),
    numbered("c", 2, longest=timedelta(days=4)),
    numbered("d", 1, overlap=timedelta(days=2)),
)


def keys_of(pages):
    return [one.event.event_key for page in pages for one in page.messages]


class TestPages(unittest.TestCase):
    def test_all_streams_all_windows(self):
        pages = list(poll_pages(STREAMS, "", SINCE, UNTIL))
        keys = keys_of(pages)
        self.assertEqual(len(keys), len(set(keys)))
        windows = sorted({key[2:4] for key in keys if key[0] == "c"})
        self.assertEqual(windows, ["01", "05", "09"])
        self.assertIn("d-27-0-0", keys)
        self.assertEqual([bool(page.cursor) for page in pages][-1], False)
        self.assertTrue(all(page.cursor for page in pages[:-1]))

    def test_taken_up_after_every_page(self):
        whole = keys_of(poll_pages(STREAMS, "", SINCE, UNTIL))
        cursor, found = "", []
        while True:
            # What is given later does not matter: the window is in the cursor.
            later = SINCE + timedelta(days=len(found))
            until = None if cursor else UNTIL
            page = next(poll_pages(STREAMS, cursor, later, until))
            found += keys_of([page])
            cursor = page.cursor
            if not cursor:
                break
        self.assertEqual(found, whole)

    def test_a_page_that_waits_is_the_last(self):
        def parts(since, until, at):
            yield Part((), {"report": 1}, retry_after=60)
            raise AssertionError("asked too early")

        pages = list(poll_pages([Stream("r", parts)], "", SINCE, UNTIL))
        self.assertEqual(len(pages), 1)
        self.assertEqual(pages[0].retry_after, 60)
        self.assertTrue(pages[0].cursor)

    def test_an_end_without_saying_so_is_not_the_end(self):
        def parts(since, until, at):
            yield Part([message(str(at))], (at or 0) + 1)

        pages = list(poll_pages([Stream("r", parts)], "", SINCE, UNTIL))
        self.assertEqual(pages[-1].retry_after, 0)
        self.assertTrue(pages[-1].cursor)

    def test_streams_that_are_no_more(self):
        cursor = next(poll_pages(STREAMS, "", SINCE, UNTIL)).cursor
        left = keys_of(poll_pages(STREAMS[2:], cursor, SINCE, UNTIL))
        self.assertEqual({key[0] for key in left}, {"c", "d"})
        self.assertEqual(list(poll_pages((), cursor, SINCE, UNTIL))[0].cursor, "")

    def test_cursors_that_are_none(self):
        for cursor in ("x", "[]", "{}", '{"since": "x", "until": "y"}', "null", "1"):
            with self.subTest(cursor=cursor), self.assertRaises(Unreadable):
                next(poll_pages(STREAMS, cursor, SINCE, UNTIL))

    def test_the_lag_never_turns_the_window_around(self):
        seen = []

        def parts(since, until, at):
            seen.append((since, until))
            yield Part()

        now = datetime.now(timezone.utc)
        stream = Stream("r", parts, lag=timedelta(minutes=10))
        list(poll_pages([stream], "", now, None))
        list(poll_pages([stream], "", now - timedelta(hours=1), None))
        for since, until in seen:
            self.assertLessEqual(since, until)


class TestCache(unittest.TestCase):
    def test_kept_for_a_while(self):
        now = [0.0]
        cache = Memory(clock=lambda: now[0])
        cache.set("key", "secret-token", 10)
        self.assertEqual(cache.get("key"), "secret-token")
        self.assertNotIn("secret-token", repr(cache))
        now[0] = 10
        self.assertIsNone(cache.get("key"))
        self.assertIsNone(cache.get("other"))

    def test_tokens(self):
        asked = []

        def fetch():
            asked.append(1)
            return {"access_token": f"token-{len(asked)}", "expires_in": "299"}

        now = [0.0]
        token = Token(Memory(clock=lambda: now[0]), "key", fetch)
        self.assertEqual([token.value(), token.value()], ["token-1", "token-1"])
        now[0] = 280
        self.assertEqual(token.value(), "token-2")
        self.assertTrue(token.forget())
        self.assertEqual(token.value(), "token-3")

    def test_no_token(self):
        with self.assertRaises(Refused):
            Token(Memory(), "key", dict).value()


class TestErrors(unittest.TestCase):
    def test_which_secrets_do_not_do(self):
        self.assertTrue(Refused("x", 401).unauthorized)
        self.assertTrue(Refused("x", 400, "invalid_grant").unauthorized)
        self.assertFalse(Refused("x", 403).unauthorized)
        self.assertFalse(Refused("x", 404).unauthorized)
        self.assertIsNone(TryAgainLater("x").retry_after)
