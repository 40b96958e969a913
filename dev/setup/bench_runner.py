# Fed to `odoo shell`, which defines `env`: calls one function of a benchmark.
import importlib.util
import json
import os
import sys
import traceback
from argparse import Namespace
from pathlib import Path

_task = json.loads(os.environ["AVOIR_BENCH"])
_file = Path(_task.pop("file"))
_function = _task.pop("function")
_task["option"] = dict(pair.partition("=")[::2] for pair in _task["option"])
sys.path.insert(0, str(_file.parent))
_spec = importlib.util.spec_from_file_location(_file.stem, _file)
_module = importlib.util.module_from_spec(_spec)
try:
    _spec.loader.exec_module(_module)
    getattr(_module, _function)(env, Namespace(**_task))  # noqa: F821
    if _function == "prepare":
        env.cr.commit()  # noqa: F821
except BaseException:
    traceback.print_exc()
    sys.stdout.flush()
    os._exit(1)
