"""What a person at the terminal reads: steps, progress and clear failures."""

import sys
import threading
import time


class Problem(Exception):
    """Something a person can mend; its text says what to do."""


def say(text=""):
    print(text, flush=True)


def warn(text):
    print(f"! {text}", file=sys.stderr, flush=True)


class Progress:
    """Says that a step is still running, so that no silence looks like a hang."""

    EVERY = 10

    def __init__(self, label):
        self.label = label
        self.detail = ""

    def __enter__(self):
        self._start = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()
        return self

    def _tick(self):
        while not self._done.wait(self.EVERY):
            detail = f", {self.detail}" if self.detail else ""
            say(f"  … {self.label}: {self.seconds:.0f} s{detail}")

    @property
    def seconds(self):
        return time.monotonic() - self._start

    def __exit__(self, *_exc):
        self._done.set()
        self._thread.join()
