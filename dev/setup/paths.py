"""Where things are. Everything that is made lies in one folder that git ignores."""

import os
from pathlib import Path

MODULE = "avoir"
ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "dev"
WORK = Path(os.environ.get("AVOIR_WORK") or ROOT / ".work").resolve()

ADDONS = WORK / "addons"
BIN = WORK / "bin"
DATA = WORK / "data"
EXTRA = WORK / "extra"
LOCKS = WORK / "locks"
LOGS = WORK / "logs"
RUN = WORK / "run"
STAMPS = WORK / "stamps"
TEMPLATES = WORK / "templates"
ODOO_RC = WORK / "odoo.rc"
