"""Checks and merges translations with polib, in a virtual environment that has it.

po_tool.py check I18N            every term has a translation in every language
po_tool.py merge I18N NEW.pot    take over a new template, keep what is translated
po_tool.py same I18N NEW.pot     is the template up to date?
"""

import sys
from pathlib import Path

import polib

LANGUAGES = ("fr", "nl")
TEMPLATE = "avoir.pot"


def untranslated(folder):
    """(language, term) of everything in the template that a language lacks."""
    template = polib.pofile(str(folder / TEMPLATE))
    for language in LANGUAGES:
        file = folder / f"{language}.po"
        if not file.exists():
            yield language, "(there is no such file)"
            continue
        translated = {
            entry.msgid: entry.msgstr
            for entry in polib.pofile(str(file))
            if not (entry.obsolete or entry.fuzzy)
        }
        for entry in template:
            if not translated.get(entry.msgid):
                yield language, entry.msgid


def check(folder, limit=10):
    """Say what is not translated, the first `limit` terms of each language."""
    if not (folder / TEMPLATE).exists():
        print(f"i18n/{TEMPLATE} is missing: ./dev/i18n makes it")
        return 1
    missing = list(untranslated(folder))
    for language in LANGUAGES:
        lacking = [term for found, term in missing if found == language]
        for term in lacking[:limit]:
            print(f"{language}.po lacks: {term[:90]!r}")
        if limit and len(lacking) > limit:
            print(f"{language}.po: and {len(lacking) - limit} more (./dev/i18n)")
    return int(bool(missing))


def clean_template(path):
    """Odoo's export without what changes at each run."""
    template = polib.pofile(str(path), wrapwidth=78)
    for field in ("POT-Creation-Date", "PO-Revision-Date"):
        template.metadata.pop(field, None)
    return template


def merge(folder, new):
    template = clean_template(new)
    template.save(str(folder / TEMPLATE))
    for language in LANGUAGES:
        file = folder / f"{language}.po"
        if file.exists():
            po = polib.pofile(str(file), wrapwidth=78)
        else:
            po = polib.POFile(wrapwidth=78)
            po.metadata = {**template.metadata, "Language": language}
        po.merge(template)
        for entry in po.obsolete_entries():
            po.remove(entry)
        po.sort(key=lambda entry: entry.msgid)
        po.save(str(file))
        count = sum(1 for found, _term in untranslated(folder) if found == language)
        print(f"i18n/{language}.po: {len(po)} terms, {count} not translated")
    return check(folder, limit=None)


def terms(path):
    return (
        {entry.msgid for entry in polib.pofile(str(path))} if path.exists() else set()
    )


def same(folder, new):
    there, wanted = terms(folder / TEMPLATE), terms(Path(new))
    for term in sorted(wanted - there):
        print(f"{TEMPLATE} lacks: {term[:90]!r}")
    for term in sorted(there - wanted):
        print(f"{TEMPLATE} has, but the addon no longer: {term[:80]!r}")
    return int(wanted != there)


def main():
    action, folder, *more = sys.argv[1:]
    actions = {"check": check, "merge": merge, "same": same}
    return actions[action](Path(folder), *more)


if __name__ == "__main__":
    sys.exit(main())
