"""A CCV Shop on loopback: signed calls, signed answers, pages of a collection."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from .loopback import Answer, Call, LoopbackServer

API = "/api/rest/v1"
ROWS = {"returns": "returnrows", "invoices": "invoicerows", "orders": "orderrows"}
FILTERS = ("ordernumber_full", "status")


class CcvShopServer(LoopbackServer):
    """`add` puts a return, an invoice or an order with its rows into the shop."""

    def __init__(
        self, port: int = 0, public: str = "ck_test", secret: str = "cs_test_secret"
    ):
        self.public = public
        self.secret = secret
        self.things: dict[str, dict[str, dict[str, Any]]] = {}
        self.rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        # Pages are never larger, whatever is asked for.
        self.page_size = 250
        self.sign_answers = True
        super().__init__(port)

    def add(self, kind: str, data: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        """Put a thing of `returns`, `invoices` or `orders` into the shop."""
        self.things.setdefault(kind, {})[str(data["id"])] = data
        self.rows[kind, str(data["id"])] = rows

    def remove(self, kind: str, number: int | str) -> None:
        """Delete it, as a shop owner may."""
        self.things.get(kind, {}).pop(str(number), None)

    # ----------------------------------------------------------------------

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        answer = super().answer(call, headers)
        date = "2026-03-02T10:00:00Z"
        if self.sign_answers and "x-hash" not in answer.headers:
            told = self._hash(call.method, call.target, answer.raw(), date)
            answer.headers |= {"x-date": date, "x-hash": told}
        return answer

    def _answer(self, call: Call, headers) -> Answer:
        date = headers.get("x-date", "")
        right = self._hash(call.method, call.target, call.body, date)
        if headers.get("x-public") != self.public or headers.get("x-hash") != right:
            return error(401, "401.1", "Hash does not match.")
        match call.path.removeprefix(API).strip("/").split("/"):
            case [kind] if kind in ROWS:
                return self._collection(call, self._listed(kind, call.query))
            case [kind, number] if number in self.things.get(kind, {}):
                return Answer(200, self.things[kind][number])
            case [kind, number, rows] if rows == ROWS.get(kind):
                if number in self.things.get(kind, {}):
                    return self._collection(call, self.rows[kind, number])
        return error(404, "404.1", "Not found.")

    def _listed(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        found = list(self.things.get(kind, {}).values())
        for name in FILTERS:
            if name in query:
                found = [one for one in found if str(one.get(name)) == query[name]]
        if query.get("is_paid") == "true":
            found = [one for one in found if one.get("paid")]
        after = query.get("min_create_date", "")
        before = query.get("max_create_date", "9999")
        return [one for one in found if after <= one["create_date"] <= before]

    def _collection(self, call: Call, found: list[dict[str, Any]]) -> Answer:
        start = int(call.query.get("start", 0))
        size = min(int(call.query.get("size", 50)), self.page_size)
        items = found[start : start + size]
        more = start + size < len(found)
        href = f"{self.url}{call.target}"
        return Answer(
            200,
            {
                "start": start,
                "size": len(items),
                "href": href,
                "first": None,
                "previous": None,
                # Wherever it leads: it is not to be followed.
                "next": "http://169.254.169.254/next" if more else None,
                "items": items,
            },
        )

    def _hash(self, method: str, target: str, body: bytes, date: str) -> str:
        text = f"{self.public}|{method}|{target}|".encode() + body + f"|{date}".encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha512).hexdigest()


def hint(kind: str, number: int | str, **more: Any) -> bytes:
    """The body of a webhook: thin, and not signed."""
    href = f"https://shop.example.ccvshop.nl{API}/{kind}/{number}"
    data = {"triggered_at": "2026-03-02T14:40:41Z", "href": href, "id": number, **more}
    return json.dumps(data).encode()


def error(status: int, code: str, message: str) -> Answer:
    """An error body of the shop."""
    return Answer(status, {"status": status, "code": code, "developermessage": message})


def load(server: CcvShopServer, data: dict[str, Any]) -> str:
    """Put a payload `{"return": …, "rows": …}` into the shop; its number."""
    kind = next(key for key in data if key != "rows")
    server.add(f"{kind}s", data[kind], data["rows"])
    return re.sub(r"\D", "", str(data[kind]["id"]))
