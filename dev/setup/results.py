"""Test results of every kind of runner, counted alike, and Odoo's log read as one.

Odoo's exit code is no help: it is 0 when no test ran and when every tour was skipped
because there is no browser. So the log decides.
"""

import re
from dataclasses import dataclass, field

LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ "
    r"(?P<level>[A-Z]+) (?P<db>\S+) (?P<logger>[\w.]+): (?P<text>.*)$"
)
NO_BROWSER = re.compile(r"chrome|chromium|websocket", re.I)
HARMLESS = re.compile(r"Running as user 'root'|py\.warnings|unable to find Wkhtml")


@dataclass
class Result:
    """What one runner did. A failure is its name and what there is to read."""

    name: str
    started: int = 0
    failures: dict = field(default_factory=dict)
    others: set = field(default_factory=set)  # failures that are no single test's
    skipped: dict = field(default_factory=dict)
    log: object = None
    seconds: float = 0

    @property
    def failed(self):
        return len(self.failures)

    @property
    def passed(self):
        tests = {name for name in self.skipped if not name.startswith("setUpClass")}
        tests |= self.failures.keys() - self.others
        return max(0, self.started - len(tests))

    def fail(self, name, text, test=False):
        if not test:
            self.others.add(name)
        known = self.failures.get(name)
        if known is None:
            self.failures[name] = text
        elif text not in known:
            self.failures[name] = f"{known}\n{text}"

    def skip(self, name, reason):
        if NO_BROWSER.search(reason):
            self.fail(name, f"no browser: {reason}", test=True)
        else:
            self.skipped[name] = reason


def records(text):
    """The lines of an Odoo log as (level, logger, text), tracebacks joined on."""
    record = None
    for line in text.splitlines():
        found = LINE.match(line)
        if found:
            if record:
                yield record
            record = found["level"], found["logger"], found["text"].rstrip()
        elif record:
            record = (*record[:2], f"{record[2]}\n{line}")
    if record:
        yield record


def read_odoo_tests(result, text):
    """Add to `result` what a test run wrote into its log."""
    for level, logger, message in records(text):
        first, _, rest = message.partition("\n")
        if first.startswith("Starting ") and first.endswith(" ..."):
            result.started += 1
        elif first.startswith("skipped "):
            name, _, reason = first[len("skipped ") :].partition(" : ")
            result.skip(name, reason)
        elif level in ("ERROR", "CRITICAL"):
            read_error(result, logger, first, rest)
    return result


def read_error(result, logger, first, rest):
    found = re.match(r"(?:FAIL|ERROR): (?:Subtest )?(\S+)(.*)", first)
    if not found:
        if not logger.startswith(("odoo.tests.result", "odoo.tests.shell")):
            result.fail(f"{logger}: {first[:160]}", f"{first}\n{rest}")
        return
    name = found[1]
    test = name not in ("setUpClass", "tearDownClass")
    if not test:
        name += found[2]
    result.fail(name, f"{first}\n{rest}", test=test)


def read_installation(result, text):
    """A clean installation says nothing above INFO."""
    for level, logger, message in records(text):
        wrong = level in ("ERROR", "CRITICAL", "WARNING")
        if wrong and not HARMLESS.search(f"{logger} {message}"):
            first = message.partition("\n")[0]
            result.fail(f"installing: {level} {logger}: {first[:160]}", message)
    return result


def errors(log, lines=25):
    """The end of the last error in a log of Odoo."""
    text = log.read_text(errors="replace")
    bad = [
        record for record in records(text) if record[0] in ("ERROR", "CRITICAL")
    ] or [("", "", text)]
    return "\n".join(bad[-1][2].rstrip().splitlines()[-lines:])


def report(results, say):
    """Print what failed, with the end of each traceback."""
    for result in results:
        for name, text in result.failures.items():
            say(f"\n=== {result.name}: {name}")
            say("\n".join(text.rstrip().splitlines()[-30:]))
        if result.failures and result.log:
            say(f"--- all of it: {result.log}")


def closing_line(results):
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(len(result.skipped) for result in results)
    line = f"{passed} passed, {failed} failed"
    return f"{line}, {skipped} skipped" if skipped else line
