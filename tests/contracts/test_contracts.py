"""Each client against the API description of its marketplace, served by prism.

Run by ./dev/test-contracts, which says where the descriptions and prism are; not by
the other tests. Prism refuses a call that is not as described, and answers with the
examples of the description: both are looked at here, the sense of it is not.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from connectors.errors import ConnectorError, Unreadable  # noqa: E402
from connectors.marketplaces import Memory, get, shopify_graphql  # noqa: E402
from connectors.tests.loopback import Answer, LoopbackServer  # noqa: E402

FOLDER = Path(os.environ.get("AVOIR_API_DESCRIPTIONS", ""))
PRISM = Path(os.environ.get("AVOIR_PRISM", ""))
SINCE = datetime(2026, 3, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 3, 20, tzinfo=timezone.utc)
SECRETS = {"api_key": "public", "api_secret": "secret", "access_token": "refresh"}
TOKEN = {"access_token": "token", "token_type": "bearer", "expires_in": 299}
NOT_FORWARDED = {"host", "connection", "content-length", "accept-encoding"}
START = 60


class Proxy(LoopbackServer):
    """Stands before the prisms of a marketplace: gives the tokens, keeps what prism
    had to say of a call, and sends each call on by its path."""

    def __init__(self, routes):
        self.routes = routes
        self.complaints = []
        super().__init__()

    def _answer(self, call, headers):
        if call.path.endswith("/token"):
            return Answer(200, TOKEN)
        for prefix, address, cut in self.routes:
            if call.path.startswith(prefix):
                target = call.target.removeprefix(cut)
                return self._forwarded(address + target, call, headers)
        self.complaints.append(f"{call.method} {call.path}: in no description")
        return Answer(404, {})

    def _forwarded(self, url, call, headers):
        sent = {k: v for k, v in headers.items() if k.lower() not in NOT_FORWARDED}
        request = urllib.request.Request(
            url, call.body or None, sent, method=call.method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return self._told(call, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return self._told(call, answer.code, answer.headers, answer.read())

    def _told(self, call, status, headers, body):
        # Examples that contradict their own schema are not the client's fault.
        wrong = [
            one
            for one in json.loads(headers.get("sl-violations") or "[]")
            if one["location"][:1] != ["response"]
        ]
        if status >= 400 or wrong:
            told = str(wrong) if wrong else body.decode("utf-8", "replace")
            self.complaints.append(
                f"{call.method} {call.target}: {status} {told[:500]}"
            )
        return Answer(status, body)


class Contract(unittest.TestCase):
    code = ""
    # (how a path begins, the description, what is cut off the path)
    served = ()
    settings = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not PRISM.is_file():
            raise unittest.SkipTest("prism is missing: run ./dev/test-contracts")
        opened = contextlib.ExitStack()
        cls.addClassCleanup(opened.close)
        routes = []
        for prefix, name, cut in cls.served:
            file = FOLDER / name
            if not file.is_file():
                raise unittest.SkipTest(f"no description: {name}")
            routes.append((prefix, opened.enter_context(prism(file)), cut))
        cls.proxy = opened.enter_context(Proxy(routes))

    def setUp(self):
        super().setUp()
        self.proxy.complaints.clear()
        settings = {**SECRETS, **self.settings, "base_url": self.proxy.url}
        self.shop = get(self.code, settings, Memory())
        self.addCleanup(self.shop.close)

    def tearDown(self):
        self.assertEqual(self.proxy.complaints, [])
        super().tearDown()

    def first_parts(self):
        """The first part of each stream, and its messages read."""
        for stream in self.shop._streams():
            with self.subTest(stream=stream.name):
                part = next(iter(stream.parts(SINCE, UNTIL, None)))
                for fetched in part.messages:
                    if fetched.event.readable:
                        self.read(fetched.body, fetched.event.topic)
                yield stream.name, part

    def read(self, body, topic):
        """The notices of a message; placeholders need make no sense."""
        try:
            return self.shop.read(body, topic)
        except Unreadable:
            return []


@contextlib.contextmanager
def prism(file):
    """A prism of a description; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        [*command, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(port, process):
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)
    raise RuntimeError("prism does not start")


class TestBol(Contract):
    code = "bol"
    served = (
        ("/retailer/", "bol/retailer.json", ""),
        ("/shared/", "bol/shared.json", ""),
    )
    # The examples are years old.
    settings = {"look_back": "3650"}

    def test_returns(self):
        found = [part for _name, part in self.first_parts()]
        self.assertEqual(len(found), 4)
        self.assertTrue(all(part.messages for part in found))

    def test_one_return(self):
        self.shop.refresh("return:1-31234567")

    def test_handling_and_its_process(self):
        for handling in self.shop.handlings:
            process = self.shop.report_return("return:1-31234567", handling, 1)
        self.assertTrue(process.external_id)
        self.shop.process_status(process.external_id)

    def test_upload(self):
        process = self.shop.upload_document(
            "credit_note", "4012345678", "RINV.pdf", b"%PDF-1.7"
        )
        self.assertTrue(process.external_id)

    def test_keys(self):
        self.assertTrue(self.shop._fetched_keys())


class TestAmazon(Contract):
    code = "amazon"
    served = (
        ("/finances/v0/", "amazon/financesV0.json", ""),
        ("/finances/2024-06-19/", "amazon/finances_2024-06-19.json", ""),
        ("/reports/", "amazon/reports_2021-06-30.json", ""),
    )
    settings = {"marketplace_ids": "A1805IZSGTT6HS,AMEN7PMS3EDWL", "reports": "fba,mfn"}

    def test_finances_and_asking_for_reports(self):
        names = [name for name, _part in self.first_parts()]
        self.assertEqual(names, ["finances", "fba returns", "mfn returns"])

    def test_transactions(self):
        self.shop.settings |= {"finances": "2024-06-19", "reports": "-"}
        self.assertEqual(len(list(self.first_parts())), 1)

    def test_pages_of_finances(self):
        parts = self.shop._events(SINCE, UNTIL, "a token")
        self.assertIsNotNone(next(parts))

    def test_one_order(self):
        path = "/finances/v0/orders/404-1000001-1000001/financialEvents"
        self.shop.http.get_json(path)

    def test_a_report_and_its_document(self):
        self.shop._finished_document("ID323")
        # The example names an address that no report is fetched from.
        with contextlib.suppress(ConnectorError):
            self.shop._report_messages(self.shop.file_formats[0], "amzn1.spdoc.1")


class TestCcvShop(Contract):
    code = "ccv_shop"
    served = (("/api/rest/v1/", "ccv/ccvshop-v1-derived.openapi.json", ""),)

    def test_all_that_is_listed(self):
        for source in ("orders", "invoices"):
            self.shop.settings["source"] = source
            names = [name for name, _part in self.first_parts()]
            self.assertEqual(names, ["returns", source])

    def test_one_of_each_and_its_rows(self):
        for kind, name in (
            ("returns", "returnrows"),
            ("invoices", "invoicerows"),
            ("orders", "orderrows"),
        ):
            self.assertIsNotNone(self.shop._get(kind, "1"))
            pages = self.shop._paged(f"/api/rest/v1/{kind}/1/{name}/", {})
            self.assertIsNotNone(next(pages))

    def test_invoices_of_an_order(self):
        params = {"ordernumber_full": "WEB-3"}
        next(self.shop._paged("/api/rest/v1/invoices/", params))


class TestWooCommerce(Contract):
    code = "woocommerce"
    served = (
        (
            "/wp-json/wc/v3/",
            "woocommerce/woocommerce-v3-refunds-derived.openapi.json",
            "/wp-json/wc/v3",
        ),
    )

    def test_changed_orders(self):
        self.assertEqual(len(list(self.first_parts())), 1)

    def test_refunds(self):
        self.shop.refresh("refund:726", "723")


class TestShopify(unittest.TestCase):
    QUESTIONS = ("ORDERS", "REFUND", "RETURN", "ORDER_REFUNDS", "CHANGED_ORDERS")

    def test_questions_ask_for_what_there_is(self):
        found = sorted(FOLDER.glob("shopify/*introspection.json"))
        script = PRISM.parents[2] / "graphql.mjs" if PRISM.is_file() else PRISM
        if not found or not script.is_file():
            self.skipTest("no description of Shopify, or no prism")
        asked = {name: getattr(shopify_graphql, name) for name in self.QUESTIONS}
        done = subprocess.run(
            ["node", script, found[0]],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("\n0 fields", f"\n{done.stdout}")


if __name__ == "__main__":
    unittest.main()
