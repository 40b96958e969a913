"""A sixth marketplace is one file, one payload and one line in the registry.

The class below is all that it takes; nothing else knows of it.
"""

import hashlib
import hmac
import json
import unittest
from datetime import datetime, timezone
from unittest import mock

from .. import marketplaces
from ..errors import Untrusted
from ..marketplaces.base import Marketplace
from ..marketplaces.events import event_key
from ..marketplaces.fields import Credential
from ..notices import Fetched, IncomingEvent, ReturnNotice
from ..polling import Part, Stream
from ..readers import identifier, money, text
from .common import eur
from .deliveries import PAYLOADS
from .loopback import Answer, LoopbackServer


class Sixth(Marketplace):
    """A marketplace that nobody knows yet."""

    code = "sixth"
    label = "Sixth"
    credential_fields = (
        Credential("base_url", "Address", secret=False),
        Credential("webhook_secret", "Secret"),
    )

    def _check_signature(self, headers, body):
        secret = self._needed("webhook_secret").encode()
        right = hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(headers.get("x-signature", ""), right):
            raise Untrusted("The signature does not fit the body.")

    def _topic(self, headers):
        return "refund"

    def _event(self, topic, headers, data):
        number = identifier(data, "number")
        return IncomingEvent(event_key=event_key("refund", number), topic=topic)

    def _notices(self, topic, data):
        return [
            ReturnNotice(
                external_id=f"refund:{identifier(data, 'number')}",
                kind="refund",
                state="refunded",
                order_refs=(text(data, "order"),),
                currency=text(data, "currency"),
                total=money(data["paid_back"], text(data, "currency"), "paid_back"),
            )
        ]

    def _streams(self):
        return (Stream("refunds", self._refunds),)

    def _refunds(self, since, until, at):
        for data in self.http.get_json("/refunds", {"since": since.isoformat()}):
            body = json.dumps(data).encode()
            yield Part([Fetched(self._event("refund", {}, data), body)])


class Server(LoopbackServer):
    def _answer(self, call, headers):
        return Answer(200, [json.loads(PAYLOAD.read_bytes())])


PAYLOAD = PAYLOADS / "sixth_refund.json"


class TestSixth(unittest.TestCase):
    def setUp(self):
        super().setUp()
        with_sixth = mock.patch.dict(marketplaces.registry, {"sixth": Sixth})
        with_sixth.start()
        self.addCleanup(with_sixth.stop)

    def check(self, notices):
        [notice] = notices
        self.assertEqual(notice.external_id, "refund:S-1")
        self.assertEqual(notice.total, eur("12.10"))
        self.assertTrue(notice.amount_only)

    def test_webhook(self):
        body = PAYLOAD.read_bytes()
        settings = {"base_url": "https://sixth.example", "webhook_secret": "secret"}
        with marketplaces.get("sixth", settings) as shop:
            signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
            event = shop.verify({"X-Signature": signature}, body)
            self.assertEqual(event.event_key, "refund:S-1")
            self.check(shop.read(body, event.topic))
            with self.assertRaises(Untrusted):
                shop.verify({"X-Signature": signature}, body + b" ")

    def test_poll(self):
        since = datetime(2026, 3, 1, tzinfo=timezone.utc)
        with (
            Server() as server,
            marketplaces.get("sixth", {"base_url": server.url}) as shop,
        ):
            shop.check_connection()
            [page] = shop.poll_pages("", since)
            [fetched] = page.messages
            self.assertEqual(page.cursor, "")
            self.check(shop.read(fetched.body, fetched.event.topic))
