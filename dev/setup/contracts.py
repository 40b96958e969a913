"""./dev/test-contracts: the clients of marketplaces against their API descriptions.

The descriptions are not ours to carry: AVOIR_API_DESCRIPTIONS names the folder that
holds them (bol/, amazon/, ccv/, shopify/, woocommerce/).
"""

import argparse
import os
import shutil
from pathlib import Path

from . import node, paths, results, runners, shell, steps, venv
from .ui import Problem, say

FOLDER = "AVOIR_API_DESCRIPTIONS"
SOURCE = paths.DEV / "contracts"
TOOLS = paths.WORK / "contracts"
FILES = ("package.json", "package-lock.json", "graphql.mjs")
TESTS = paths.ROOT / "tests" / "contracts" / "test_contracts.py"


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev/test-contracts", description=__doc__)
    parser.add_argument("-k", action="append", default=[], help="only such tests")
    options = parser.parse_args(arguments)
    folder = os.environ.get(FOLDER)
    if not folder or not Path(folder).is_dir():
        raise Problem(f"the API descriptions are needed: {FOLDER}=/folder, see --help")
    key = steps.digest(*((SOURCE / name).read_text() for name in FILES))
    steps.once("contracts", key, install, "prism (npm)", target=TOOLS)
    venv.ODOO.ensure()
    env = shell.environment(
        AVOIR_API_DESCRIPTIONS=Path(folder).resolve(),
        AVOIR_PRISM=TOOLS / "node_modules" / ".bin" / "prism",
    )
    arguments = ["file", TESTS, *options.k]
    log = runners.logs() / "contracts.log"
    done = [runners.unittest_result("contracts", arguments, log, env, "contracts")]
    results.report(done, say)
    for name, reason in done[0].skipped.items():
        say(f"skipped: {name}: {reason}")
    say(results.closing_line(done))
    return int(bool(done[0].failures))


def install():
    node.ensure_npm()
    TOOLS.mkdir()
    for name in FILES:
        shutil.copy(SOURCE / name, TOOLS)
    shell.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        "npm ci",
        "Look at the network (the npm registry), then run this again.",
        cwd=TOOLS,
    )
