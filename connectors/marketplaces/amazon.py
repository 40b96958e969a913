"""Amazon, Selling Partner API: finances and the reports of returns.

There is no webhook: payments and two reports of returns are polled. Money comes from
the finances only, goods from the reports only, and nothing joins them but the order:
so a refund expects no goods, and a return has no amount.

The finances are asked for three minutes after the fact at the earliest and two days
back each time, as events may be late; in windows of less than 180 days, as longer
ones are answered with nothing. A page may be empty and still name a next one.

What was told by one version of the finances has other ids in the other one: an
account keeps to the one it began with.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from ..addresses import host_of, is_loopback, origin
from ..errors import LACKS, Refused, Unreadable, Untrusted
from ..files import NoRows, fetched_rows, read_file
from ..http import Http
from ..marks import _lt
from ..notices import Fetched
from ..polling import Part, Stream
from ..readers import identifier, mapping, text
from ..tokens import Token, token_answer
from . import amazon_events, amazon_transactions
from .amazon_report import FBA, MARKETPLACES, MFN
from .base import Marketplace
from .fields import Credential, Option

API = "https://sellingpartnerapi-eu.amazon.com"
LOGIN = "https://api.amazon.com"
EVENTS = "/finances/v0/financialEvents"
TRANSACTIONS = "/finances/2024-06-19/transactions"
REPORTS = "/reports/2021-06-30"
# Where report documents are kept; no other address in an answer is ever called.
DOCUMENT_HOSTS = (".amazonaws.com", ".cloudfront.net")
PAGE_SIZE = 100
LATE = timedelta(hours=48)
REPORT_LATE = timedelta(days=7)
YOUNGEST = timedelta(minutes=3)
LONGEST = timedelta(days=179)
LONGEST_REPORT = timedelta(days=59)
REPORT_EVERY = 6 * 3600
REPORT_WAIT = 60.0
MAX_REPORT = 200 * 1024 * 1024
MESSAGES_PER_PAGE = 500


class Amazon(Marketplace):
    """A seller on Amazon: refunds and fees by finances, returns by reports."""

    code = "amazon"
    label = "Amazon"
    webhooks = False
    has_fees = True
    file_formats = (FBA, MFN)
    credential_fields = (
        Credential(
            "base_url",
            _lt("API address"),
            secret=False,
            required=False,
            default=API,
            help=_lt("Europe when left empty; others have -na or -fe instead of -eu."),
        ),
        Credential("api_key", _lt("Client ID (LWA)"), secret=False),
        Credential("api_secret", _lt("Client secret (LWA)")),
        Credential("access_token", _lt("Refresh token")),
    )
    option_fields = (
        Option(
            "marketplace_ids",
            _lt("Marketplaces"),
            kind="multiple",
            choices=MARKETPLACES,
            help=_lt("Those whose returns are reported."),
        ),
        Option(
            "reports",
            _lt("Returns of orders fulfilled by"),
            kind="multiple",
            choices=(("fba", _lt("Amazon (FBA)")), ("mfn", _lt("the seller (MFN)"))),
            default="fba,mfn",
            help=_lt("The report of the seller's returns may need a role of its own."),
        ),
        Option(
            "finances",
            _lt("Version of the finances"),
            choices=(("v0", "v0"), ("2024-06-19", "2024-06-19")),
            default="v0",
            help=_lt(
                "Not to be changed later: refunds have other ids in the other one."
            ),
        ),
    )

    # Polling --------------------------------------------------------------

    def _streams(self):
        new = self.settings.get("finances") == "2024-06-19"
        yield Stream(
            "finances",
            self._transactions if new else self._events,
            overlap=LATE,
            lag=YOUNGEST,
            longest=LONGEST,
        )
        for name, file_format in (("fba", FBA), ("mfn", MFN)):
            if name in self._chosen("reports"):
                yield self._report_stream(name, file_format)

    def _events(self, since: datetime, until: datetime, at: Any) -> Iterator[Part]:
        params = {
            "PostedAfter": utc_text(since),
            "PostedBefore": utc_text(until),
            "MaxResultsPerPage": PAGE_SIZE,
        }
        for payload, token in self._paged(
            EVENTS, params, "NextToken", since, until, at
        ):
            events = mapping(payload.get("FinancialEvents"), "FinancialEvents")
            yield Part(list(amazon_events.messages(events)), token)

    def _transactions(
        self, since: datetime, until: datetime, at: Any
    ) -> Iterator[Part]:
        params = {"postedAfter": utc_text(since), "postedBefore": utc_text(until)}
        for payload, token in self._paged(
            TRANSACTIONS, params, "nextToken", since, until, at
        ):
            yield Part(list(amazon_transactions.messages(payload)), token)

    def _paged(
        self, path, params, token_name, since, until, token
    ) -> Iterator[tuple[Mapping[str, Any], str | None]]:
        """The pages of a list: empty ones too, as long as they name a next one."""
        while since < until:
            page = {**params, token_name: token} if token else params
            answer = mapping(self.http.get_json(path, page), "answer")
            # The schema has a payload; some answers are seen without it.
            payload = mapping(answer.get("payload", answer), "payload")
            token = text(payload, token_name) or None
            yield payload, token
            if not token:
                return

    # Reports --------------------------------------------------------------

    def _report_stream(self, name, file_format) -> Stream:
        def parts(since: datetime, until: datetime, at: Any) -> Iterator[Part]:
            key = self._cached(f"report {name}", *self._secrets())
            if at is None:
                if since >= until or (self._cache.get(key) or "9999") <= utc_text(
                    since
                ):
                    return
                at = {"report": self._create_report(file_format, since, until)}
                yield Part((), at)
            report_id = identifier(mapping(at, "at"), "report")
            document = self._finished_document(report_id)
            if document is None:
                yield Part((), at, REPORT_WAIT)
                return
            found = self._report_messages(file_format, document)
            start = int(at.get("from") or 0)
            while start + MESSAGES_PER_PAGE < len(found):
                following = start + MESSAGES_PER_PAGE
                yield Part(found[start:following], {**at, "from": following})
                start = following
            self._cache.set(key, utc_text(since), REPORT_EVERY)
            yield Part(found[start:])

        return Stream(
            f"{name} returns",
            parts,
            overlap=REPORT_LATE,
            lag=YOUNGEST,
            longest=LONGEST_REPORT,
        )

    def _create_report(self, file_format, since: datetime, until: datetime) -> str:
        wanted = sorted(self._chosen("marketplace_ids"))
        if not wanted:
            raise Refused(LACKS, label=_lt("Marketplaces"))
        asked = {
            "reportType": file_format.name,
            "marketplaceIds": wanted[:25],
            "dataStartTime": utc_text(since),
            "dataEndTime": utc_text(until),
        }
        answer = self.http.post(f"{REPORTS}/reports", asked)
        return identifier(mapping(self.http.json_of(answer), "report"), "reportId")

    def _finished_document(self, report_id: str) -> str | None:
        """The id of a report's document, "" when there was no data, None: wait."""
        path = f"{REPORTS}/reports/{report_id}"
        report = mapping(self.http.get_json(path), "report")
        status = text(report, "processingStatus").upper()
        if status == "DONE":
            return text(report, "reportDocumentId")
        if status == "CANCELLED":
            return ""
        if status == "FATAL":
            raise Refused(
                _lt("%(shop)s could not make the report of the returns."),
                shop=self.label,
            )
        return None

    def _report_messages(self, file_format, document_id: str) -> list[Fetched]:
        if not document_id:
            return []
        # Ids of documents have points and are longer than others.
        if not set(document_id) <= DOCUMENT_ID:
            raise Unreadable(
                _lt("%(field)s: the id is missing."), field="reportDocumentId"
            )
        path = f"{REPORTS}/documents/{document_id}"
        document = mapping(self.http.get_json(path), "document")
        content = self._download(text(document, "url"))
        if text(document, "compressionAlgorithm").upper() == "GZIP":
            content = unzipped(content)
        try:
            return list(fetched_rows(read_file(content, "report", [file_format])))
        except NoRows:
            return []

    def _download(self, url: str) -> bytes:
        """A report document, from where such documents are kept and nowhere else."""
        if not self._is_document(url):
            raise Unreadable(
                _lt("The report is said to be at an address that is not known.")
            )
        parts = urlsplit(url)
        http = Http(f"{parts.scheme}://{parts.netloc}", sleep=self._sleep)
        try:
            return http.get(f"{parts.path}?{parts.query}").content
        finally:
            http.close()

    def _is_document(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            own = self.settings["base_url"]
            if is_loopback(host_of(own)):
                return origin(url) == origin(own)
            host = parts.hostname or ""
            plain = not parts.username and parts.port in (None, 443)
        except ValueError:
            return False
        return parts.scheme == "https" and plain and host.endswith(DOCUMENT_HOSTS)

    # Messages -------------------------------------------------------------

    def _notices(self, topic, data):
        if topic == amazon_transactions.TOPIC:
            return amazon_transactions.notices(data)
        return amazon_events.notices(data)

    def _refresh(self, kind, number, order_external_id):
        if kind != "refund" or self.settings.get("finances") != "v0":
            return None
        order_id = identifier({"id": order_external_id})
        path = f"/finances/v0/orders/{order_id}/financialEvents"
        # These dates only say that there is something to ask for.
        once = datetime.min, datetime.max
        for payload, _token in self._paged(path, {}, "NextToken", *once, None):
            events = mapping(payload.get("FinancialEvents"), "FinancialEvents")
            for fetched in amazon_events.messages(events):
                for notice in self.read(fetched.body, fetched.event.topic):
                    if notice.external_id == f"refund:{number}":
                        return notice
        return None

    def _check_connection(self):
        ended = datetime.now(timezone.utc) - YOUNGEST
        for _part in self._events(ended - timedelta(hours=1), ended, None):
            return

    # Webhooks: none -------------------------------------------------------

    def _check_signature(self, headers, body):
        raise Untrusted(_lt("%(shop)s sends no webhooks."), shop=self.label)

    def _topic(self, headers):
        return ""

    def _event(self, topic, headers, data):
        raise Unreadable(_lt("%(shop)s sends no webhooks."), shop=self.label)

    # Connection -----------------------------------------------------------

    def _secrets(self) -> tuple[str, str, str]:
        names = ("api_key", "api_secret", "access_token")
        return tuple(self._needed(name) for name in names)

    def _authorization(self):
        token = self._token()

        def sign(request):
            request.headers["x-amz-access-token"] = self.http.hide(token.value())
            return request

        return {"auth": sign, "renew": token.forget, "busy_wait": busy_wait}

    def _token(self) -> Token:
        key, secret, refresh = self._secrets()

        def fetch():
            base = self.settings["base_url"]
            login = base if is_loopback(host_of(base)) else LOGIN
            http = Http(login, secrets=(secret, refresh), sleep=self._sleep)
            form = {
                "grant_type": "refresh_token",
                "refresh_token": refresh,
                "client_id": key,
                "client_secret": secret,
            }
            try:
                return token_answer(http, "/auth/o2/token", form)
            finally:
                http.close()

        return Token(self._cache, self._cached("token", key, secret, refresh), fetch)


DOCUMENT_ID = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
)


def busy_wait(headers: Mapping[str, str]) -> float:
    """Seconds until a call is allowed again, by the limit of calls a second."""
    try:
        limit = float(headers.get("x-amzn-RateLimit-Limit") or 0.5)
    except ValueError:
        limit = 0.5
    return min(1 / max(limit, 0.001), 600.0)


def unzipped(content: bytes) -> bytes:
    """The content of a gzip file, up to a limit of size."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        found = unzip.decompress(content, MAX_REPORT)
    except zlib.error:
        raise Unreadable(_lt("The report cannot be unpacked.")) from None
    if unzip.unconsumed_tail or not unzip.eof:
        raise Unreadable(_lt("The report is cut off, or too large."))
    return found


def utc_text(value: datetime) -> str:
    """A time as the API takes it."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
