"""Files of other products, converted in this process."""

import io
import json
import zipfile

from taskapp.tasks.transfer.importers.conversion import Options, convert
from taskapp.tasks.transfer.importers.files import InputFile
from taskapp.tasks.transfer.importers.report import Report


def converted(source, content, name="file", **options):
    """The lines and the report of a file: bytes, text, or a value that becomes JSON."""
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    report = Report()
    lines = list(convert(source, InputFile(name, content), Options(**options), report))
    return lines, report.lines()


def only(source, content, name="file", **options):
    """The only line of a file that has no report."""
    (line,), notes = converted(source, content, name, **options)
    assert notes == []
    return line


def zipped(**files):
    """A ZIP archive of files, by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
