"""bol.com, Retailer API v10.

No event tells of a return: returns are polled, in two lists (open and handled) for
each kind of fulfilment. They have no date to search by: the open ones are read whole
each time, the handled ones, newest first, until they are older than the look-back.
Every state of a return is a message of its own; unchanged ones have the same key.

Webhooks exist for other things (orders, processes). Their RSA signature is checked
with keys that are fetched once a day, and when an unknown one is named.

bol.com takes the PDF of an invoice by shipment and knows no credit notes: what it
makes of one is not known, so its 202 is never taken for acceptance.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ..addresses import host_of, is_loopback
from ..errors import Refused, Unreadable, Untrusted
from ..http import Http
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, Process
from ..polling import Part, Stream, floor
from ..readers import identifier, mapping, moment, optional_identifier, rows, text
from ..tokens import Token, token_answer
from .base import Marketplace
from .bol_return import HANDLING_RESULTS, REFUNDING, return_notices, times_of
from .events import digest, event_key, fetched_or_broken
from .fields import Credential, Option

MEDIA = "application/vnd.retailer.v10+json"
API = "https://api.bol.com"
LOGIN = "https://login.bol.com"
PAGE_SIZE = 50
KEYS_LAST = 24 * 3600
# A delivery is to be answered within five seconds.
PATIENCE_OF_WEBHOOK = 2.0
KEYS_NOT_BEFORE = 300
HANDLINGS = {
    "received": "RETURN_RECEIVED",
    "exchanged": "EXCHANGE_PRODUCT",
    "rejected": "RETURN_DOES_NOT_MEET_CONDITIONS",
    "repaired": "REPAIR_PRODUCT",
    "kept": "CUSTOMER_KEEPS_PRODUCT_PAID",
    "approved_after_all": "STILL_APPROVED",
}
PROCESS_STATES = {"SUCCESS": "success", "FAILURE": "failure", "TIMEOUT": "failure"}


class Bol(Marketplace):
    """A seller on bol.com: returns without any money, which the invoice decides."""

    code = "bol"
    label = "bol.com"
    names_amounts = False
    webhook_may_call = True
    webhook_topics = ("PROCESS_STATUS",)
    handlings = tuple(HANDLINGS)
    uploads = ("invoice", "credit_note")
    credential_fields = (
        Credential(
            "base_url", _lt("API address"), secret=False, required=False, default=API
        ),
        Credential("api_key", _lt("Client ID"), secret=False),
        Credential("api_secret", _lt("Client secret")),
    )
    option_fields = (
        Option(
            "fulfilment",
            _lt("Returns of orders fulfilled by"),
            kind="multiple",
            choices=(("FBR", _lt("the seller (FBR)")), ("FBB", _lt("bol.com (FBB)"))),
            default="FBR,FBB",
        ),
        Option(
            "refund_results",
            _lt("Results that mean a refund"),
            kind="multiple",
            choices=tuple((code, label) for code, label in HANDLING_RESULTS),
            default=",".join(REFUNDING),
            help=_lt(
                "bol.com tells no refunds: it pays back what was handled like this."
            ),
        ),
        Option(
            "look_back",
            _lt("Days to look back"),
            kind="number",
            default="60",
            help=_lt("How long after its registration a return may still be handled."),
        ),
        Option(
            "environment",
            _lt("Environment"),
            choices=(
                ("retailer", _lt("Live")),
                ("retailer-demo", _lt("Demo of bol.com")),
            ),
            default="retailer",
        ),
    )

    # Polling --------------------------------------------------------------

    def _streams(self):
        for method in ("FBR", "FBB"):
            if method in self._chosen("fulfilment"):
                for handled in (False, True):
                    yield self._stream(method, handled)

    def _stream(self, method: str, handled: bool) -> Stream:
        params = {
            "fulfilment-method": method,
            "handled": "true" if handled else "false",
        }

        def parts(since: datetime, until: datetime, at: Any) -> Iterator[Part]:
            oldest = floor(since, timedelta(days=self._look_back), self._start)
            page = at or 1
            while page:
                found = self._returns({**params, "page": page})
                last = len(found) < PAGE_SIZE
                if handled:
                    last = last or newest(found) < oldest
                    # Of these it is known when they were dealt with.
                    found = [data for data in found if newest([data]) >= oldest]
                page = None if last else page + 1
                make = partial(self._fetched, method)
                yield Part([fetched_or_broken(make, "return", d) for d in found], page)

        return Stream(f"{method} {'handled' if handled else 'open'}", parts)

    def _returns(self, params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        answer = self.http.get_json(self._path("returns"), params)
        return rows(mapping(answer, "answer"), "returns")

    def _fetched(self, method: str, data: Mapping[str, Any]) -> Fetched:
        """A return as a message; the lists may leave out the fulfilment asked for."""
        data = {"fulfilmentMethod": method, **data}
        items = rows(data, "returnItems")
        body = json.dumps(data, sort_keys=True, default=str).encode()
        return_id = identifier(data, "returnId")
        event = IncomingEvent(
            event_key=event_key("return", return_id, digest(body)),
            topic="return",
            external_ids=tuple(
                f"return:{return_id}-{identifier(item, 'rmaId')}" for item in items
            ),
            order_external_id=optional_identifier(items[0], "orderId") if items else "",
            wanted=bool(items),
        )
        return Fetched(event, body)

    @property
    def _look_back(self) -> int:
        days = self.settings.get("look_back", "")
        return min(int(days), 3650) if days.isdecimal() else 60

    # Messages -------------------------------------------------------------

    def _notices(self, topic, data):
        if topic == "return":
            return return_notices(data, self._chosen("refund_results"))
        return []

    def _refresh(self, kind, number, order_external_id):
        return_id, _rma = two_ids(number)
        data = self.http.get_json(self._path(f"returns/{return_id}"))
        for notice in return_notices(data, self._chosen("refund_results")):
            if notice.external_id == f"{kind}:{number}":
                return notice
        return None

    # Doing ----------------------------------------------------------------

    def _report_return(self, external_id, handling, quantity):
        rma_id = two_ids(external_id.partition(":")[2])[1]
        if quantity < 1:
            raise Refused(_lt("The quantity that came back must be at least 1."))
        answer = self.http.put(
            self._path(f"returns/{rma_id}"),
            {"handlingResult": HANDLINGS[handling], "quantityReturned": int(quantity)},
            content_type=MEDIA,
        )
        return process(self.http.json_of(answer))

    def _upload_document(self, kind, order_external_id, filename, content, barcodes):
        shipment = self._shipment(order_external_id, barcodes)
        answer = self.http.post_file(
            self._path(f"shipments/invoices/{shipment}"), "invoice", filename, content
        )
        return process(self.http.json_of(answer))

    def _shipment(self, order_external_id: str, barcodes: tuple[str, ...]) -> str:
        """The shipment of an order; that with these articles, if there are several."""
        order_id = identifier({"order": order_external_id}, "order")
        answer = self.http.get_json(
            self._path("shipments"), {"order-id": order_id, "page": 1}
        )
        found = rows(mapping(answer, "answer"), "shipments")
        if not found:
            raise Refused(
                _lt("Order %(order)s has no shipment to give a document to."),
                order=order_id,
            )
        wanted = {barcode.lstrip("0") for barcode in barcodes}

        def articles(shipment):
            eans = {text(row, "ean") for row in rows(shipment, "shipmentItems")}
            return len(wanted & {ean.lstrip("0") for ean in eans})

        return identifier(max(found, key=articles), "shipmentId")

    def _process_status(self, external_id):
        number = identifier({"id": external_id})
        return process(self.http.get_json(f"/shared/process-status/{number}"))

    def _check_connection(self):
        self._returns({"fulfilment-method": "FBR", "handled": "false", "page": 1})

    # Webhooks -------------------------------------------------------------

    # How long a call may take, in all: less while a delivery waits for its answer.
    _patience = 30.0

    def _check_signature(self, headers, body):
        if self._http is None:
            self._patience = PATIENCE_OF_WEBHOOK
        given = signature_parts(headers.get("signature", ""))
        if given.get("algorithm", "").lower() != "rsa-sha256":
            raise Untrusted("The delivery is not signed.")
        try:
            signature = base64.b64decode(given.get("signature", ""), validate=True)
        except (binascii.Error, ValueError):
            raise Untrusted("The signature cannot be read.") from None
        key = self._public_key(given.get("keyid", ""))
        try:
            key.verify(signature, body, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise Untrusted("The signature does not fit the body.") from None

    def _public_key(self, key_id: str) -> RSAPublicKey:
        """A key of the marketplace, fetched when it is not known yet."""
        keys = self._kept_keys()
        if key_id not in keys:
            asked = self._cached("keys asked", self.settings.get("api_secret", ""))
            if self._cache.get(asked):
                raise Untrusted("The delivery is signed with an unknown key.")
            keys = self._fetched_keys()
            self._cache.set(asked, "1", KEYS_NOT_BEFORE)
        if key_id not in keys:
            raise Untrusted("The delivery is signed with an unknown key.")
        try:
            key = load_der_public_key(base64.b64decode(keys[key_id]))
        except (ValueError, TypeError) as error:
            raise Untrusted("The key of the marketplace cannot be read.") from error
        if not isinstance(key, RSAPublicKey):
            raise Untrusted("The key of the marketplace is not of the agreed kind.")
        return key

    def _kept_keys(self) -> dict[str, str]:
        kept = self._cache.get(self._cached("keys"))
        return json.loads(kept) if kept else {}

    def _fetched_keys(self) -> dict[str, str]:
        answer = self.http.get_json(self._path("subscriptions/signature-keys"))
        keys = {
            text(row, "id"): text(row, "publicKey")
            for row in rows(mapping(answer, "answer"), "signatureKeys")
            if text(row, "type").upper() == "RSA"
        }
        self._cache.set(self._cached("keys"), json.dumps(keys), KEYS_LAST)
        return keys

    def _topic(self, headers):
        return ""

    def _event(self, topic, headers, data):
        event = mapping(data["event"], "event")
        stamp = text(data, "timestamp") or text(data, "timeStamp")
        resource, kind = text(event, "resource"), text(event, "type")
        return IncomingEvent(
            event_key=event_key(
                resource, kind, text(event, "resourceId"), digest(stamp)
            ),
            topic=resource[:64],
            sent_at=moment(stamp, "timestamp"),
            # Nothing of what is told concerns returns.
            wanted=False,
        )

    # Connection -----------------------------------------------------------

    def _path(self, path: str) -> str:
        demo = self.settings.get("environment") == "retailer-demo"
        return f"/{'retailer-demo' if demo else 'retailer'}/{path}"

    def _authorization(self):
        token = self._token()

        def sign(request):
            request.headers["Authorization"] = f"Bearer {self.http.hide(token.value())}"
            return request

        return {
            "headers": {"Accept": MEDIA},
            "auth": sign,
            "renew": token.forget,
            "busy_wait": lambda headers: 60.0,
            "patience": self._patience,
        }

    def _token(self) -> Token:
        key, secret = self._needed("api_key"), self._needed("api_secret")

        def fetch():
            base = self.settings["base_url"]
            login = base if is_loopback(host_of(base)) else LOGIN
            http = Http(
                login,
                auth=(key, secret),
                sleep=self._sleep,
                patience=self._patience,
            )
            try:
                return token_answer(
                    http, "/token", {"grant_type": "client_credentials"}
                )
            finally:
                http.close()

        return Token(self._cache, self._cached("token", key, secret), fetch)


def process(data: Any) -> Process:
    """The state of something asked for; only SUCCESS is a success."""
    data = mapping(data, "process")
    return Process(
        external_id=text(data, "processStatusId") or text(data, "id"),
        state=PROCESS_STATES.get(text(data, "status").upper(), "pending"),
        message=text(data, "errorMessage")[:300],
    )


def newest(found: list[Mapping[str, Any]]) -> datetime:
    """The latest moment that any of these returns names."""
    times = []
    for data in found:
        # What is broken becomes a message that says so; it has no say here.
        with suppress(Unreadable):
            times += times_of(data)
    return max(times, default=datetime.max.replace(tzinfo=timezone.utc))


def two_ids(number: str) -> tuple[str, str]:
    """The return and the RMA in the number of a notice: 15892026-60278123."""
    return_id, _, rest = number.partition("-")
    rma_id = rest.partition("-")[0]
    return identifier({"id": return_id}), identifier({"id": rma_id})


def signature_parts(header: str) -> dict[str, str]:
    """`keyId=0, algorithm="rsa-sha256", signature=…` by its names, in lowercase.

    The signature itself ends in `=`: only the first one divides.
    """
    parts = {}
    for part in header[:2000].split(","):
        name, _, value = part.partition("=")
        parts[name.strip().lower()] = value.strip().strip('"')
    return parts
