"""The addon as Odoo finds it, and what its manifest says.

The root of the repository is the addon, but a clone may be called anything, and a
link to the root would let Odoo walk into the work folder below it. So Odoo gets a
real folder called `avoir` with a link for every top-level entry.
"""

import ast
import hashlib

from . import paths, steps
from .ui import Problem

FOLDER = paths.ADDONS / paths.MODULE
LEFT_OUT = {"dev", "node_modules"}

# What tests need beside `depends`: other countries' charts and the sales screens.
TEST_MODULES = ("sale_management", "l10n_fr_account", "l10n_nl", "l10n_be")

# No part of an installed database: a change of these needs no new installation.
NOT_INSTALLED = ("tests", "benchmarks", "readme", "doc", "docs")


def manifest():
    try:
        return ast.literal_eval((paths.ROOT / "__manifest__.py").read_text())
    except (OSError, SyntaxError, ValueError) as error:
        raise Problem(f"__manifest__.py cannot be read: {error}") from error


def dependencies():
    return sorted({*manifest().get("depends", []), *TEST_MODULES})


def entries():
    """The top-level files and folders that belong to the addon."""
    return {
        path.name: path
        for path in paths.ROOT.iterdir()
        if not path.name.startswith((".", "__pycache__")) and path.name not in LEFT_OUT
    }


def link():
    """Bring the links up to date; what is right already is left alone."""
    with steps.lock("addon", waiting=False):
        FOLDER.mkdir(parents=True, exist_ok=True)
        wanted = entries()
        for there in FOLDER.iterdir():
            if there.name not in wanted and there.is_symlink():
                there.unlink()
        for name, target in wanted.items():
            there = FOLDER / name
            if not there.is_symlink():
                there.symlink_to(target)
    return FOLDER


def installed_files():
    """Every file that decides what an installed database looks like."""
    for name, path in sorted(entries().items()):
        if name in NOT_INSTALLED or name.endswith((".md", ".txt", ".lock", ".toml")):
            continue
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            inside = file.relative_to(paths.ROOT).parts
            if file.is_file() and not {"__pycache__", "tests"} & set(inside):
                yield file


def installed_key():
    """Changes with anything that makes a new installation necessary."""
    digest = hashlib.sha256()
    for file in installed_files():
        digest.update(f"{file.relative_to(paths.ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
