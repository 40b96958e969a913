"""Runs unittest in a process of its own and writes the outcome as JSON.

    run_unittest.py OUT.json discover FOLDER TOP [PATTERN …]
    run_unittest.py OUT.json file FILE [PATTERN …]

Run by the Python of the virtual environment, so it imports nothing from here.
"""

import importlib.util
import json
import sys
import unittest
from pathlib import Path


def load(kind, arguments):
    loader = unittest.TestLoader()
    if kind == "discover":
        folder, top, *patterns = arguments
        loader.testNamePatterns = as_patterns(patterns)
        return loader.discover(folder, top_level_dir=top)
    file, *patterns = arguments
    loader.testNamePatterns = as_patterns(patterns)
    name = Path(file).stem
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(Path(file).parent))
    spec.loader.exec_module(module)
    return loader.loadTestsFromModule(module)


def as_patterns(patterns):
    return [f"*{pattern}*" for pattern in patterns] or None


def main():
    out, kind, *arguments = sys.argv[1:]
    outcome = unittest.TextTestRunner(verbosity=2).run(load(kind, arguments))
    failures = outcome.failures + outcome.errors
    document = {
        "started": outcome.testsRun,
        "failures": [[test.id(), text] for test, text in failures],
        "skipped": [[test.id(), reason] for test, reason in outcome.skipped],
    }
    document["failures"] += [
        [test.id(), "unexpected success"] for test in outcome.unexpectedSuccesses
    ]
    Path(out).write_text(json.dumps(document))


if __name__ == "__main__":
    main()
