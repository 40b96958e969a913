"""CCV Shop, API v1.

Every call is signed with HMAC-SHA512 over exactly what is sent, and answers are signed
likewise. How a webhook is signed is not documented: a delivery is a hint, of which
only the kind and the id are taken; the shop is then asked. Addresses in answers are
never called, only the numbers at their end are read.

There is no date of change: returns (and, where orders are taken over, orders) are
listed again for as long as the look-back says; an unchanged one has the same key.

Where a shop's invoices are taken over, its credit invoices are the refunds: its
returns then tell of goods only, so that nothing is credited twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ..errors import Refused, Unreadable
from ..http import Answer
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, ReturnNotice
from ..polling import Part, Stream
from ..readers import identifier, mapping, moment, rows, text
from .base import Marketplace
from .ccv_shop_invoice import invoice_notice, order_notice
from .ccv_shop_return import RETURN_STATUSES, return_notices
from .events import digest, event_key, fetched_or_broken
from .fields import Credential, Option

API = "/api/rest/v1"
MEDIA = "application/vnd.verto.webshop+json, application/json;q=0.9"
PAGE_SIZE = 250
MAX_PAGES = 1000
# An invoice is listed by its creation: only clocks that differ make it late.
LATE = timedelta(days=2)
HINT = re.compile(r"/api/rest/v\d+/(returns|invoices|orders)/(\d+)/?")


class CcvShop(Marketplace):
    """A CCV Shop: returns, and either its invoices or its orders."""

    code = "ccv_shop"
    label = "CCV Shop"
    webhook_is_a_hint = True
    imports_invoices = True
    imports_orders = True
    webhook_topics = ("returns", "invoices", "orders (paid)")
    credential_fields = (
        Credential(
            "base_url", _lt("Shop address"), secret=False, help="https://….ccvshop.nl"
        ),
        Credential("api_key", _lt("Public key"), secret=False),
        Credential("api_secret", _lt("Secret key")),
    )
    option_fields = (
        Option(
            "source",
            _lt("Taken over from the shop"),
            choices=(
                ("returns", _lt("Returns only")),
                ("orders", _lt("Orders, and returns")),
                ("invoices", _lt("Invoices and credit invoices")),
            ),
            default="returns",
            help=_lt("Either its orders or its invoices: never both of one shop."),
        ),
        Option(
            "refund_statuses",
            _lt("Statuses that mean a refund"),
            kind="multiple",
            choices=RETURN_STATUSES,
            default="7,8",
        ),
        Option(
            "look_back",
            _lt("Days to look back"),
            kind="number",
            default="60",
            help=_lt(
                "How long after its creation a return may still change. None from"
                " before “Take Over From” is looked for: set that earlier, or fetch"
                " again, where some are still open."
            ),
        ),
        Option(
            "check_answers",
            _lt("Check the signature of answers"),
            choices=(("yes", _lt("Yes")), ("no", _lt("No"))),
            default="yes",
        ),
    )

    # Polling --------------------------------------------------------------

    def _streams(self):
        look_back = timedelta(days=self._look_back)
        yield self._stream("returns", overlap=look_back)
        if self._source == "invoices":
            yield self._stream("invoices", overlap=LATE)
        if self._source == "orders":
            only = {"is_paid": "true", "is_completed": "true"}
            yield self._stream("orders", only, overlap=look_back)

    def _stream(
        self, kind: str, only: Mapping[str, str] | None = None, **options: Any
    ) -> Stream:
        def parts(since: datetime, until: datetime, at: Any) -> Iterator[Part]:
            params = {
                **(only or {}),
                "min_create_date": utc_text(since),
                "max_create_date": utc_text(until),
            }
            for items, following in self._paged(f"{API}/{kind}/", params, at or 0):
                found = [
                    fetched_or_broken(partial(self._fetched, kind), kind, item)
                    for item in items
                ]
                yield Part(found, following)

        return Stream(kind, parts, **options)

    def _fetched(self, kind: str, data: Mapping[str, Any]) -> Fetched:
        """A return, an invoice or an order as a message."""
        body = json.dumps(data, sort_keys=True, default=str).encode()
        number = identifier(data)
        changes = ""
        if kind == "returns":
            changes = digest(
                *(text(data, name) for name in ("status", "total_price_inc_tax"))
            )
        event = IncomingEvent(
            event_key=event_key(kind, number, changes),
            topic=kind,
            external_ids=(f"{NAMES[kind]}:{number}",),
            order_external_id=number if kind == "orders" else number_in(data, "order"),
        )
        return Fetched(event, body)

    # Messages -------------------------------------------------------------

    def _notices(self, topic, data):
        data = mapping(data, topic)
        if topic.startswith("hint "):
            topic = topic[5:]
            data = self._get(topic, identifier(data))
            if data is None:
                return []
        return self._notices_of(topic, data)

    def _notices_of(self, kind: str, data: Mapping[str, Any]) -> list[Any]:
        if kind == "returns":
            return self._return(data)
        if kind == "invoices" and self._source == "invoices":
            return [self._invoice(data)]
        if kind == "orders" and self._source == "orders" and data.get("paid") is True:
            return [order_notice(data, self._rows(kind, data, "orderrows"))]
        return []

    def _return(self, data: Mapping[str, Any]) -> list[ReturnNotice]:
        refunding = self._chosen("refund_statuses")
        found = return_notices(
            data, self._rows("returns", data, "returnrows"), refunding
        )
        if self._source == "invoices":
            return [notice for notice in found if notice.kind != "refund"]
        return found

    def _invoice(self, data: Mapping[str, Any]) -> Any:
        """An invoice, with what only its order tells; the order may be gone."""
        number = number_in(data, "order")
        order = self._get("orders", number) if number else None
        if order is None:
            return invoice_notice(data, None, [], "")
        lines = self._rows("invoices", data, "invoicerows")
        return invoice_notice(data, order, lines, self._reversed(data))

    def _reversed(self, data: Mapping[str, Any]) -> str:
        """The invoice that a credit invoice takes back, if there is only one."""
        order_number = text(data, "ordernumber_full")
        if text(data, "type").lower() != "credit" or not order_number:
            return ""
        params = {"ordernumber_full": order_number}
        debits = [
            identifier(row)
            for items, _next in self._paged(f"{API}/invoices/", params)
            for row in items
            if text(row, "type").lower() != "credit"
            and text(row, "ordernumber_full") == order_number
        ]
        return f"invoice:{debits[0]}" if len(debits) == 1 else ""

    def _refresh(self, kind, number, order_external_id):
        if kind not in ("refund", "return"):
            return None
        data = self._get("returns", number)
        if data is None:
            return ReturnNotice(
                external_id=f"{kind}:{identifier({'id': number})}",
                kind=kind,
                state="cancelled",
                order_external_id=order_external_id,
            )
        found = {notice.external_id: notice for notice in self._return(data)}
        return found.get(f"{kind}:{number}")

    # Asking ---------------------------------------------------------------

    def _get(self, kind: str, number: str) -> Mapping[str, Any] | None:
        """One thing of the shop; None when it is gone."""
        number = identifier({"id": number})
        try:
            return mapping(self.http.get_json(f"{API}/{kind}/{number}/"), kind)
        except Refused as error:
            if error.status in (404, 410):
                return None
            raise

    def _rows(self, kind: str, data: Mapping[str, Any], name: str) -> list[Any]:
        """All rows of a return, an invoice or an order."""
        path = f"{API}/{kind}/{identifier(data)}/{name}/"
        return [row for items, _next in self._paged(path, {}) for row in items]

    def _paged(
        self, path: str, params: Mapping[str, Any], start: int = 0
    ) -> Iterator[tuple[list[Mapping[str, Any]], int | None]]:
        """The pages of a collection, and where the next one starts."""
        for _page in range(MAX_PAGES):
            page = {**params, "start": start, "size": PAGE_SIZE}
            answer = mapping(self.http.get_json(path, page), "collection")
            items = rows(answer, "items")
            start += len(items)
            following = start if items and answer.get("next") else None
            yield items, following
            if following is None:
                return

    def _check_connection(self):
        self.http.get_json(f"{API}/returns/", {"start": 0, "size": 1})

    @property
    def _source(self) -> str:
        return self.settings.get("source", "")

    @property
    def _look_back(self) -> int:
        days = self.settings.get("look_back", "")
        return min(int(days), 3650) if days.isdecimal() else 60

    # Webhooks -------------------------------------------------------------

    def _check_signature(self, headers, body):
        # Not documented, so nothing of the body is believed: see `_event`.
        return None

    def _topic(self, headers):
        return ""

    def _event(self, topic, headers, data):
        """What is hinted at: the kind in the address (which is not called), the id."""
        data = mapping(data, "hint")
        found = HINT.fullmatch(urlsplit(text(data, "href")).path)
        if not found:
            return IncomingEvent(event_key="hint", topic="hint", wanted=False)
        kind, number = found.groups()
        if number != identifier(data):
            raise Unreadable(_lt("The address and the id of the hint differ."))
        wanted = kind in ("returns", self._source)
        body = json.dumps(data, sort_keys=True, default=str)
        return IncomingEvent(
            event_key=event_key("hint", kind, number, digest(body)),
            topic=f"hint {kind}",
            external_ids=(f"{NAMES[kind]}:{number}",),
            order_external_id=number if kind == "orders" else "",
            sent_at=moment(data.get("triggered_at"), "triggered_at", utc=True),
            wanted=wanted,
        )

    # Connection -----------------------------------------------------------

    def _authorization(self):
        public, secret = self._needed("api_key"), self._needed("api_secret")

        def sign(request):
            date = utc_text(datetime.now(timezone.utc))
            signed = signature(
                secret, public, request.method, request.path_url, request.body, date
            )
            told = {"x-public": public, "x-date": date, "x-hash": signed}
            request.headers.update(told)
            return request

        def check(method: str, answer: Answer) -> None:
            given = answer.headers.get("x-hash")
            if not given or self.settings.get("check_answers") == "no":
                return
            date = answer.headers.get("x-date") or ""
            right = signature(secret, public, method, answer.path, answer.content, date)
            if not hmac.compare_digest(given.lower().encode(), right.encode()):
                raise Refused(
                    _lt("The answer does not bear the signature of the shop.")
                )

        return {
            "headers": {"Accept": MEDIA},
            "auth": sign,
            "check": check,
            "busy_wait": lambda headers: 60.0,
        }


# What the things of each kind are called in a notice.
NAMES = {"returns": "return", "invoices": "invoice", "orders": "sale"}


def signature(
    secret: str, public: str, method: str, path: str, body: Any, date: str
) -> str:
    """The hash of a call or an answer: `public|METHOD|/path?query|body|date`."""
    if isinstance(body, str):
        body = body.encode()
    head = f"{public}|{method.upper()}|{path}|".encode()
    whole = head + (body or b"") + f"|{date}".encode()
    return hmac.new(secret.encode(), whole, hashlib.sha512).hexdigest()


def number_in(data: Mapping[str, Any], name: str) -> str:
    """The number at the end of an address; nothing where there is none."""
    found = re.search(r"/(\d+)/?$", text(data, name))
    return found.group(1) if found else ""


def utc_text(value: datetime) -> str:
    """A time as the API writes it."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
