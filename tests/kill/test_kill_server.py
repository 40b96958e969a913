"""A server with two workers takes deliveries, and is killed whole again and again."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import psycopg2

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import kill_shop  # noqa: E402
from odoo_shell import run  # noqa: E402
from test_kill_return import CREDITED_ONCE, PRELUDE  # noqa: E402

NUMBERS = [f"S{number}" for number in range(12)]
CONNECTIONS = 8
MESSAGES = "SELECT state, count(*) FROM marketplace_message GROUP BY state"
RETURNS = "SELECT state, count(*) FROM marketplace_return GROUP BY state"
SET_UP = f"""
make_shop()
sell({NUMBERS})
account = env["marketplace.account"].search([("name", "=", "Kill")])
say([account.webhook_key, env.company.currency_id.name])
"""


class Server:
    """An Odoo server of its own, started anew after each time it was killed."""

    def __init__(self):
        python, *odoo = json.loads(os.environ["AVOIR_ODOO_CMD"])
        self.port = free_port()
        self.command = [
            *(python, HERE / "kill_shop.py", *odoo),
            *("-d", os.environ["AVOIR_TEST_DB"], "--workers=2"),
            *("--max-cron-threads=1", f"--http-port={self.port}"),
            f"--gevent-port={free_port()}",
        ]
        self.process = None

    def start(self):
        log = Path(os.environ["AVOIR_LOGS"]) / "kill-server-odoo.log"
        with log.open("a") as out:
            self.process = subprocess.Popen(
                self.command, stdout=out, stderr=out, start_new_session=True
            )
        wait_for(self.is_up, "the server answers")

    def is_up(self):
        try:
            return self.request("GET", "/web/health") == 200
        except OSError:
            return False

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            return connection.getresponse().status
        finally:
            connection.close()


class TestKillServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key, cls.currency = run(PRELUDE + SET_UP)
        cls.server = Server()
        cls.server.start()
        cls.addClassCleanup(lambda: cls.server.kill())

    def deliver(self, number):
        body = json.dumps(number).encode()
        digest = hmac.new(kill_shop.SECRET.encode(), body, hashlib.sha256).digest()
        headers = {
            "X-Kill-Signature": base64.b64encode(digest).decode(),
            "X-Kill-Currency": self.currency,
        }
        return self.server.request("POST", f"/avoir/webhook/{self.key}", body, headers)

    def test_server(self):
        self.same_delivery_on_many_connections(NUMBERS[0])
        wait_for(lambda: sum(states(RETURNS).values()) == 1, "the cron wakes up")

        # Killed while the crons read and match what came.
        for number, seconds in zip(NUMBERS[1:5], (0.2, 0.6, 0.9, 1.5), strict=True):
            self.assertEqual(self.deliver(number), 200)
            self.restart_after(seconds)
        for number in NUMBERS[1:]:
            self.assertEqual(self.deliver(number), 200)
        every = len(NUMBERS)
        wait_for(
            lambda: states(RETURNS) == {"waiting": every},
            "all wait for their goods",
        )

        # Killed while the credit notes are made.
        run(
            PRELUDE
            + "receive()\nenv['marketplace.return']._trigger_processing()\nsay(1)"
        )
        for seconds in (0.3, 0.8, 1.2):
            self.restart_after(seconds)
        run(PRELUDE + "env['marketplace.return']._trigger_processing()\nsay(1)")
        wait_for(
            lambda: states(RETURNS) == {"done": every},
            "all are credited",
        )
        result = run(PRELUDE + "say(report())")
        for number in NUMBERS:
            self.assertEqual(result[number], CREDITED_ONCE, number)
        self.assertEqual(states(MESSAGES), {"done": every})

    def restart_after(self, seconds):
        time.sleep(seconds)
        self.server.kill()
        self.server.start()

    def same_delivery_on_many_connections(self, number):
        answers = []

        def post():
            for _time in range(5):
                answers.append(self.deliver(number))

        threads = [threading.Thread(target=post) for _i in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * CONNECTIONS * 5)
        self.assertEqual(sum(states(MESSAGES).values()), 1)


def states(query):
    """How many there are in each state."""
    connection = psycopg2.connect("")
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return dict(cursor.fetchall())
    finally:
        connection.close()


def wait_for(condition, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
