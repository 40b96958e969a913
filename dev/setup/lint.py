"""./dev/lint: what a machine can see of style and faults. --fix mends what it can."""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

from . import addon, files, leaks, node, paths, shell, venv
from .ui import Problem, say

COPY = paths.WORK / "lint" / paths.MODULE
PRETTIER_FILES = (".xml", ".js", ".mjs", ".css", ".scss")
LINE_LIMIT = 88

# Mended by the OCA's hooks themselves; nothing else in them is safe to run blindly.
OCA_FIXABLE = "xml-header-wrong,xml-header-missing,xml-field-bool-without-eval"
OCA_FIXABLE += ",xml-field-numeric-without-eval"


def main(arguments):
    options = parse(arguments)
    tools = venv.LINT.ensure().path / "bin"
    modules = node.ensure()
    chosen = [Path(name).resolve() for name in options.paths]
    sources = Sources(chosen)
    if options.fix:
        fix(tools, modules, sources)
    checks = {
        "ruff check": lambda: ruff(tools, sources, "check", "--output-format=concise"),
        "ruff format": lambda: unformatted(tools, sources),
        "prettier": lambda: prettier(modules, sources, "--check", "--log-level=warn"),
    }
    if not chosen:
        make_copy()
        checks |= {
            "pylint-odoo": lambda: pylint(tools),
            "oca-odoo-pre-commit-hooks": lambda: oca_hooks(tools),
            "translations": lambda: translations(tools),
            "hosts and paths of this machine": leaks.check,
            "length of lines in shell": shell_lines,
        }
    failed = [name for name, check in checks.items() if not passes(name, check)]
    if failed:
        raise Problem(f"{', '.join(failed)}. ./dev/lint --fix mends formatting.")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev/lint", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="format and mend")
    parser.add_argument(
        "paths", nargs="*", help="only the style of these files or folders"
    )
    return parser.parse_args(arguments)


class Sources:
    """The files to look at: all, or those below the paths that were named."""

    def __init__(self, chosen):
        self.chosen = chosen

    def __call__(self, *suffixes):
        return [
            file
            for file in files.project_files(*suffixes)
            if not self.chosen or {file, *file.parents} & set(self.chosen)
        ]


def passes(name, check):
    found = check()
    say(f"{'✗' if found else '✓'} {name}")
    if found:
        say("\n".join(f"    {line}" for line in found.strip().splitlines()))
    return not found


def words(command, cwd=paths.ROOT):
    """What a failing command says; nothing when it succeeds or has nothing to do."""
    if not command:
        return ""
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=shell.environment(),
        cwd=cwd,
    )
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"


def ruff(tools, sources, *arguments):
    targets = sources(".py")
    return words(
        [tools / "ruff", *arguments, "--no-cache", *targets] if targets else []
    )


def unformatted(tools, sources):
    """The names of the files alone; what would change is seen with --fix."""
    found = ruff(tools, sources, "format", "--check")
    names = re.findall(r"^ *--> (\S+?):\d+:", found, re.M)
    return "\n".join(dict.fromkeys(names)) or found


def make_copy():
    """The addon in a folder of its name; the linters look at nothing else."""
    shutil.rmtree(COPY.parent, ignore_errors=True)
    kept = addon.entries()
    for file in files.project_files():
        inside = file.relative_to(paths.ROOT)
        if inside.parts[0] in kept:
            (COPY / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, COPY / inside)


def pylint(tools):
    command = [tools / "pylint", f"--rcfile={paths.ROOT / '.pylintrc'}", "-j2"]
    return words([*command, paths.MODULE], cwd=COPY.parent)


def oca_hooks(tools):
    config = f"--config={paths.ROOT / '.oca_hooks.cfg'}"
    manifest = COPY / "__manifest__.py"
    found = words([tools / "oca-checks-odoo-module", config, manifest])
    po_files = sorted(COPY.glob("i18n/*.po*"))
    if po_files:
        found += words([tools / "oca-checks-po", config, *po_files])
    return re.sub(r"\S*\.work/lint/avoir/", "", found)


def prettier(modules, sources, *arguments):
    targets = sources(*PRETTIER_FILES)
    command = [modules / ".bin" / "prettier", *arguments]
    command += ["--plugin", modules / "@prettier/plugin-xml/src/plugin.js"]
    return words([*command, *targets] if targets else [])


def translations(tools):
    script = paths.DEV / "setup" / "po_tool.py"
    return words([tools / "python", script, "check", paths.ROOT / "i18n"])


def shell_lines():
    """ruff looks at Python only; the shell commands are held to the same width."""
    scripts = [f for f in files.project_files() if is_shell(f)]
    return "\n".join(
        f"{file.relative_to(paths.ROOT)}:{number}: longer than {LINE_LIMIT}"
        for file in scripts
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if len(line) > LINE_LIMIT
    )


def is_shell(file):
    return not file.suffix and file.open("rb").read(11).startswith(b"#!/bin/")


def fix(tools, modules, sources):
    ruff(tools, sources, "check", "--fix", "-q")
    ruff(tools, sources, "format", "-q")
    fix_with_oca_hooks(tools, sources)
    prettier(modules, sources, "--write", "--log-level=warn")


def fix_with_oca_hooks(tools, sources):
    make_copy()
    tool = tools / "oca-checks-odoo-module"
    words([tool, "--fix", f"--enable={OCA_FIXABLE}", COPY / "__manifest__.py"])
    for original in sources(".xml"):
        fixed = COPY / original.relative_to(paths.ROOT)
        if fixed.exists() and original.read_bytes() != fixed.read_bytes():
            shutil.copy(fixed, original)
