"""A server on loopback, for tests and the demonstration.

A real HTTP server that answers what a marketplace would. Failures are programmed
with `fail`; `calls` tells what was asked. Needs the standard library only.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OPERATION = re.compile(r"query (\w+)")


@dataclass
class Answer:
    """What is sent back."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


@dataclass
class Failure:
    """An answer that takes the place of the next ones to a path."""

    path: str
    answer: Answer
    times: int


@dataclass
class Call:
    """One request that came in. `target` is the path with its query, as sent."""

    method: str
    path: str
    query: dict[str, str]
    operation: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    target: str = ""
    body: bytes = b""

    def json(self) -> Any:
        """The JSON that was sent."""
        return json.loads(self.body or b"null")


class LoopbackServer:
    """A server; a subclass answers in `_answer`. `with Server() as it:` serves."""

    def __init__(self, port: int = 0):
        self.calls: list[Call] = []
        self._failures: list[Failure] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self):
        """Begin to serve, in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and let go of the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def fail(
        self,
        path: str,
        status: int,
        times: int = 1,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer the next calls whose path or operation has this text like this."""
        if body is None:
            body = {
                "code": "internal_error",
                "message": "…",
                "data": {"status": status},
            }
        self._failures.append(Failure(path, Answer(status, body, headers or {}), times))

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """The answer to a call, which is noted."""
        with self._lock:
            self.calls.append(call)
            failure = self._programmed(call)
        return failure or self._answer(call, headers)

    def asked(self, path: str) -> list[Call]:
        """The calls whose path has this text."""
        return [call for call in self.calls if path in call.path]

    def _answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        raise NotImplementedError

    def _programmed(self, call: Call) -> Answer | None:
        for failure in self._failures:
            if failure.times and failure.path in (call.path + " " + call.operation):
                failure.times -= 1
                return failure.answer
        return None


def handler_of(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    """The handler class of a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            operation, variables = graphql(body)
            call = Call(
                self.command,
                parts.path,
                query,
                operation,
                variables,
                target=self.path,
                body=body,
            )
            self._reply(server.answer(call, self.headers))

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def _reply(self, answer: Answer):
            raw = answer.raw()
            self.send_response(answer.status)
            if "Content-Type" not in answer.headers:
                self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(raw)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format, *args):
            pass

    return Handler


def graphql(body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and the variables of a GraphQL question, if it is one."""
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return "", {}
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return "", {}
    operation = OPERATION.search(asked["query"])
    return operation.group(1) if operation else "", asked.get("variables") or {}
