"""Odoo itself: a checkout named by ODOO_PATH, or else Debian's package, unpacked."""

import os
import re
import shutil
from pathlib import Path

from . import apt, paths, shell, steps
from .ui import Problem, say

PREFIX = paths.WORK / "odoo"
SITE = PREFIX / "usr" / "lib" / "python3" / "dist-packages"

# Debian links these out of Odoo's own folders, relative to the same prefix.
PACKAGES = (
    "odoo-19",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-font-awesome",
    "fonts-roboto-unhinted",
    "fonts-inconsolata",
    "fonts-glyphicons-halflings",
    "fonts-montserrat",
    "fonts-ocr-b",
)

# Stripped by Debian but named by `web.assets_backend`: without it no page loads.
EMPTY_FILES = ("mail/static/lib/selfie_segmentation/selfie_segmentation.js",)
RECIPE = "2"


class Odoo:
    """Where this Odoo is started from, and where its addons are."""

    def __init__(self, script, addons, site=None):
        self.script = script
        self.addons = addons
        self.site = site

    @property
    def package(self):
        return (self.site or self.script.parent) / "odoo"

    @property
    def version(self):
        """Version and, for a package that moves, which build of it."""
        release = (self.package / "release.py").read_text()
        found = re.search(r"^version_info = \((\d+), (\d+)", release, re.M)
        if not found or found.groups() != ("19", "0"):
            raise Problem(f"{self.package} is not Odoo 19.0, which avoir is made for")
        return f"19.0 {recorded_build() if self.site else self.script}"


def recorded_build():
    return (PREFIX / "BUILD").read_text().strip()


def find():
    """The Odoo to use, fetched first when there is none."""
    given = os.environ.get("ODOO_PATH")
    return checkout(Path(given).expanduser().resolve()) if given else unpacked()


def checkout(path):
    script = path / "odoo-bin"
    if not script.exists():
        raise Problem(f"ODOO_PATH={path}: there is no odoo-bin in that folder")
    return Odoo(script, [path / "odoo" / "addons", path / "addons"])


def unpacked():
    steps.once("odoo", RECIPE, unpack, "Odoo 19.0 from Debian sid", target=PREFIX)
    return Odoo(PREFIX / "usr" / "bin" / "odoo", [SITE / "odoo" / "addons"], SITE)


def unpack():
    private = apt.private()
    debs = apt.APT / "debs"
    shutil.rmtree(debs)
    debs.mkdir()
    private("download", *PACKAGES, label="downloading Odoo (120 MB)")
    for deb in sorted(debs.glob("*.deb")):
        shell.run(["dpkg", "-x", deb, PREFIX], "unpacking Odoo")
    build = next(debs.glob("odoo-19_*.deb")).name.split("_")[1]
    for name in EMPTY_FILES:
        missing = SITE / "odoo" / "addons" / name
        missing.parent.mkdir(parents=True, exist_ok=True)
        missing.touch()
    (PREFIX / "BUILD").write_text(build + "\n")
    shutil.rmtree(debs)
    say(f"  Odoo {build}")


def mend_icons(site_packages):
    """Put Font Awesome 4.7 where Debian links to a newer one without these files."""
    fonts = site_packages / "xstatic" / "pkg" / "font_awesome" / "data" / "fonts"
    broken = [
        link
        for folder in ("lib", "src/libs")
        for link in (
            SITE / "odoo/addons/web/static" / folder / "fontawesome/fonts"
        ).glob("*")
        if not link.exists()
    ]
    for link in broken:
        source = fonts / link.name
        if source.exists():
            link.unlink()
            shutil.copy(source, link)
