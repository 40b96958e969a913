"""A client for `webhook.py`, in a process of its own: `_client.py HOST PORT`.

Reads its requests from its input, one a line in base64, says when it is ready, sends
them one after the other when it is told to, and prints how they were answered.
"""

import base64
import json
import re
import socket
import sys
from collections import Counter


def main():
    address = sys.argv[1], int(sys.argv[2])
    lines = iter(sys.stdin.readline, "\n")
    requests = [base64.b64decode(line) for line in lines]
    print("ready", flush=True)
    sys.stdin.readline()
    answers = Counter(ask(address, request) for request in requests)
    print(json.dumps(answers), flush=True)


def ask(address, request):
    """Return the status. Hangs up as soon as the answer is there: Odoo's threaded
    server would wait 10 ms more for data, and that would be all that is measured."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += receive(connection)
        head, _end, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += receive(connection)
    return head.split(b" ", 2)[1].decode()


def receive(connection):
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server hung up in the middle of its answer")
    return data


if __name__ == "__main__":
    main()
