"""Returns and refunds from files: the marketplaces' own reports, and plain ones.

A file is read row by row. Rows that belong together (several lines of one refund)
become one notice; what cannot be read is an error of its row and stops no other.
Every notice comes with a message (`Fetched`) of its own, with a key of its content:
the same file twice is the same messages, and `Marketplace.read` reads them again
under the topic `file/<format>`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import Unreadable
from .marks import _lt
from .notices import Fetched, IncomingEvent, ReturnNotice
from .readers import parse_json

MAX_ROWS = 200_000
MAX_CELL = 32_768
TOPIC = "file/"
Row = Mapping[str, Any]


class NoRows(Unreadable):
    """The file is empty, but for its header perhaps."""


@dataclass(frozen=True)
class FileFormat:
    """A kind of file. Its columns are compared in lowercase, `_` and `-` as spaces.

    `required` are the columns that make it this kind; `key` says which rows belong
    together, `notices` what they mean. Both raise `Unreadable`.
    """

    name: str
    label: str
    required: tuple[str, ...]
    key: Callable[[Row], str]
    notices: Callable[[Sequence[Row]], list[ReturnNotice]]


@dataclass(frozen=True)
class FileRow:
    """A row: line `number` of the file (of a JSON file: the place in its list).

    Either `error`, or the notices; rows that only continue an earlier one have
    neither, and name it in `part_of`. `fetched` is the message to store.
    """

    number: int
    raw: Row
    notices: tuple[ReturnNotice, ...] = ()
    error: Unreadable | None = None
    part_of: int | None = None
    fetched: Fetched | None = None


@dataclass(frozen=True)
class FileReading:
    """What is in a file: its format and its rows, in their order."""

    format: FileFormat
    rows: tuple[FileRow, ...]

    @property
    def errors(self) -> tuple[FileRow, ...]:
        """The rows that cannot be read."""
        return tuple(row for row in self.rows if row.error)


def read_file(
    content: bytes, filename: str, formats: Iterable[FileFormat]
) -> FileReading:
    """Read a file in the first format whose columns it has.

    Raises `Unreadable` when it is no such file at all.
    """
    numbered = list(_json_rows(content) or _table_rows(content))
    if not numbered:
        raise NoRows(_lt("There is no row in the file."))
    columns = {column for _number, row in numbered[:50] for column in row}
    for file_format in formats:
        if columns.issuperset(file_format.required):
            return FileReading(file_format, tuple(_read(file_format, numbered)))
    raise Unreadable(
        _lt(
            "The columns of the file are not known. The template shows those of a plain"
            " file; a report of a marketplace must have its own, unchanged."
        )
    )


def read_message(
    formats: Iterable[FileFormat], topic: str, data: Any
) -> list[ReturnNotice]:
    """The notices of a message that came from a file; raises `Unreadable`."""
    for file_format in formats:
        if topic == TOPIC + file_format.name:
            return file_format.notices(data["rows"])
    raise Unreadable(_lt("The format of the file is not known any more."))


def fetched_rows(reading: FileReading) -> Iterator[Fetched]:
    """The messages of a file; a row that cannot be read is one that says so."""
    for row in reading.rows:
        if row.fetched:
            yield row.fetched
        elif row.error:
            body = json.dumps({"rows": [row.raw]}, sort_keys=True).encode()
            message = _message(reading.format, (), body)
            yield replace(
                message, event=replace(message.event, wanted=True, readable=False)
            )


def csv_safe(value: Any) -> str:
    """The value for a cell of a CSV that no spreadsheet takes for a formula."""
    cell = "" if value is None else str(value)
    if cell[:1] in tuple("=+-@\t\r\n|%") and not PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


PLAIN_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV that spreadsheets open as they should."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_safe(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


# --------------------------------------------------------------------------


def _read(
    file_format: FileFormat, numbered: Sequence[tuple[int, Row]]
) -> Iterator[FileRow]:
    """The rows, those that belong together read at the first of them."""
    groups: dict[str, list[tuple[int, Row]]] = {}
    keys = {}
    for number, row in numbered:
        try:
            if None in row:
                raise Unreadable(
                    _lt("The row has more cells than the file has columns.")
                )
            key = file_format.key(row)
        except _UNREADABLE as error:
            keys[number] = _told(error)
            continue
        groups.setdefault(key, []).append((number, row))
    firsts = {group[0][0]: group for group in groups.values()}
    part_of = {n: group[0][0] for group in groups.values() for n, _row in group[1:]}
    for number, row in numbered:
        if number in keys:
            yield FileRow(number, _plain(row), error=keys[number])
        elif number in part_of:
            yield FileRow(number, _plain(row), part_of=part_of[number])
        else:
            yield _first_row(file_format, number, [r for _n, r in firsts[number]])


def _first_row(file_format: FileFormat, number: int, group: Sequence[Row]) -> FileRow:
    raw = _plain(group[0])
    try:
        notices = tuple(file_format.notices(group))
    except _UNREADABLE as error:
        return FileRow(number, raw, error=_told(error))
    body = json.dumps({"rows": [_plain(row) for row in group]}, sort_keys=True)
    return FileRow(
        number, raw, notices, fetched=_message(file_format, notices, body.encode())
    )


def _message(file_format, notices: Sequence[ReturnNotice], body: bytes) -> Fetched:
    digest = hashlib.sha256(body).hexdigest()[:32]
    event = IncomingEvent(
        event_key=f"file:{file_format.name}:{digest}",
        topic=TOPIC + file_format.name,
        external_ids=tuple(notice.external_id for notice in notices),
        order_external_id=notices[0].order_external_id if notices else "",
        wanted=bool(notices),
    )
    return Fetched(event, body)


_UNREADABLE = (
    Unreadable,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


def _told(error: Exception) -> Unreadable:
    if isinstance(error, Unreadable):
        return error
    return Unreadable(_lt("Unexpected content (%(error)s)"), error=type(error).__name__)


def _plain(row: Row) -> Row:
    """A row that JSON can hold."""
    return json.loads(json.dumps(row, default=str, skipkeys=True))


def _json_rows(content: bytes) -> Iterator[tuple[int, Row]] | None:
    """The objects of a JSON list (or of an object with one list); None: not JSON."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{"):
        return None
    data = parse_json(content)
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else [data]
    if len(data) > MAX_ROWS:
        raise _too_long()
    if not all(isinstance(row, dict) for row in data):
        raise Unreadable(_lt("The JSON file is to hold a list of objects."))
    return enumerate(({_name(k): v for k, v in row.items()} for row in data), 1)


def _table_rows(content: bytes) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV or TSV, each with the number of its last line."""
    table = decoded(content)
    header, _newline, _rest = table.partition("\n")
    delimiter = max("\t;,", key=header.count)
    # A TSV of a marketplace quotes nothing: a quote in it is a quote.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(
        io.StringIO(table, newline=""), delimiter=delimiter, quoting=quoting
    )
    try:
        names = [_name(cell) for cell in next(reader, [])]
        if len(set(names)) < len(names):
            raise Unreadable(_lt("Two columns of the file have the same name."))
        for count, cells in enumerate(reader, 1):
            if count > MAX_ROWS:
                raise _too_long()
            if any(cells):
                yield reader.line_num, _row(names, cells)
    except csv.Error:
        raise Unreadable(
            _lt("Line %(line)s of the file is broken."), line=reader.line_num
        ) from None


def _too_long() -> Unreadable:
    return Unreadable(
        _lt("The file has more than %(most)s rows: split it."), most=MAX_ROWS
    )


def _row(names: Sequence[str], cells: Sequence[str]) -> Row:
    """A row by its columns; cells beyond them are under None."""
    row: dict[Any, Any] = {
        name: cell.strip()[:MAX_CELL] for name, cell in zip(names, cells, strict=False)
    }
    if any(cell.strip() for cell in cells[len(names) :]):
        row[None] = "…"
    return row


def _name(cell: Any) -> str:
    """The name of a column, however it is written."""
    return " ".join(re.split(r"[\s_\-]+", str(cell).strip().lower()))


def decoded(content: bytes) -> str:
    """The text of a file: Unicode, or what Western spreadsheets write."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\0", "")
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1").replace("\0", "")
