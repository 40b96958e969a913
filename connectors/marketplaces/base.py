"""What the addon asks of a marketplace.

The skeleton of every step is here and the few lines that differ are in each
provider. A provider is one class in one file of this folder, named in the
registry of `marketplaces/__init__.py`.
"""

from __future__ import annotations

import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ..cache import Cache, Memory
from ..documents import InvoiceNotice, OrderNotice
from ..errors import LACKS, Refused, Unreadable, Untrusted
from ..files import TOPIC, FileFormat, FileReading, read_file, read_message
from ..http import Http
from ..marks import _lt
from ..notices import Fetched, IncomingEvent, Page, Ping, Process, ReturnNotice
from ..plain_file import PLAIN
from ..polling import Part, Stream, poll_pages
from ..readers import moment, parse_json
from .events import careful_reading, digest, event_key, hmac_sha256
from .fields import Credential, Option

Notice = ReturnNotice | InvoiceNotice | OrderNotice


class Marketplace(ABC):
    """A shop on a marketplace, as told by its account's settings.

    Makes no call by itself; `read`, `refresh` and `poll` may. Not shared between
    threads. Use it in a `with` block, or call `close()`, to let go of connections.
    """

    code: ClassVar[str]
    label: ClassVar[str]
    credential_fields: ClassVar[tuple[Credential, ...]] = ()
    option_fields: ClassVar[tuple[Option, ...]] = ()
    # What to have the shop send to the webhook's address.
    webhook_topics: ClassVar[tuple[str, ...]] = ()
    # What can be done with this marketplace.
    polls: ClassVar[bool] = True
    webhooks: ClassVar[bool] = True
    # The webhook's signature needs the marketplace's public keys: see `verify`.
    webhook_may_call: ClassVar[bool] = False
    # Deliveries are not signed: the address itself must be unguessable.
    webhook_is_a_hint: ClassVar[bool] = False
    names_amounts: ClassVar[bool] = True
    has_fees: ClassVar[bool] = False
    imports_invoices: ClassVar[bool] = False
    imports_orders: ClassVar[bool] = False
    # What `report_return` and `upload_document` take here; () for neither.
    handlings: ClassVar[tuple[str, ...]] = ()
    uploads: ClassVar[tuple[str, ...]] = ()
    # Files with returns that people download there, beside the plain ones.
    file_formats: ClassVar[tuple[FileFormat, ...]] = ()

    def __init__(
        self,
        settings: Mapping[str, Any],
        sleep: Callable[[float], None] = time.sleep,
        cache: Cache | None = None,
    ):
        """Take the account's settings by name; tests give a `sleep` of their own.

        `cache` keeps tokens and public keys longer than this object lives.
        """
        given = {key: str(value or "").strip() for key, value in settings.items()}
        # Of what takes several, choosing none is a choice too.
        several = {one.name for one in self.option_fields if one.kind == "multiple"}
        chosen = {k: v for k, v in given.items() if v or k in several}
        self.settings = {**self._defaults(), **chosen}
        self._sleep = sleep
        self._cache = Memory() if cache is None else cache
        self._http: Http | None = None

    # What the addon calls -------------------------------------------------

    def verify(self, headers: Mapping[str, str], body: bytes) -> IncomingEvent | Ping:
        """Check the signature over the raw body and say what it is.

        Raises `Untrusted`: a signed body that cannot be read is an event with
        `readable` False. Where `webhook_may_call`, also `TryAgainLater` and `Refused`
        when the keys are needed and cannot be had: answer 503, so that it comes again.
        """
        headers = {name.lower(): value for name, value in headers.items()}
        ping = self._ping(headers, body)
        if ping:
            return ping
        self._check_signature(headers, body)
        # Headers are not signed, and PostgreSQL stores no NUL.
        topic = self._topic(headers).replace("\0", "")[:64]
        try:
            with careful_reading():
                return self._event(topic, headers, parse_json(body))
        except Unreadable:
            return IncomingEvent(
                event_key=event_key("body", digest(body)), topic=topic, readable=False
            )

    def read(self, body: bytes, topic: str) -> list[Notice]:
        """Turn a stored message into notices, fetching what it only names.

        Returns, refunds and ends of orders; invoices and orders too where the
        marketplace `imports_invoices` or `imports_orders`.

        Raises `Unreadable`, `TryAgainLater` or `Refused`. Reading the same message
        again gives notices with the same `external_id`s.
        """
        with careful_reading():
            if topic.startswith(TOPIC):
                return [*read_message(self.all_formats(), topic, parse_json(body))]
            return self._notices(topic, parse_json(body))

    @classmethod
    def all_formats(cls) -> tuple[FileFormat, ...]:
        """The files that can be read for such a shop: its own, and plain ones."""
        return (*cls.file_formats, PLAIN)

    @classmethod
    def read_file(cls, content: bytes, filename: str) -> FileReading:
        """Read a file of returns and refunds; raises `Unreadable`."""
        return read_file(content, filename, cls.all_formats())

    def prepare(self, messages: Iterable[tuple[bytes, str]]) -> None:
        """Fetch at once what reading these (body, topic) will need one by one.

        Never needed, only faster; raises what `read` raises of the shop itself.
        """
        with careful_reading():
            self._prepare(messages)

    def refresh(
        self, external_id: str, order_external_id: str = ""
    ) -> ReturnNotice | None:
        """Fetch a notice as it is now; None where the marketplace cannot tell.

        Raises what `read` raises.
        """
        kind, _, number = external_id.partition(":")
        with careful_reading():
            return self._refresh(kind, number, order_external_id)

    def poll_pages(
        self, cursor: str, since: datetime, until: datetime | None = None
    ) -> Iterator[Page]:
        """What changed from `since` to `until` (now), page by page, with the
        webhook's event keys.

        Store a page and its cursor together. A `cursor` of an earlier page goes on
        after that page, in its window: `since` and `until` then do not matter. Windows
        may overlap. A page may be empty. Raises what `read` raises; the cursor stored
        last stays good.

        Some look further back than `since`, as platforms are late or tell no date of
        change; never before the setting `start` (a time, in UTC without a zone), so
        that what was dealt with before the account was made is not booked now.
        """
        with careful_reading():
            yield from poll_pages(self._streams(), cursor, since, until, self._start)

    def poll(self, since: datetime) -> Iterator[Fetched]:
        """The messages of all pages, for who needs no cursor."""
        for page in self.poll_pages("", since):
            yield from page.messages

    def check_connection(self) -> None:
        """Make one harmless call; raises `Refused` or `TryAgainLater`."""
        with careful_reading():
            self._check_connection()

    def report_return(self, external_id: str, handling: str, quantity: int) -> Process:
        """Tell the marketplace what was decided of a return.

        `external_id` is the notice's; `handling` is one of `handlings`. Doing it twice
        is harmless. Raises `Refused` or `TryAgainLater`.
        """
        if handling not in self.handlings:
            raise Refused(
                _lt("%(shop)s cannot be told this of a return: %(result)s."),
                shop=self.label,
                result=handling,
            )
        with careful_reading():
            return self._report_return(external_id, handling, quantity)

    def upload_document(
        self,
        kind: str,
        order_external_id: str,
        filename: str,
        content: bytes,
        barcodes: Iterable[str] = (),
    ) -> Process:
        """Give the marketplace the PDF of an invoice or a credit note.

        `kind` is one of `uploads`; `barcodes` of the articles on it help to find the
        shipment. That it is taken does not mean that it is accepted. Doing it twice
        may send it twice. Raises `Refused` or `TryAgainLater`.
        """
        if kind not in self.uploads:
            raise Refused(
                _lt("%(shop)s takes no such document: %(kind)s."),
                shop=self.label,
                kind=kind,
            )
        with careful_reading():
            return self._upload_document(
                kind, order_external_id, filename, content, tuple(barcodes)
            )

    def process_status(self, external_id: str) -> Process:
        """How something that was asked for stands. Raises what `read` raises."""
        with careful_reading():
            return self._process_status(external_id)

    def close(self) -> None:
        """Close the connections."""
        if self._http:
            self._http.close()
            self._http = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    # What a provider fills in ---------------------------------------------

    @abstractmethod
    def _check_signature(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `Untrusted` unless the body is signed; header names in lowercase."""

    @abstractmethod
    def _topic(self, headers: Mapping[str, str]) -> str:
        """The topic of the delivery."""

    @abstractmethod
    def _event(
        self, topic: str, headers: Mapping[str, str], data: Any
    ) -> IncomingEvent:
        """What this delivery is; raises `Unreadable`."""

    @abstractmethod
    def _notices(self, topic: str, data: Any) -> list[Notice]:
        """The notices in this message."""

    def _ping(self, headers: Mapping[str, str], body: bytes) -> Ping | None:
        """A greeting that is not signed, if the marketplace has such."""
        return None

    def _prepare(self, messages: Iterable[tuple[bytes, str]]) -> None:
        """See `prepare`: nothing, where one message is no dearer than many."""
        return None

    def _refresh(
        self, kind: str, number: str, order_external_id: str
    ) -> ReturnNotice | None:
        """See `refresh`, with the two parts of the notice's id."""
        return None

    def _streams(self) -> Iterable[Stream]:
        """The lists to be polled, in this order."""
        return ()

    def _check_connection(self) -> None:
        """See `check_connection`: the first page of a poll, unless overridden."""
        instant = datetime.now(timezone.utc)
        for stream in self._streams():
            next(iter(stream.parts(instant, instant, None)), Part())
            return

    def _report_return(self, external_id: str, handling: str, quantity: int) -> Process:
        """See `report_return`."""
        raise NotImplementedError

    def _upload_document(
        self,
        kind: str,
        order_external_id: str,
        filename: str,
        content: bytes,
        barcodes: tuple[str, ...],
    ) -> Process:
        """See `upload_document`."""
        raise NotImplementedError

    def _process_status(self, external_id: str) -> Process:
        """See `process_status`."""
        raise Refused(
            _lt("%(shop)s has nothing of which to ask the state."), shop=self.label
        )

    def _authorization(self) -> Mapping[str, Any]:
        """Arguments of `Http` that sign the calls to the shop."""
        return {}

    # What the providers share ---------------------------------------------

    @property
    def http(self) -> Http:
        """The connection to the shop; its address is the account's, always."""
        if self._http is None:
            secret = [field.name for field in self.credential_fields if field.secret]
            self._http = Http(
                self.settings.get("base_url", ""),
                secrets=[self.settings.get(name, "") for name in secret],
                sleep=self._sleep,
                **self._authorization(),
            )
        return self._http

    @classmethod
    def _defaults(cls) -> dict[str, str]:
        """What stands for settings that are left empty."""
        known = (*cls.credential_fields, *cls.option_fields)
        return {one.name: one.default for one in known if one.default}

    @property
    def _start(self) -> datetime | None:
        """Since when this account is in use, where that is told."""
        told = self.settings.get("start", "").replace(" ", "T", 1)
        return moment(told, "start", utc=True)

    def _chosen(self, name: str) -> frozenset[str]:
        """The choices of an option that takes several."""
        parts = self.settings.get(name, "").split(",")
        return frozenset(part.strip() for part in parts if part.strip())

    def _cached(self, what: str, *secrets: str) -> str:
        """The key of something in the cache, of these secrets alone."""
        return (
            f"{self.code}:{what}:{digest(self.settings.get('base_url', ''), *secrets)}"
        )

    def _needed(self, name: str) -> str:
        """A credential that a call cannot do without; raises `Refused`."""
        if not self.settings.get(name):
            labels = {field.name: field.label for field in self.credential_fields}
            raise Refused(LACKS, label=labels.get(name, name))
        return self.settings[name]

    def _webhook_secrets(self) -> list[str]:
        """The secrets accepted now: the current one, the old one on rotation."""
        names = ("webhook_secret", "webhook_secret_previous")
        return [self.settings[name] for name in names if self.settings.get(name)]

    def _check_hmac_sha256(self, given: str | None, body: bytes) -> None:
        """Compare base64(HMAC-SHA256(raw body)) in constant time."""
        secrets = self._webhook_secrets()
        if not secrets:
            raise Untrusted("This account has no webhook secret yet.")
        if not given:
            raise Untrusted("The delivery is not signed.")
        given_bytes = given.strip().encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(given_bytes, hmac_sha256(secret, body))
            for secret in secrets
        ]
        if not any(matches):
            raise Untrusted("The signature does not fit the body.")
