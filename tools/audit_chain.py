"""The chain of the audit journal: what is hashed, and how a chain is checked.

An entry is a dictionary of its columns. Its hash is the SHA-256 of the JSON list of
``VERSION`` and the values of ``HASHED``, in this order, without spaces, in UTF-8. The
hash of the entry before is among them, so that no entry can be changed, removed or
moved without all later hashes changing too. Nothing here needs Odoo: whoever is given
the table can check it.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

VERSION = 1
HASHED = (
    "company_id",
    "number",
    "recorded_at",
    "user_id",
    "user_name",
    "action",
    "res_model",
    "res_id",
    "res_name",
    "reason",
    "note",
    "before",
    "after",
    "database_uuid",
    "previous_hash",
)
COLUMNS = (*HASHED, "hash")
FIRST = "0" * 64  # what the first entry has for the hash of the entry before


@dataclass
class Finding:
    """The first entry of a chain that is not what it was.

    ``what`` is "altered", "missing", "broken" or "unknown" (how far the chain went is
    not known); ``number`` is the entry's.
    """

    number: int
    what: str


def digest(entry):
    """Return the hash of ``entry``, hexadecimal."""
    values = [VERSION]
    for name in HASHED:
        value = entry[name]
        if name == "recorded_at":
            value = value.isoformat(sep=" ", timespec="seconds")
        values.append(value)
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def chain(entries, number, previous):
    """Number ``entries`` and give them their hashes, in place.

    :param int number: of the last entry there is, 0 if there is none
    :param str previous: its hash, ``FIRST`` if there is none
    """
    for entry in entries:
        number += 1
        entry["number"] = number
        entry["previous_hash"] = previous
        previous = entry["hash"] = digest(entry)


class Checker:
    """Checks the chain of one company, fed with its entries in their order."""

    def __init__(self):
        self.number = 0
        self.hash = FIRST

    def check(self, entries):
        """Return the first ``Finding`` among ``entries``, or None."""
        for entry in entries:
            expected = self.number + 1
            if entry["number"] > expected:
                return Finding(expected, "missing")
            if entry["number"] != expected or digest(entry) != entry["hash"]:
                return Finding(entry["number"], "altered")
            if entry["previous_hash"] != self.hash:
                return Finding(entry["number"], "broken")
            self.number, self.hash = entry["number"], entry["hash"]
        return None

    def check_end(self, number, known_hash):
        """Return a ``Finding`` unless the chain reaches what is known of its end.

        :param int number: of the last entry that is known to have been written
        :param str known_hash: its hash, or None
        """
        if self.number < number:
            return Finding(self.number + 1, "missing")
        if known_hash and self.number == number and self.hash != known_hash:
            return Finding(number, "altered")
        return None
