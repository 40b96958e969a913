import dataclasses
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from unittest.mock import patch

from odoo.addons.avoir.connectors import marketplaces
from odoo.addons.avoir.connectors.notices import (
    IncomingEvent,
    Money,
    Ping,
    ReturnLine,
    ReturnNotice,
)

from .sale_common import AvoirSaleCommon

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


class FakeShop(marketplaces.Marketplace):
    """Says what the test has put into ``notices``, by the body of the message."""

    code = "fake"
    label = "Fake"
    credential_fields = (
        marketplaces.Credential("base_url", "Address", secret=False),
        marketplaces.Credential("webhook_secret", "Secret"),
        marketplaces.Credential("webhook_secret_previous", "Old secret"),
    )
    notices = {}
    reads = []

    def read(self, body, topic):
        self.reads.append(body)
        found = self.notices[body.decode()]
        if isinstance(found, Exception):
            raise found
        return found

    def _check_signature(self, headers, body):
        self._check_hmac_sha256(headers.get("x-fake-signature"), body)

    def _ping(self, headers, body):
        return Ping("hello") if body == b"ping=1" else None

    def _topic(self, headers):
        return headers.get("x-fake-topic", "")

    def _event(self, topic, headers, data):
        return IncomingEvent(
            event_key=f"{topic}:{data['id']}", topic=topic, wanted=topic != "other"
        )

    def _notices(self, topic, data):
        return []


class MarketplaceCommon(AvoirSaleCommon):
    """A shop, an order of it that was delivered and invoiced, and notices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.code = next(iter(marketplaces.registry))
        cls.chair = cls._goods("Chair", default_code="CHAIR")
        cls.table = cls._goods("Table", default_code="TABLE")
        cls.shipping = cls.env["product.product"].create(
            {"name": "Shipping", "type": "service", "invoice_policy": "order"}
        )
        cls.service = cls._new_user("service", "avoir.group_refund_user")
        cls.account = cls.env["marketplace.account"].create(
            {
                "name": "Shop",
                "code": cls.code,
                "company_id": cls.company.id,
                "base_url": "http://localhost:1",
                "webhook_secret": "hush",
                "refund_reason_id": cls.reason.id,
                "approval": "auto",
                "user_ids": cls.service.ids,
            }
        )
        cls.account.company_id.partner_id.lang = "en_US"

    def setUp(self):
        super().setUp()
        FakeShop.notices = {}
        FakeShop.reads = []
        patcher = patch.dict(marketplaces.registry, {self.code: FakeShop})
        patcher.start()
        self.addCleanup(patcher.stop)

    # -- documents -------------------------------------------------------------

    def sold(self, *lines, ref="#1001", deliver=True, bill=True, **values):
        """An order of the shop, delivered and invoiced; its refs are ``ref``."""
        lines = lines or [(self.chair, 3, 100.0), (self.table, 2, 50.0)]
        order = self._order(*lines, client_order_ref=ref, **values)
        if deliver:
            self._deliver(order)
        if bill:
            self._bill(order)
        return order

    def _three_chairs(self):
        self.sold()
        return self.notice(self.line("CHAIR", 3, 300), total=360)

    # -- notices ---------------------------------------------------------------

    def line(self, sku="CHAIR", quantity=1, untaxed=None, **values):
        values.setdefault("external_id", f"{sku}:{quantity}")
        values.setdefault("goods_expected", bool(quantity))
        if untaxed is not None:
            currency = self.company.currency_id.name
            untaxed = Decimal(str(untaxed))
            values["untaxed"] = Money(untaxed, currency)
            values.setdefault("tax", Money(untaxed / 5, currency))
        return ReturnLine(sku=sku, quantity=Decimal(str(quantity)), **values)

    def notice(self, *lines, total=None, **values):
        currency = values.setdefault("currency", self.company.currency_id.name)
        values = {
            "external_id": "refund:1",
            "kind": "refund",
            "state": "refunded",
            "order_external_id": "9001",
            "order_refs": ("#1001", "1001"),
            "occurred_at": NOON,
            "goods_expected": any(line.goods_expected for line in lines),
            **values,
        }
        if total is not None:
            values["total"] = Money(Decimal(str(total)), currency)
        return ReturnNotice(lines=tuple(lines), **values)

    def money(self, amount, currency=None):
        return Money(Decimal(str(amount)), currency or self.company.currency_id.name)

    def replace(self, told, **values):
        return dataclasses.replace(told, **values)

    def later(self):
        return NOON + timedelta(hours=1)

    # -- what is done with them ------------------------------------------------

    def message(self, *notices, key="event", account=None):
        """A message of the inbox that says so."""
        account = account or self.account
        FakeShop.notices[key] = list(notices)
        event = IncomingEvent(event_key=key, topic="topic")
        ids = self.env["marketplace.message"]._insert_once(
            account.id, account.company_id.id, [(event, key.encode(), "")]
        )
        return self.env["marketplace.message"].browse(ids)

    def cron(self, *names):
        """Let the crons of the marketplaces work."""
        with self.enter_registry_test_mode():
            for name in names or ("read", "return"):
                self.env.ref(
                    f"avoir.ir_cron_marketplace_{name}"
                ).method_direct_trigger()

    def told(self, *notices, key="event"):
        """The returns of these notices, after the crons."""
        message = self.message(*notices, key=key)
        self.cron()
        self.assertEqual(message.state, "done", message.error)
        return message.return_ids

    def receive(self, pickings, quantity=None, backorder=True):
        for move in pickings.move_ids:
            move.quantity = move.product_uom_qty if quantity is None else quantity
            move.picked = True
        pickings.with_context(cancel_backorder=not backorder)._action_done()

    def assertState(self, returns, state, missing=None):
        self.assertEqual(
            returns.mapped("state"), [state] * len(returns), returns.mapped("missing")
        )
        if missing:
            self.assertRegex(returns.missing or "", missing)
        else:
            self.assertFalse(any(returns.mapped("missing")), returns.mapped("missing"))

    @contextmanager
    def assertRaisesCredit(self, order):
        """The engine breaks down on the invoice of this order."""
        create = type(self.env["account.move"])._create_credit_notes

        def broken(moves, requests, post=True):
            if any(request.invoice in order.invoice_ids for request in requests):
                raise ZeroDivisionError("broken invoice")
            return create(moves, requests, post=post)

        with patch.object(
            type(self.env["account.move"]), "_create_credit_notes", broken
        ):
            yield
