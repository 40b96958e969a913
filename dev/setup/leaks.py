"""No file may name a registry's host or a path of one developer's machine."""

import os
import re
from pathlib import Path

from . import apt, files, paths, shell

# Written apart, so that this file does not name them either.
KNOWN = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("yarnpkg", "com"),
    ("deb.debian", "org"),
    ("archive.ubuntu", "com"),
)
MACHINE_PATHS = re.compile(r"(?<![\w.$}~-])/(?:work|root|home/\w+|tmp/[a-z]\w*)/")
BINARY = (".png", ".jpg", ".gif", ".ico", ".pdf", ".woff", ".woff2", ".zip", ".gz")


def hosts():
    """The usual registries and those that this machine is set up with."""
    found = {".".join(parts) for parts in KNOWN}
    settings = [
        shell.output(["npm", "config", "get", "registry"]),
        shell.output(["pip", "config", "list"]),
        *(os.environ.get(name) for name in ("PIP_INDEX_URL", "UV_INDEX_URL")),
        *(apt.bases() if apt.available() else ()),
    ]
    for text in filter(None, settings):
        found |= set(re.findall(r"https?://(?:[^@/\s']*@)?([\w.-]+\.\w+)", text))
    return found


def check():
    forbidden = re.compile("|".join(re.escape(host) for host in sorted(hosts())))
    own = [str(paths.ROOT) + "/", str(Path.home()) + "/"]
    problems = []
    for file in files.project_files():
        if file.name.endswith(BINARY):
            continue
        text = file.read_text(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if (
                forbidden.search(line)
                or MACHINE_PATHS.search(line)
                or any(path in line for path in own if len(path) > 4)
            ):
                place = file.relative_to(paths.ROOT)
                problems.append(f"{place}:{number}: {line.strip()[:100]}")
    return "\n".join(problems)
