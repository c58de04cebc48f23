"""Forms with files (multipart/form-data, RFC 7578), as browsers send them. Pure.

Python reads such bodies with its package for mails, in which parts of parts exhaust the stack, and the parameters of one header take
seconds. Anybody may send a form, so the time that this takes grows with its size only.
"""

import re

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(rb'(?:^|\r\n)content-disposition:([^\r\n]*)', re.IGNORECASE)
_NAME = re.compile(rb';[ \t]*name="([^"]*)"', re.IGNORECASE)


def parse(content_type: str, body: bytes, most_parts: int) -> dict[str, list[bytes]]:
    """Return the contents of the fields and files of a form by name, in their order; none for a body that is no such form.

    Raises ValueError over `most_parts`.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return {}
    delimiter = b'\r\n--' + (boundary[1] or boundary[2]).encode('utf-8', 'replace')
    _, *parts = (b'\r\n' + body).split(delimiter, most_parts + 2)
    if len(parts) > most_parts + 1:  # after the last delimiter comes none
        raise ValueError('too many parts')
    contents: dict[str, list[bytes]] = {}
    for part in parts:
        head, _, content = part.partition(b'\r\n\r\n')
        disposition = _DISPOSITION.search(head)
        name = _NAME.search(disposition[1]) if disposition else None
        if name:
            contents.setdefault(name[1].decode('utf-8', 'replace'), []).append(content)
    return contents
