"""Files that pages hand out."""

from __future__ import annotations

from flask import Response, make_response

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def download(content: bytes, name: str, kind: str) -> Response:
    """Return a file to be saved under a name; a PDF is shown."""
    response = make_response(content)
    response.headers["Content-Type"] = MEDIA_TYPES[kind]
    where = "inline" if kind == "pdf" else "attachment"
    response.headers["Content-Disposition"] = f'{where}; filename="{name}"'
    return response
