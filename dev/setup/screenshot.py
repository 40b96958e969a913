"""./dev/screenshot: a picture of a page, after logging in and a few clicks."""

import argparse
import json
import subprocess

from . import browser, node, paths, shell
from .ui import Problem, say

SCRIPT = paths.DEV / "setup" / "screenshot.mjs"
STEPS = ("click", "fill", "press", "wait", "pause", "hover", "goto")
HELP = """
Steps are done in the order in which they are written:
  --click CSS    --hover CSS    --wait CSS    --press KEY    --pause MILLISECONDS
  --fill CSS=TEXT (the last = divides)        --goto URL
CSS may be any Playwright selector, e.g. text=Confirm or button:has-text("Save").
"""


class Step(argparse.Action):
    def __call__(self, _parser, namespace, value, option):
        namespace.steps.append([option.lstrip("-"), value])


def main(arguments):
    options = parse(arguments)
    program = browser.ensure()
    modules = node.ensure()
    task = {**vars(options), "browser": program}
    done = subprocess.run(
        ["node", SCRIPT, json.dumps(task)],
        env=shell.environment(AVOIR_NODE_MODULES=modules),
    )
    if done.returncode:
        raise Problem("no picture was taken; the reason is above")
    say(f"{options.out} written")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev/screenshot",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url")
    parser.add_argument("out", help="a .png file")
    parser.add_argument("--login", help="log in as this user")
    parser.add_argument("--password", help="default: the login")
    parser.add_argument("--size", default="1400x900")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--element", help="only this element (CSS)")
    parser.add_argument("--full", action="store_true", help="the whole long page")
    parser.add_argument("--timeout", type=int, default=20, help="seconds a step")
    for name in STEPS:
        parser.add_argument(f"--{name}", action=Step, help=argparse.SUPPRESS)
    parser.set_defaults(steps=[])
    options = parser.parse_args(arguments)
    options.password = options.password or options.login
    return options
