import json
from unittest.mock import patch

from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.avoir.connectors import marketplaces
from odoo.addons.avoir.connectors.marketplaces.base import hmac_sha256
from odoo.addons.avoir.connectors.tests import deliveries

from .marketplace_common import FakeShop

FORM = "application/x-www-form-urlencoded"
CONTROLLER = "odoo.addons.avoir.controllers.marketplace_webhook"


@tagged("post_install", "-at_install")
class TestMarketplaceWebhook(HttpCase):
    """The address for deliveries: what is kept, and what is turned away."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.code = next(iter(marketplaces.registry))
        cls.account = cls.env["marketplace.account"].create(
            {
                "name": "Shop",
                "code": cls.code,
                "base_url": "http://localhost:1",
                "webhook_secret": "hush",
                "max_body_size": 1,
            }
        )
        cls.messages = cls.env["marketplace.message"]

    def setUp(self):
        super().setUp()
        self.patcher = patch.dict(marketplaces.registry, {self.code: FakeShop})
        self.patcher.start()
        self.addCleanup(self.patcher.stop)

    def deliver(
        self, body, key=None, secret="hush", content_type="application/json", **h
    ):
        body = json.dumps(body).encode() if not isinstance(body, bytes) else body
        headers = {
            "Content-Type": content_type,
            "X-Fake-Signature": hmac_sha256(secret, body).decode(),
            "X-Fake-Topic": "refund",
            **h,
        }
        url = f"/avoir/webhook/{key or self.account.webhook_key}"
        return self.url_open(url, data=body, headers=headers)

    def stored(self):
        return self.messages.search([("account_id", "=", self.account.id)])

    def test_delivery(self):
        answer = self.deliver({"id": 1})
        self.assertEqual((answer.status_code, answer.text), (200, "ok"))
        self.assertNotIn("session_id", answer.cookies)
        self.assertRecordValues(
            self.stored(),
            [
                {
                    "event_key": "refund:1",
                    "topic": "refund",
                    "state": "new",
                    "company_id": self.account.company_id.id,
                }
            ],
        )
        self.assertEqual(self.stored()._get_body(), b'{"id": 1}')

    def test_headers_without_secrets(self):
        self.deliver({"id": 1}, **{"Authorization": "Basic c2VjcmV0", "X-Api-Key": "k"})
        headers = json.loads(self.stored().headers)
        self.assertEqual(headers["X-Fake-Topic"], "refund")
        self.assertEqual(headers["Content-Type"], "application/json")
        for name in ("Authorization", "Cookie", "X-Fake-Signature", "X-Api-Key"):
            self.assertNotIn(name, headers)

    def test_duplicate(self):
        for text in ("ok", "known"):
            answer = self.deliver({"id": 1})
            self.assertEqual((answer.status_code, answer.text), (200, text))
        self.assertEqual(len(self.stored()), 1)

    def test_forged(self):
        with self.assertLogs(CONTROLLER, "WARNING") as logs:
            answer = self.deliver({"id": 1}, secret="guess")
        self.assertEqual(answer.status_code, 401)
        self.assertFalse(self.stored())
        for secret in ("hush", self.account.webhook_key, '"id"'):
            self.assertNotIn(secret, "".join(logs.output))

    @mute_logger(CONTROLLER)
    def test_no_secret_on_the_account(self):
        self.account.webhook_secret = False
        self.assertEqual(self.deliver({"id": 1}, secret="").status_code, 401)
        self.assertFalse(self.stored())

    def test_not_signed(self):
        with self.assertLogs(CONTROLLER, "WARNING"):
            answer = self.deliver({"id": 1}, **{"X-Fake-Signature": ""})
        self.assertEqual(answer.status_code, 401)

    def test_unknown_address(self):
        answer = self.deliver({"id": 1}, key="x" * 43)
        self.assertEqual(answer.status_code, 404)
        self.account.active = False
        self.assertEqual(self.deliver({"id": 1}).status_code, 404)

    def test_too_large(self):
        answer = self.deliver({"id": 1, "more": "x" * 1024})
        self.assertEqual(answer.status_code, 413)
        self.assertFalse(self.stored())

    @mute_logger(CONTROLLER)
    def test_too_large_without_a_length(self):
        """Sent in chunks, its length is not announced."""
        body = json.dumps({"id": 1, "more": "x" * 2048}).encode()
        answer = self.url_open(
            f"/avoir/webhook/{self.account.webhook_key}",
            data=(body[i : i + 100] for i in range(0, len(body), 100)),
            headers={"X-Fake-Signature": hmac_sha256("hush", body).decode()},
        )
        self.assertIn(answer.status_code, (401, 413))
        self.assertFalse(self.stored())

    def test_body_as_it_came(self):
        """The signature is over the bytes, whatever the content type says."""
        body = b'{ "id":1,\n "a": "\xc3\xa9&b=1" }'
        for number, content_type in enumerate(
            (
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "text/plain",
                "",
            )
        ):
            self.stored().unlink()
            with self.subTest(content_type=content_type):
                answer = self.deliver(body, content_type=content_type)
                self.assertEqual(answer.status_code, 200, number)
                self.assertEqual(self.stored()._get_body(), body)

    def test_unreadable_is_kept(self):
        answer = self.deliver(b"\x00 no json")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(self.stored()._get_body(), b"\x00 no json")

    def test_topic_of_no_interest(self):
        answer = self.deliver({"id": 1}, **{"X-Fake-Topic": "other"})
        self.assertEqual(answer.status_code, 200)
        self.assertFalse(self.stored())

    def test_only_post(self):
        answer = self.url_open(f"/avoir/webhook/{self.account.webhook_key}")
        self.assertEqual(answer.status_code, 405)

    def test_new_secret_and_old_one(self):
        self.account.webhook_secret = "new"
        self.assertEqual(self.deliver({"id": 1}, secret="new").status_code, 200)
        self.assertEqual(self.deliver({"id": 2}, secret="hush").status_code, 200)
        self.account.action_forget_previous_secret()
        with self.assertLogs(CONTROLLER, "WARNING"):
            self.assertEqual(self.deliver({"id": 3}, secret="hush").status_code, 401)

    def test_few_queries(self):
        """The account is in memory: a delivery costs its own row."""
        self.deliver({"id": 1})
        with self.assertQueryCount(3):
            self.deliver({"id": 2})

    def test_greeting(self):
        """A ping is answered and not kept; it is not signed."""
        answer = self.deliver(b"ping=1", secret="?", content_type=FORM)
        self.assertEqual(answer.status_code, 200)
        self.assertFalse(self.stored())

    def test_signed_as_the_marketplaces_do(self):
        self.patcher.stop()
        for code, deliver in deliveries.SIGNED.items():
            self.account.code = code
            for secret, status in (("hush", 200), ("guess", 401)):
                headers, body = deliver({"id": 1}, "any topic", secret)
                with self.subTest(code=code, secret=secret), mute_logger(CONTROLLER):
                    answer = self.url_open(
                        f"/avoir/webhook/{self.account.webhook_key}",
                        data=body,
                        headers=headers,
                    )
                    self.assertEqual(answer.status_code, status)
        self.patcher.start()
