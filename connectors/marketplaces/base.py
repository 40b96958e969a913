"""What the addon asks of a marketplace.

The skeleton of every step is here and the few lines that differ are in each
provider. A provider is one class in one file of this folder, named in the
registry of `marketplaces/__init__.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from ..errors import Refused, Unreadable, Untrusted
from ..http import Http
from ..notices import Fetched, IncomingEvent, Ping, ReturnNotice
from ..readers import parse_json


@dataclass(frozen=True)
class Credential:
    """One thing that an account must or may hold to speak with the marketplace.

    `name` is the key in the settings, and the name of the field on the account's
    form: base_url, api_key, api_secret, access_token, webhook_secret,
    webhook_secret_previous.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    help: str = ""


class Marketplace(ABC):
    """A shop on a marketplace, as told by its account's settings.

    Makes no call by itself; `read`, `refresh` and `poll` may. Not shared between
    threads. Use it in a `with` block, or call `close()`, to let go of connections.
    """

    code: ClassVar[str]
    label: ClassVar[str]
    credential_fields: ClassVar[tuple[Credential, ...]] = ()
    # What to have the shop send to the webhook's address.
    webhook_topics: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        settings: Mapping[str, Any],
        sleep: Callable[[float], None] = time.sleep,
    ):
        """Take the account's settings by name; tests give a `sleep` of their own."""
        self.settings = {
            key: str(value or "").strip() for key, value in settings.items()
        }
        self._sleep = sleep
        self._http: Http | None = None

    # What the addon calls -------------------------------------------------

    def verify(self, headers: Mapping[str, str], body: bytes) -> IncomingEvent | Ping:
        """Check the signature over the raw body and say what it is.

        Raises `Untrusted`, and nothing else: a signed body that cannot be read
        is an event with `readable` False.
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

    def read(self, body: bytes, topic: str) -> list[ReturnNotice]:
        """Turn a stored message into notices, fetching what it only names.

        Raises `Unreadable`, `TryAgainLater` or `Refused`. Reading the same message
        again gives notices with the same `external_id`s.
        """
        with careful_reading():
            return self._notices(topic, parse_json(body))

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

    def poll(self, since: datetime) -> Iterator[Fetched]:
        """Messages of what changed since then, with the webhook's event keys.

        Raises what `read` raises.
        """
        with careful_reading():
            yield from self._poll(since)

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
    def _notices(self, topic: str, data: Any) -> list[ReturnNotice]:
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

    def _poll(self, since: datetime) -> Iterator[Fetched]:
        """See `poll`."""
        return iter(())

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

    def _needed(self, name: str) -> str:
        """A credential that a call cannot do without; raises `Refused`."""
        if not self.settings.get(name):
            labels = {field.name: field.label for field in self.credential_fields}
            raise Refused(f"The account lacks this: {labels.get(name, name)}.")
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


def hmac_sha256(secret: str, body: bytes) -> bytes:
    """The base64 of the HMAC-SHA256 of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def digest(*parts: bytes | str) -> str:
    """A short stable fingerprint, for keys."""
    raw = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(raw).hexdigest()[:32]


def event_key(*parts: str) -> str:
    """A key of these parts, of a bounded length."""
    key = ":".join(part for part in parts if part)
    return key if len(key) <= 120 else f"{key[:80]}:{digest(key)}"


@contextmanager
def careful_reading() -> Iterator[None]:
    """Turn what a body of an unforeseen shape provokes into `Unreadable`."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        told = f"{type(error).__name__}: {error}"[:120]
        told = told.encode("ascii", "backslashreplace").decode().replace("\0", "")
        raise Unreadable(f"Unexpected content ({told})") from error


def dedupe(values: Iterable[str]) -> tuple[str, ...]:
    """The values without empty and repeated ones, in their order."""
    return tuple(dict.fromkeys(value for value in values if value))
