"""Deliveries of webhooks a second, beside Odoo's own health check.

`/web/health?db_server_status=1` is about the least that an address of Odoo which asks
the database can do. Both are asked in turn, over several connections at once; every
delivery is another one, signed, stored and answered. Then the storm: the same delivery
on several connections at the same moment is answered without an error, and kept once.

Options: connections=N.
"""

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from urllib.parse import urlsplit

import _measure

from odoo.addons.avoir.connectors.tests import deliveries

NEEDS_SERVER = True

SECRET = "benchmark"
HEALTH = "/web/health?db_server_status=1"
STORMS = 20  # deliveries, each on all connections at once
GOAL = 2


def prepare(env, args):
    env["marketplace.account"].create(
        {
            "name": "Benchmark",
            "code": "shopify",
            "base_url": "https://benchmark.myshopify.com",
            "webhook_secret": SECRET,
        }
    )


def run(env, args):
    account = env["marketplace.account"].search([("name", "=", "Benchmark")])
    path = f"/avoir/webhook/{account.webhook_key}"
    connections = int(args.option.get("connections", 4))
    address = urlsplit(args.base_url).netloc
    count = args.documents
    health, webhook = [], []
    refunds = (args.rounds + 1) * count
    bodies = iter([delivery(address, path, number) for number in range(refunds)])
    for number in range(args.rounds + 1):
        for taken, requests in (
            (health, [get(address, HEALTH)] * count),
            (webhook, [next(bodies) for _number in range(count)]),
        ):
            seconds = fire(address, requests, connections)
            if number:  # the first round warms up
                taken.append(count / seconds)
    if count_stored(env, account) != refunds:
        raise AssertionError("not every delivery was kept")
    storm(env, account, address, path)
    print(f"{count} requests, {connections} connections, {_measure.load()}")
    print(f"health check      {median(health):6.0f} a second, best {max(health):.0f}")
    print(f"webhook delivery  {median(webhook):6.0f} a second, best {max(webhook):.0f}")
    ratio = median(webhook) / median(health)
    verdict = "reached" if ratio >= GOAL else "MISSED"
    print(f"{ratio:.1f} × the health check; goal {GOAL}: {verdict}")


def storm(env, account, address, path):
    """Send each delivery on eight connections at once."""
    before = count_stored(env, account)
    for number in range(STORMS):
        fire(address, [delivery(address, path, 10**6 + number)] * 8, 8)
    kept = count_stored(env, account) - before
    print(f"the same delivery on 8 connections at once: {kept} kept of {STORMS}")
    if kept != STORMS:
        raise AssertionError("a delivery was lost or kept twice")


def count_stored(env, account):
    env.cr.rollback()
    return env["marketplace.message"].search_count([("account_id", "=", account.id)])


def delivery(address, path, number):
    """Return the bytes of a signed refund of Shopify, its number ``number``."""
    refund = deliveries.payload("shopify_refund_partial")
    refund["id"] = number
    headers, body = deliveries.shopify(refund, "refunds/create", SECRET)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = [f"POST {path} HTTP/1.1", f"Host: {address}", "Connection: close"]
    head += [*lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def get(address, path):
    head = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    return head.encode()


def fire(address, requests, connections):
    """Send ``requests`` over so many connections at once; return the seconds.

    :raise AssertionError: where one of them is not answered by 200
    """
    host, port = address.split(":")

    def send(request):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.split(b" ", 2)[1]

    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        answers = Counter(pool.map(send, requests))
        seconds = time.perf_counter() - started
    if set(answers) != {b"200"}:
        raise AssertionError(f"not all were answered by 200: {dict(answers)}")
    return seconds
