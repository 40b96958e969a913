"""The files of the project: what git knows, or would take."""

import os
import subprocess

from . import paths


def project_files(*suffixes):
    """Tracked and new files that are not ignored, by the end of their names."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else walk()
    found = [paths.ROOT / name for name in sorted(filter(None, names))]
    return [
        file
        for file in found
        if file.is_file() and (not suffixes or file.name.endswith(suffixes))
    ]


def walk():
    """Without git (an unpacked archive): all but hidden folders."""
    for folder, folders, names in os.walk(paths.ROOT):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), paths.ROOT)
