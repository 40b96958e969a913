"""Amazon's Selling Partner API on loopback: tokens, finances, reports, documents."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from .loopback import Answer, Call, LoopbackServer

REPORTS = "/reports/2021-06-30"


class AmazonServer(LoopbackServer):
    """`add_event` and `add_transaction` put money into the finances, `reports` maps
    a type of report to its TSV. `page_size` makes the pages of finances small."""

    def __init__(
        self,
        port: int = 0,
        client_id: str = "ck_test",
        secret: str = "cs_test_secret",
        refresh_token: str = "shpat_test_token",
        page_size: int = 100,
    ):
        self.form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": client_id,
            "client_secret": secret,
        }
        self.page_size = page_size
        self.tokens: list[str] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.transactions: list[dict[str, Any]] = []
        self.reports: dict[str, bytes] = {}
        self.made: list[dict[str, Any]] = []
        # How often a report is still in progress when it is asked for.
        self.report_delay = 0
        self.zipped = True
        self.document_url = ""
        super().__init__(port)

    def add_event(
        self, event: dict[str, Any], list_name: str = "RefundEventList"
    ) -> None:
        """Put a refund into the finances v0."""
        self.events.append((list_name, event))

    def add_transaction(self, transaction: dict[str, Any]) -> None:
        """Put a transaction into the finances 2024-06-19."""
        self.transactions.append(transaction)

    # ----------------------------------------------------------------------

    def _answer(self, call: Call, headers) -> Answer:
        if call.path == "/auth/o2/token":
            return self._token(call)
        if call.path.startswith("/document/"):
            return self._document(call)
        if headers.get("x-amz-access-token") not in self.tokens[-1:]:
            return error(403, "Unauthorized")
        return self._resource(call) or error(404, "NotFound")

    def _resource(self, call: Call) -> Answer | None:
        match call.path.strip("/").split("/"):
            case ["finances", "v0", "financialEvents"]:
                return self._events(call.query, lambda event: True)
            case ["finances", "v0", "orders", order, "financialEvents"]:
                return self._events({}, lambda event: event["AmazonOrderId"] == order)
            case ["finances", "2024-06-19", "transactions"]:
                return self._transactions(call.query)
            case ["reports", _, "reports"]:
                self.made.append({**call.json(), "asked": 0})
                return Answer(202, {"reportId": f"R{len(self.made)}"})
            case ["reports", _, "reports", number]:
                return self._report(int(number[1:]))
            case ["reports", _, "documents", number]:
                return self._document_of(number)
        return None

    def _token(self, call: Call) -> Answer:
        form = {
            name: values[-1] for name, values in parse_qs(call.body.decode()).items()
        }
        if form != self.form:
            known = form.get("client_id") == self.form["client_id"]
            code = "invalid_grant" if known else "invalid_client"
            return Answer(400 if known else 401, {"error": code})
        self.tokens.append(f"Atza|token-{len(self.tokens) + 1}")
        body = {"access_token": self.tokens[-1], "token_type": "bearer"}
        return Answer(200, {**body, "expires_in": 3600})

    def _events(self, query, wanted) -> Answer:
        if longer_than(query.get("PostedAfter"), query.get("PostedBefore"), 180):
            return Answer(200, {"payload": {"FinancialEvents": {}}})
        found = [
            (name, event)
            for name, event in self.events
            if wanted(event) and within(event["PostedDate"], query, "Posted")
        ]
        page, token = self._page(found, query.get("NextToken"))
        events: dict[str, list] = {}
        for name, event in page:
            events.setdefault(name, []).append(event)
        payload: dict[str, Any] = {"FinancialEvents": events}
        return Answer(
            200, {"payload": {**payload, **({"NextToken": token} if token else {})}}
        )

    def _transactions(self, query) -> Answer:
        found = [
            one
            for one in self.transactions
            if within(one.get("postedDate") or one["PostedDate"], query, "posted")
        ]
        page, token = self._page(found, query.get("nextToken"))
        more = {"nextToken": token} if token else {}
        return Answer(200, {"payload": {"transactions": page, **more}})

    def _page(self, found: list, token: str | None) -> tuple[list, str]:
        """A page, and the token of the next; every other page is empty."""
        place = int(token or 0)
        if place % 2:
            return [], str(place + 1)
        start = place // 2 * self.page_size
        end = start + self.page_size
        return found[start:end], str(place + 1) if end < len(found) else ""

    def _report(self, number: int) -> Answer:
        report = self.made[number - 1]
        report["asked"] += 1
        status = "IN_PROGRESS" if report["asked"] <= self.report_delay else "DONE"
        body = {"reportId": f"R{number}", "reportType": report["reportType"]}
        if status == "DONE" and report["reportType"] not in self.reports:
            status = "CANCELLED"
        elif status == "DONE":
            body["reportDocumentId"] = f"amzn1.spdoc.1.4.eu.R{number}"
        return Answer(200, {**body, "processingStatus": status})

    def _document_of(self, number: str) -> Answer:
        url = self.document_url or f"{self.url}/document/{number}?X-Amz-Signature=abc"
        zipped = {"compressionAlgorithm": "GZIP"} if self.zipped else {}
        return Answer(200, {"reportDocumentId": number, "url": url, **zipped})

    def _document(self, call: Call) -> Answer:
        number = int(call.path.rpartition("R")[2])
        content = self.reports[self.made[number - 1]["reportType"]]
        raw = gzip.compress(content) if self.zipped else content
        return Answer(200, raw, {"Content-Type": "text/plain"})


def within(posted: str, query: dict[str, str], prefix: str) -> bool:
    """Whether a moment is in the window that is asked for."""
    after, before = query.get(f"{prefix}After", ""), query.get(f"{prefix}Before", "9")
    return after <= posted < before


def longer_than(after: str | None, before: str | None, days: int) -> bool:
    """Whether a window is longer than so many days."""
    if not after or not before:
        return False
    start, end = (
        datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (after, before)
    )
    return (end - start).days >= days


def error(status: int, code: str) -> Answer:
    """An error body of the Selling Partner API."""
    return Answer(status, {"errors": [{"code": code, "message": "…", "details": ""}]})
