"""Deliveries of webhooks a second, beside Odoo's own health check.

`/web/health?db_server_status=1` is about the least that an address of Odoo which asks
the database can do. Both are asked in turn, over several connections at once; every
delivery is another one, signed, stored and answered. Then the storm: the same delivery
on several connections at the same moment is answered without an error, and kept once.

Options: connections=N.
"""

import base64
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import _measure

from odoo.addons.avoir.connectors.tests import deliveries

NEEDS_SERVER = True

CLIENT = Path(_measure.__file__).with_name("_client.py")
SECRET = "benchmark"
HEALTH = "/web/health?db_server_status=1"
STORMS = 20  # deliveries, each on all connections at once
GOAL = 2
ROUNDS = 7  # at least: a round takes less than a second


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
    connections = int(args.option.get("connections", 2))
    address = urlsplit(args.base_url).netloc
    count = args.documents
    health, webhook = [], []
    rounds = max(args.rounds, ROUNDS)
    refunds = (rounds + 1) * count
    bodies = iter([delivery(address, path, number) for number in range(refunds)])
    for number in range(rounds + 1):
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

    Each connection belongs to a process of its own, or they would wait for each other.

    :raise AssertionError: where one of them is not answered by 200
    """
    clients = [
        start_client(address, requests[i::connections]) for i in range(connections)
    ]
    started = time.perf_counter()
    for client in clients:
        client.stdin.write("go\n")
        client.stdin.flush()
    answers = Counter()
    for client in clients:
        answers.update(json.loads(client.stdout.readline() or '{"no answer": 1}'))
    seconds = time.perf_counter() - started
    for client in clients:
        client.communicate()
    if answers != {"200": len(requests)}:
        raise AssertionError(f"not all were answered by 200: {dict(answers)}")
    return seconds


def start_client(address, requests):
    client = subprocess.Popen(
        [sys.executable, CLIENT, *address.split(":")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [base64.b64encode(request).decode() for request in requests]
    client.stdin.write("\n".join([*lines, "", ""]))
    client.stdin.flush()
    client.stdout.readline()  # ready
    return client
