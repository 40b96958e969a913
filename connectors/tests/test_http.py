"""Calls to a shop, against a real server on loopback."""

import contextlib
import logging
import socket
import threading
import time
import traceback
import unittest
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from unittest import mock

from ..addresses import checked_base_url
from ..errors import Refused, TryAgainLater, Unreadable
from ..http import Http, retry_after
from .shop_server import WOO, ShopServer

AUTH = ("ck_test", "cs_test_secret")


class HttpCase(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.shop = ShopServer().start()
        self.addCleanup(self.shop.stop)
        self.shop.add_order({"id": 1})
        self.waits = []
        # The waits are noted; a clock that they move makes the patience end.
        self.now = time.monotonic()
        clock = mock.patch("time.monotonic", lambda: self.now)
        clock.start()
        self.addCleanup(clock.stop)

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def http(self, **options):
        options = {"auth": AUTH, "sleep": self.wait, **options}
        http = Http(self.shop.url, **options)
        self.addCleanup(http.close)
        return http

    def order(self, **options):
        return self.http(**options).get_json(f"{WOO}/orders/1")


class TestRetries(HttpCase):
    def test_busy_then_fine(self):
        self.shop.fail("/orders/1", 503, times=2)
        self.assertEqual(self.order(), {"id": 1})
        self.assertEqual(len(self.shop.calls), 3)
        first, second = self.waits
        self.assertTrue(0.4 <= first <= 0.6 and 0.8 <= second <= 1.2, self.waits)

    def test_retry_after_in_seconds_and_as_a_date(self):
        self.shop.fail("/orders/1", 429, headers={"Retry-After": "7"})
        self.assertEqual(self.order(), {"id": 1})
        self.assertEqual(self.waits, [7.0])
        later = datetime.now(timezone.utc) + timedelta(seconds=9)
        self.assertAlmostEqual(retry_after(format_datetime(later)), 9, delta=2)
        self.assertEqual(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), 0)
        self.assertIsNone(retry_after("soon"))
        self.assertIsNone(retry_after(None))

    def test_asked_to_wait_too_long(self):
        self.shop.fail("/orders/1", 429, headers={"Retry-After": "3600"})
        with self.assertRaises(TryAgainLater) as caught:
            self.order()
        self.assertEqual(caught.exception.retry_after, 3600)
        self.assertEqual(self.waits, [])

    def test_patience_ends(self):
        self.shop.fail("/orders/1", 500, times=1000)
        with self.assertRaises(TryAgainLater):
            self.order(patience=30)
        self.assertLessEqual(sum(self.waits), 30)
        self.assertLess(len(self.shop.calls), 12)

    def test_not_twice_what_may_not_happen_twice(self):
        self.shop.fail("/upload", 503, times=5)
        with self.assertRaises(TryAgainLater):
            self.http().post("/upload", {}, retry=False)
        self.assertEqual(len(self.shop.calls), 1)

    def test_nobody_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        http = Http(f"http://127.0.0.1:{port}", sleep=self.wait, patience=2)
        with self.assertRaisesRegex(TryAgainLater, "out of reach"):
            http.get("/")


class TestRefusals(HttpCase):
    def test_wrong_secret(self):
        with self.assertRaisesRegex(Refused, "secrets") as caught:
            self.order(auth=("ck_test", "wrong-secret"))
        self.assertEqual(caught.exception.status, 401)
        self.assertEqual(caught.exception.code, "woocommerce_rest_cannot_view")
        self.assertEqual(len(self.shop.calls), 1)

    def test_not_found(self):
        with self.assertRaises(Refused) as caught:
            self.http().get(f"{WOO}/orders/2")
        self.assertEqual(caught.exception.status, 404)

    def test_not_json(self):
        self.shop.fail("/orders/1", 200, body=b"<html>maintenance</html>")
        with self.assertRaises(Unreadable):
            self.order()

    def test_too_large(self):
        self.shop.fail("/orders/1", 200, body=b"1" * 5000)
        with self.assertRaisesRegex(Refused, "too large"):
            self.order(max_bytes=4999)

    def test_redirect_within_the_shop(self):
        where = {"Location": f"{WOO}/orders/1"}
        self.shop.fail("/old", 301, headers=where)
        self.assertEqual(self.http().get_json("/old"), {"id": 1})

    def test_no_redirect_to_another_host(self):
        with ShopServer() as other:
            for location in (
                f"{other.url}/x",
                "//evil.example/x",
                "http://localhost/x",
            ):
                with self.subTest(location=location):
                    self.shop.fail("/orders/1", 302, headers={"Location": location})
                    with self.assertRaisesRegex(Refused, "redirects elsewhere"):
                        self.order()
            self.assertEqual(other.calls, [])

    def test_no_redirect_in_circles_nor_of_a_post(self):
        self.shop.fail("/a", 302, times=99, headers={"Location": "/a"})
        with self.assertRaisesRegex(Refused, "circles"):
            self.http().get("/a")
        with self.assertRaisesRegex(Refused, "redirects"):
            self.http().post("/a", {})

    def test_addresses(self):
        good = {
            "https://shop.example/": "https://shop.example",
            " shop.example ": "https://shop.example",
            "https://shop.example/wp": "https://shop.example/wp",
            "http://localhost:8080": "http://localhost:8080",
            "http://[::1]:80": "http://[::1]:80",
        }
        for given, expected in good.items():
            self.assertEqual(checked_base_url(given), expected)
        bad = (
            "",
            "http://shop.example",
            "ftp://shop.example",
            "https://user:secret@shop.example",
            "https://shop.example?x=1",
            "https://",
            "https://shop.example:0",
            "https://[bad",
            "file:///etc/passwd",
            "http://127.0.0.1.evil.example",
        )
        for given in bad:
            with self.subTest(given=given), self.assertRaises(Refused):
                checked_base_url(given)


class TestSlow(unittest.TestCase):
    """A server that never finishes, in real time."""

    def serve(self, *chunks, pause=0.05):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            connection, _address = listener.accept()
            with connection:
                connection.recv(65536)
                # The client hangs up when it has enough.
                with contextlib.suppress(OSError):
                    for chunk in chunks:
                        connection.sendall(chunk)
                        time.sleep(pause)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def test_drops_of_an_answer_end_with_the_patience(self):
        url = self.serve(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 70_000] * 100)
        http = Http(url, timeout=(1, 1), patience=0.4)
        started = time.monotonic()
        with self.assertRaises(TryAgainLater):
            http.get("/")
        self.assertLess(time.monotonic() - started, 3)

    def test_no_answer(self):
        url = self.serve(b"", pause=3)
        http = Http(url, timeout=(1, 0.2), patience=0.3)
        with self.assertRaisesRegex(TryAgainLater, "in time"):
            http.get("/")

    def test_half_an_answer(self):
        url = self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        http = Http(url, timeout=(1, 1), patience=0.3)
        with self.assertRaises(TryAgainLater):
            http.get("/")


class TestSecrets(HttpCase):
    """No secret in what is raised, logged or shown, whatever the shop answers."""

    SECRETS = ("cs_test_secret", "shpat_secret_token", "Y2tfdGVzdDpjc190ZXN0X3NlY3JldA")

    def answers(self):
        echo = {"message": f"your token {self.SECRETS}", "code": "cs_test_secret"}
        for status in (200, 302, 400, 401, 403, 404, 418, 429, 500):
            headers = {"Location": f"https://evil.example/?t={self.SECRETS[0]}"}
            self.shop.fail("/orders/1", status, 1, echo, headers)
            yield status
        yield "timeout"

    def test_no_secret_comes_out(self):
        http = self.http(headers={"X-Token": "shpat_secret_token"}, patience=0.1)
        shown = [repr(http)]
        with self.assertLogs(level=logging.DEBUG) as logs:
            logging.getLogger(__name__).debug("the log is open")
            for status in self.answers():
                if status == "timeout":
                    http._session.request = mock.Mock(
                        side_effect=ConnectionError(f"failed with {self.SECRETS}")
                    )
                try:
                    http.get(f"{WOO}/orders/1")
                except (Refused, TryAgainLater) as error:
                    shown += [str(error), repr(error), repr(vars(error))]
                    shown.append("".join(traceback.format_exception(error)))
        shown += logs.output
        self.assertGreater(len(shown), 20)
        for secret in self.SECRETS:
            self.assertNotIn(secret, "\n".join(shown))

    def test_redaction(self):
        http = self.http(secrets=["whsec_abcdef"])
        self.assertEqual(http.redact("a whsec_abcdef b"), "a *** b")
        self.assertEqual(http.redact(ValueError("cs_test_secret")), "***")

    def test_a_secret_that_cannot_be_sent(self):
        http = self.http(auth=None, headers={"X-Token": "line\nbreak"})
        with self.assertRaisesRegex(Refused, "cannot be sent"):
            http.get("/")
