"""Calls to a marketplace: bounded in time and size, retried, without secrets in logs.

Every call ends in an `Answer`, or in `TryAgainLater` (busy, down, out of reach) or
`Refused` (no for good).
"""

from __future__ import annotations

import base64
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from .addresses import checked_base_url, is_loopback, origin
from .errors import Refused, TryAgainLater, Unreadable
from .marks import _lt
from .readers import PLAIN_ID, parse_json

_logger = logging.getLogger(__name__)

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 3
MAX_BYTES = 20 * 1024 * 1024
USER_AGENT = "avoir (Odoo addon)"


@dataclass(frozen=True)
class Answer:
    """What a shop answered: the whole body, and headers whose case does not matter.

    `path` is that of the call with its query, exactly as it was sent.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    path: str = ""


class Http:
    """One session with one shop.

    `base_url` is where every call goes: https, or http on loopback.
    `auth` is (name, secret), or a function that signs a prepared request.
    `renew` is called when a call is not let in, once a call: True when the token was
    thrown away and the call should be made again. `check` sees the method and every
    good answer, and may raise. `busy_wait` gives, from the headers, the wait in
    seconds on a 429 that does not say how long.
    `secrets` are the texts that must never be shown; those of `auth` and `headers`
    are added by themselves. `patience` bounds one call, its retries and waits
    included, in seconds; `timeout` is (connect, read) and bounds one try.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: tuple[str, str] | Callable[[Any], Any] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        timeout: tuple[float, float] = (5, 20),
        patience: float = 30,
        max_bytes: int = MAX_BYTES,
        sleep: Callable[[float], None] = time.sleep,
        renew: Callable[[], bool] | None = None,
        check: Callable[[str, Answer], None] | None = None,
        busy_wait: Callable[[Mapping[str, str]], float] | None = None,
    ):
        self.base_url = checked_base_url(base_url)
        self._timeout = timeout
        self._patience = patience
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._renew = renew
        self._check = check
        self._busy_wait = busy_wait
        # Until when the other side lets nobody in.
        self._closed_until = 0.0
        self._hidden = hidden_texts(auth, headers, secrets)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.headers.update(headers or {})
        # An explicit auth, even one that does nothing, keeps ~/.netrc out of it.
        self._session.auth = auth or (lambda request: request)
        if is_loopback(urlsplit(self.base_url).hostname):
            self._session.trust_env = False

    def __repr__(self):
        return f"<Http {self.base_url}>"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """GET a path under the base address."""
        return self._call("GET", path, params=params)

    def post(self, path: str, json: Any, retry: bool = True) -> Answer:
        """POST JSON; `retry` False where doing it twice would matter."""
        return self._call("POST", path, json=json, retry=retry)

    def put(self, path: str, json: Any, content_type: str = "") -> Answer:
        """PUT JSON, under another name of it where the other side has one."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self._call("PUT", path, json=json, headers=headers)

    def post_form(self, path: str, data: Mapping[str, str]) -> Answer:
        """POST a form; done again when the answer is lost."""
        return self._call("POST", path, data=dict(data))

    def post_file(self, path: str, name: str, filename: str, content: bytes) -> Answer:
        """POST one PDF in a form, once."""
        file = (filename, content, "application/pdf")
        return self._call("POST", path, files={name: file}, retry=False)

    def hide(self, text: str) -> str:
        """Never show this text either; it is given back."""
        if len(text) >= 4 and text not in self._hidden:
            self._hidden = (text, *self._hidden)
        return text

    def get_json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a path and read its JSON; numbers with decimals stay exact."""
        return self.json_of(self.get(path, params))

    def json_of(self, answer: Answer) -> Any:
        """The JSON of an answer; raises `Unreadable`."""
        try:
            return parse_json(answer.content)
        except Unreadable:
            raise Unreadable(_lt("The shop's answer is not JSON.")) from None

    def redact(self, text: Any) -> str:
        """The text without any secret of this session."""
        text = str(text)
        for hidden in self._hidden:
            text = text.replace(hidden, "***")
        return text

    # ----------------------------------------------------------------------

    def _call(self, method: str, path: str, *, retry: bool = True, **kwargs) -> Answer:
        url = f"{self.base_url}/{path.lstrip('/')}"
        deadline = time.monotonic() + self._patience
        attempt, renewed = 0, False
        while True:
            try:
                return self._attempt(method, url, deadline, kwargs)
            except Refused as refused:
                if (
                    renewed
                    or refused.status not in (401, 403)
                    or not (self._renew and self._renew())
                ):
                    raise
                renewed = True
                continue
            except TryAgainLater as problem:
                asked = problem.retry_after
                wait = backoff(attempt) if asked is None else asked
                if not retry or time.monotonic() + wait > deadline:
                    raise
                _logger.info("%s: waiting %.1f s", problem, wait)
            self._sleep(wait)
            attempt += 1

    def _attempt(self, method, url, deadline, kwargs) -> Answer:
        """One try. An exception can hold the request: only its kind is told."""
        host = self._host()
        self._wait_for_the_door(deadline)
        try:
            answer = self._send(method, url, deadline, kwargs)
        except requests.exceptions.SSLError:
            raise Refused(
                _lt("%(host)s: its certificate is not valid."), host=host
            ) from None
        except (
            requests.exceptions.InvalidHeader,
            requests.exceptions.InvalidURL,
            UnicodeError,
        ):
            raise Refused(
                _lt("The account's address or secrets cannot be sent: enter them anew.")
            ) from None
        except requests.exceptions.Timeout:
            raise TryAgainLater(
                _lt("%(host)s does not answer in time"), host=host
            ) from None
        except (requests.exceptions.RequestException, OSError) as error:
            kind = type(error).__name__
            raise TryAgainLater(
                _lt("%(host)s is out of reach (%(kind)s)"), host=host, kind=kind
            ) from None
        self._closed_until = time.monotonic() + spent_limit(answer.headers)
        if answer.status in RETRIED:
            wait = retry_after(answer.headers.get("Retry-After"))
            if wait is None and answer.status == 429:
                wait = spent_limit(answer.headers) or None
                if wait is None and self._busy_wait:
                    wait = self._busy_wait(answer.headers)
            raise TryAgainLater(
                _lt("%(host)s is busy or down (%(answer)s)"),
                wait,
                host=host,
                answer=answer.status,
            )
        if answer.status >= 400:
            raise self._refusal(answer)
        if self._check:
            self._check(method, answer)
        return answer

    def _wait_for_the_door(self, deadline) -> None:
        """Wait until the next call is allowed, if that is soon."""
        wait = self._closed_until - time.monotonic()
        if wait <= 0:
            return
        if time.monotonic() + wait > deadline:
            raise TryAgainLater(
                _lt("%(host)s asks to go slower"), wait, host=self._host()
            )
        self._sleep(wait)

    def _send(self, method, url, deadline, kwargs) -> Answer:
        connect, read = self._timeout
        for _hop in range(MAX_REDIRECTS + 1):
            left = max(deadline - time.monotonic(), 0.1)
            response = self._session.request(
                method,
                url,
                timeout=(min(connect, left), min(read, left)),
                allow_redirects=False,
                stream=True,
                **kwargs,
            )
            with response:
                content = self._read_whole(response, deadline)
            path = response.request.path_url
            answer = Answer(response.status_code, response.headers, content, path)
            if answer.status not in REDIRECTS:
                return answer
            url = self._redirected(method, url, answer)
            kwargs = {key: kwargs[key] for key in kwargs if key != "params"}
        raise Refused(
            _lt("%(host)s redirects in circles."), answer.status, host=self._host()
        )

    def _redirected(self, method, url, answer: Answer) -> str:
        """Where a redirect leads; only a GET, and only to the very same host."""
        target = urljoin(url, answer.headers.get("Location", ""))
        if method != "GET" or origin(target) != origin(self.base_url):
            raise Refused(
                _lt(
                    "%(host)s redirects elsewhere: check the address of the shop on the"
                    " account."
                ),
                answer.status,
                host=self._host(),
            )
        return target

    def _read_whole(self, response: requests.Response, deadline) -> bytes:
        """The body, up to the limits of size and time."""
        chunks, size = [], 0
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > self._max_bytes:
                raise Refused(
                    _lt("The answer of %(host)s is too large."), host=self._host()
                )
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout()
            chunks.append(chunk)
        return b"".join(chunks)

    def _refusal(self, answer: Answer) -> Refused:
        status, code = answer.status, self.redact(error_code(answer))
        if status in (401, 403):
            text = _lt("%(host)s does not accept the account's secrets (%(answer)s).")
        elif status in (404, 410):
            text = _lt("%(host)s does not know what was asked for (%(answer)s).")
        else:
            text = _lt("%(host)s refuses the call (%(answer)s).")
        told = f"{status}, {code}" if code else str(status)
        return Refused(text, status, code, host=self._host(), answer=told)

    def _host(self) -> str:
        return urlsplit(self.base_url).netloc


def backoff(attempt: int) -> float:
    """Seconds before the next try: about 0.5, 1, 2, 4… at most 10."""
    return min(10.0, 0.5 * 2**attempt) * random.uniform(0.8, 1.2)


def retry_after(header: str | None) -> float | None:
    """The seconds of a Retry-After header, given in seconds or as a date."""
    if not header:
        return None
    if header.strip().replace(".", "", 1).isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def spent_limit(headers: Mapping[str, str]) -> float:
    """Seconds until calls are allowed again, by X-RateLimit-Remaining and -Reset.

    Reset is told in seconds or as a moment (seconds since 1970); 0 when calls are left.
    """
    if (headers.get("X-RateLimit-Remaining") or "").strip() != "0":
        return 0.0
    try:
        reset = float(headers.get("X-RateLimit-Reset") or 0)
    except ValueError:
        return 0.0
    if reset > 1e9:
        reset -= time.time()
    return min(max(reset, 0.0), 3600.0)


def error_code(answer: Answer) -> str:
    """The short code in a JSON error body, or nothing.

    `{"code": "rest_no_route"}`, `{"error": "invalid_grant"}` (OAuth) or
    `{"errors": [{"code": "QuotaExceeded"}]}`.

    Nothing else of the body is ever shown: it can hold anything.
    """
    try:
        body = parse_json(answer.content)
        first = (body.get("errors") or [{}])[0]
        code = body.get("code") or body.get("error") or first.get("code")
    except (Unreadable, LookupError, TypeError, AttributeError):
        return ""
    return code if isinstance(code, str) and PLAIN_ID.fullmatch(code) else ""


def hidden_texts(auth, headers, secrets) -> tuple[str, ...]:
    """All that may not be shown, the longest first."""
    texts = {*secrets, *(headers or {}).values()}
    if isinstance(auth, tuple):
        pair = ":".join(auth)
        texts |= {auth[1], base64.b64encode(pair.encode()).decode()}
    return tuple(sorted((t for t in texts if len(t) >= 4), key=len, reverse=True))
