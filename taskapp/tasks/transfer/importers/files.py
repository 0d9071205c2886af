"""Files as text, JSON and rows. Every error names the file and the line. What a small file unpacks to is bounded."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from taskapp.tasks.transfer.importers.report import WrongFile

MAXIMUM_BYTES = 32 * 1024 * 1024
MAXIMUM_MEMBERS = 1000
STDIN = "<stdin>"  # As Python names it.
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class InputFile(NamedTuple):
    """A file that was read.

    Args:
        name: its name without a folder, for errors, and because some products name a file after the list in it.
        data: its bytes, at most MAXIMUM_BYTES.
    """

    name: str
    data: bytes


class Row(NamedTuple):
    """A row of a CSV file: where it begins, and its cells by the name of their column."""

    place: str
    cells: dict[str, str]


def read_file(stream: BinaryIO) -> InputFile:
    """Return a file that is open.

    Raises:
        WrongFile: it is too large.
        OSError: it cannot be read.
    """
    name, data = PurePath(getattr(stream, "name", STDIN)).name, stream.read(MAXIMUM_BYTES + 1)
    if len(data) > MAXIMUM_BYTES:
        raise WrongFile(f"{name} has more than {MAXIMUM_BYTES // 2**20} MiB.")
    return InputFile(name, data)


def unpack(file: InputFile, suffix: str) -> list[InputFile]:
    """Return the file itself, or, if it is a ZIP archive, the files in it whose names end with a suffix.

    Raises:
        WrongFile: the archive is broken, encrypted or too large, or has no such file.
    """
    if not file.data.startswith(b"PK\x03\x04"):
        return [file]
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            members = [member for member in archive.infolist() if _is_wanted(member, suffix)]
            if len(members) > MAXIMUM_MEMBERS:
                raise WrongFile(f"{file.name} has more than {MAXIMUM_MEMBERS} files.")
            return _read_members(file.name, archive, members)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise WrongFile(f"{file.name} is no ZIP archive that can be read: {error}.") from None


def _is_wanted(member: zipfile.ZipInfo, suffix: str) -> bool:
    # macOS adds a folder with files of the same names.
    return member.filename.lower().endswith(suffix) and not member.filename.startswith("__MACOSX/")


def _read_members(name: str, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> list[InputFile]:
    if not members:
        raise WrongFile(f"{name} has none of the files that the product writes.")
    files, left = [], MAXIMUM_BYTES
    for member in members:
        with archive.open(member) as stream:
            # The size that the archive states may be false, so that only what was read counts.
            data = stream.read(left + 1)
        left -= len(data)
        if left < 0:
            raise WrongFile(f"{name} unpacks to more than {MAXIMUM_BYTES // 2**20} MiB.")
        files.append(InputFile(PurePosixPath(member.filename).name, data))
    return files


def text_of(file: InputFile) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark, and with LF as the end of lines.

    Raises:
        WrongFile: it is not UTF-8.
    """
    if file.data.startswith(_UTF_16) or b"\0" in file.data[:4]:
        raise WrongFile(f"{file.name} is in UTF-16. Save it as UTF-8.")
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise WrongFile(f"{file.name}, line {line}: The text is not UTF-8. Save it as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_of(file: InputFile) -> Any:
    """Return the value of a file in JSON.

    Raises:
        WrongFile: it is not JSON.
    """
    try:
        return json.loads(text_of(file))
    except json.JSONDecodeError as error:
        raise WrongFile(f"{file.name}, line {error.lineno}: This is not JSON. {error.msg}.") from None
    except (ValueError, RecursionError):
        raise WrongFile(f"{file.name} has a number that is too long, or is nested too deeply.") from None


def rows_of(file: InputFile, needed: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a file in CSV, below the first line that has all needed columns.

    Raises:
        WrongFile: there is no such line, a quote does not end, or a row has too many cells.
    """
    text = text_of(file)
    skipped = _lines_before_header(text, needed)
    if skipped is None:
        raise WrongFile(f"{file.name} has no line with the columns {', '.join(needed)}.")
    reader = csv.reader(io.StringIO(text.split("\n", skipped)[-1]), strict=True)
    line = skipped + 1
    try:
        header = [cell.strip() for cell in next(reader)]
        while True:
            line = skipped + reader.line_num + 1
            cells = next(reader)
            if any(cells[len(header) :]):
                raise WrongFile(f"{file.name}, line {line}: The row has more cells than the header.")
            if any(cells):
                yield Row(f"{file.name}, line {line}", dict(zip(header, cells, strict=False)))
    except StopIteration:
        return
    except csv.Error as error:
        raise WrongFile(f"{file.name}, line {line}: The row that begins here is not CSV: {error}.") from None


def _lines_before_header(text: str, needed: Sequence[str]) -> int | None:
    """Return how many lines are above the header. They need not be CSV by themselves."""
    for number, line in enumerate(text.split("\n")):
        cells = {cell.strip().strip('"') for cell in line.split(",")}
        if cells.issuperset(needed):
            return number
    return None
