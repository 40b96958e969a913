"""./dev/test: every test there is, or those that are named."""

import argparse
import functools
import time
from concurrent.futures import ThreadPoolExecutor

from . import browser, covered_lines, databases, paths, results, runners, runtime, venv
from .ui import say

HELP = """
FILTER is one or more of
  connectors            the pure Python tests of connectors/ (no Odoo needed)
  kill                  the tests that kill Odoo half-way (tests/kill/)
  tours                 the browser tours
  i18n                  is i18n/avoir.pot up to date?
  TestRefund            one class of Odoo tests; TestRefund.test_x: one method
  tests/test_refund.py  one file
  /avoir:TestRefund     any of Odoo's own test tags
and, after `connectors` or `kill`, -k TEXT takes only tests whose name has TEXT.
Logs, and pictures of failed tours, are kept in .work/logs.
"""


def main(arguments):
    options = parse(arguments)
    started = time.monotonic()
    done = []
    try:
        run(options, done)
    finally:
        results.report(done, say)
    say()
    for one in done:
        say(
            f"{one.name}: {one.passed} passed, {one.failed} failed, "
            f"{len(one.skipped)} skipped ({one.seconds:.0f} s)"
        )
    say(f"{time.monotonic() - started:.0f} s in all")
    none_ran = not any(one.started for one in done)
    if none_ran:
        done.append(results.Result("dev/test"))
        done[-1].fail("no test ran", "")
        say("no test ran: does the filter match any?")
    say(results.closing_line(done))
    return int(any(one.failures for one in done))


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev/test",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("filters", nargs="*", metavar="FILTER")
    parser.add_argument("--quick", action="store_true", help="no tours, no kill tests")
    parser.add_argument("--db", help="use this database; made when it is missing")
    parser.add_argument(
        "--update", action="store_true", help="with --db: update avoir in it first"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the database and print its name"
    )
    parser.add_argument(
        "--coverage", action="store_true", help="say which lines were never run"
    )
    parser.add_argument("-k", dest="patterns", action="append", default=[])
    options = parser.parse_args(arguments)
    words = set(options.filters)
    options.tags = [tag_of(w) for w in options.filters if w not in RUNNERS]
    options.everything = not options.filters
    options.runners = {w for w in words if w in RUNNERS}
    if options.everything:
        options.runners = {"connectors", "odoo"}
        options.runners |= set() if options.quick else {"tours", "kill", "i18n"}
    elif options.tags:
        options.runners.add("tags")
    return options


RUNNERS = ("connectors", "odoo", "tours", "kill", "i18n")


def tag_of(word):
    """A filter as one of Odoo's test tags."""
    if word.startswith(("/", "-", "+", ":", "*")):
        return f"/{paths.MODULE}{word}" if word.startswith(":") else word
    if word.endswith(".py"):
        return f"/{paths.MODULE}/{word.removeprefix('./')}"
    if word.startswith("Test"):
        return f"/{paths.MODULE}:{word}"
    if word.startswith("test_"):
        return f"/{paths.MODULE}:.{word}"
    return word


def run(options, done):
    chosen = options.runners
    if "connectors" in chosen:
        venv.ODOO.ensure()
        done.append(runners.pure(options.patterns))
    if not chosen - {"connectors"}:
        return
    if chosen & {"tours", "tags"}:
        browser.ensure()
    ready = runtime.prepare()
    store = databases.Databases(ready)
    store.sweep()
    if options.db:
        done.append(on_named_database(ready, store, options))
        return
    installation = results.Result("installation")
    done.append(installation)
    try:
        template, installation.log = store.installed()
    except databases.NotInstallable as problem:
        installation.fail("avoir is not installed", str(problem))
        return
    results.read_installation(installation, installation.log.read_text())
    done.extend(side_by_side(ready, store, template, options))
    if options.coverage:
        covered_lines.report()


def side_by_side(ready, store, template, options):
    """Everything that needs a database, two at a time, the longest first."""
    jobs = [
        functools.partial(on_copy, ready, store, template, shard, tags, options)
        for shard, tags in shards(options).items()
    ]
    if "kill" in options.runners and runners.KILL_TESTS.exists():
        jobs.append(
            functools.partial(runners.kill, ready, store, template, options.patterns)
        )
    if "i18n" in options.runners:
        jobs.append(functools.partial(runners.terms, ready, store, template))
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            runners.terminate()
            raise


def shards(options):
    """Test tags by name of the shard; each shard has a database of its own."""
    module, tour = f"/{paths.MODULE}", runners.TOUR_TAG
    wanted = {}
    if "odoo" in options.runners:
        half = [f"{module}/tests/{file.name}" for file in runners.odoo_tests()[::2]]
        wanted["odoo-1"] = [*half, f"-{tour}"]
        wanted["odoo-2"] = [module, f"-{tour}", *(f"-{file}" for file in half)]
    if "tours" in options.runners and runners.has_tours():
        wanted["tours"] = [f"{tour}{module}"]
    if "tags" in options.runners:
        wanted["chosen"] = options.tags
    return wanted


def on_copy(ready, store, template, shard, tags, options):
    """Run one shard on a database of its own."""
    name = store.copy_for_tests(template, databases.run_name(shard))
    try:
        return runners.odoo(ready, shard, name, tags, covered=options.coverage)
    finally:
        if options.keep:
            say(f"kept: {name}   (./dev/odoo -d {name})")
        else:
            store.drop(name)


def on_named_database(ready, store, options):
    """The fast way while developing: one database, kept between runs."""
    update = options.update
    if not store.exists(options.db):
        template, _log = store.installed()
        store.copy(template, options.db)
        update = False
    tags = options.tags or [f"/{paths.MODULE}"]
    return runners.odoo(ready, "chosen", options.db, tags, update)
