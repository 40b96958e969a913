"""bol.com's Retailer API on loopback: tokens, returns, shipments, processes, keys.

The token server is here too. A call without the right `Accept` is answered 406, one
without a token 401, as the real one does.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from .loopback import Answer, Call, LoopbackServer

MEDIA = "application/vnd.retailer.v10+json"
PAGE = 50


class BolServer(LoopbackServer):
    """`add_return` puts a return, as the API writes it, into its lists."""

    def __init__(
        self, port: int = 0, client_id: str = "ck_test", secret: str = "cs_test_secret"
    ):
        pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        self.basic = f"Basic {pair}"
        self.tokens: list[str] = []
        self.returns: list[dict[str, Any]] = []
        self.shipments: list[dict[str, Any]] = []
        self.processes: dict[str, dict[str, Any]] = {}
        self.keys: list[dict[str, str]] = []
        self.handled: list[tuple[str, dict[str, Any]]] = []
        self.uploads: list[tuple[str, bytes]] = []
        super().__init__(port)

    def add_return(self, data: dict[str, Any]) -> None:
        """Put a return into the lists, or bring it up to date."""
        self.returns = [r for r in self.returns if r["returnId"] != data["returnId"]]
        self.returns.append(data)

    def finish(self, process_id: str, status: str = "SUCCESS", error: str = "") -> None:
        """Let a process end."""
        self.processes[process_id] |= {"status": status, "errorMessage": error}

    def forget_tokens(self) -> None:
        """Let no token be good any more."""
        self.tokens = []

    # ----------------------------------------------------------------------

    def _answer(self, call: Call, headers) -> Answer:
        if call.path == "/token":
            return self._token(headers)
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if not token or token not in self.tokens[-1:]:
            return problem(401, "Unauthorized Request")
        if headers.get("Accept") != MEDIA:
            return problem(406, "Not Acceptable")
        return self._resource(call, headers) or problem(404, "Not Found")

    def _resource(self, call: Call, headers) -> Answer | None:
        match call.path.strip("/").split("/"):
            case [_, "returns"]:
                return self._list(call.query)
            case [_, "returns", number] if call.method == "PUT":
                return self._handle(number, call, headers)
            case [_, "returns", number]:
                found = [r for r in self.returns if r["returnId"] == number]
                return Answer(200, found[0]) if found else None
            case [_, "shipments"]:
                return self._shipments_of(call.query.get("order-id"))
            case [_, "shipments", "invoices", shipment]:
                self.uploads.append((shipment, call.body))
                return self._process("UPLOAD_INVOICE", shipment)
            case [_, "subscriptions", "signature-keys"]:
                return Answer(200, {"signatureKeys": self.keys})
            case ["shared", "process-status", number]:
                found = self.processes.get(number)
                return Answer(200, found) if found else None
        return None

    def _token(self, headers) -> Answer:
        if headers.get("Authorization") != self.basic:
            return Answer(401, {"error": "invalid_client"})
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        body = {
            "access_token": self.tokens[-1],
            "token_type": "Bearer",
            "expires_in": 299,
            "scope": "RETAILER",
        }
        return Answer(200, body)

    def _list(self, query) -> Answer:
        handled = query.get("handled") == "true"
        found = [
            data
            for data in self.returns
            if data["fulfilmentMethod"] == query.get("fulfilment-method", "FBR")
            and any(bool(i.get("handled")) == handled for i in data["returnItems"])
        ]
        found.sort(key=lambda data: data["registrationDateTime"], reverse=handled)
        start = (int(query.get("page", 1)) - 1) * PAGE
        return Answer(200, {"returns": found[start : start + PAGE]})

    def _handle(self, rma_id, call: Call, headers) -> Answer:
        data = json.loads(call.body)
        if headers.get("Content-Type") != MEDIA:
            return problem(415, "Unsupported Media Type")
        if not data.get("handlingResult") or not data.get("quantityReturned"):
            return problem(400, "Error validating request.")
        self.handled.append((rma_id, data))
        return self._process("HANDLE_RETURN_ITEM", rma_id)

    def _shipments_of(self, order_id) -> Answer:
        found = [s for s in self.shipments if s["order"]["orderId"] == order_id]
        return Answer(200, {"shipments": found} if found else {})

    def _process(self, event_type, entity_id) -> Answer:
        process = {
            "processStatusId": str(len(self.processes) + 1),
            "entityId": entity_id,
            "eventType": event_type,
            "description": "…",
            "status": "PENDING",
            "createTimestamp": "2026-03-02T10:35:22+02:00",
            "links": [],
        }
        self.processes[process["processStatusId"]] = process
        return Answer(202, process)


def problem(status: int, title: str) -> Answer:
    """An error body as bol.com writes it."""
    body = {"type": "https://api.bol.com/problems", "title": title, "status": status}
    return Answer(status, body)
