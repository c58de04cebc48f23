"""The head of a request: what is in it may neither be too long, nor be read as other lines than another reader sees."""

import http.client
import re
from io import BufferedIOBase

MOST_BYTES = 16 * 1024  # of which API Gateway takes 10,240, without the names of headers and what proxies add
_MOST_SKIPPED_BYTES = 8 * MOST_BYTES
_PIECE = 8_192
_END = re.compile(rb'\n\r?\n')
_LONGEST_END = len(b'\n\r\n') - 1  # of what is read before the last of it


class RequestHead:
    """The lines of a request's head, read from a connection; `is_odd` says whether any of them is, see `is_odd`."""

    def __init__(self, connection: BufferedIOBase, request_line: bytes) -> None:
        self._connection = connection
        self._bytes = len(request_line)
        self.is_odd = is_odd(request_line)

    def readline(self, most_bytes: int) -> bytes:
        """Return the next line. Raises LineTooLong, which parsers of heads expect, where the head is too long."""
        line = self._connection.readline(most_bytes)
        self._bytes += len(line)
        if self._bytes > MOST_BYTES:
            self._skip(b'\n' + line)
            raise http.client.LineTooLong('head')
        self.is_odd = self.is_odd or is_odd(line)
        return line

    def _skip(self, read: bytes) -> None:
        """Read on to the end of a head that is not much too long: unread, it would reset the connection before the answer is seen.

        Not by lines, of which there may be one for each two bytes.
        """
        while not _END.search(read) and self._bytes < _MOST_SKIPPED_BYTES and (piece := self._connection.read1(_PIECE)):
            self._bytes += len(piece)
            read = read[-_LONGEST_END:] + piece


def is_odd(line: bytes) -> bool:
    """Return whether a line has a CR in it, which the parser of headers takes for its end, or a NUL (RFC 9112 section 2.2, 9110 5.5).

    Or continues the one before, which not every reader joins (RFC 9112 section 5.2).
    """
    text = line.removesuffix(b'\n').removesuffix(b'\r')
    return b'\r' in text or b'\0' in text or text.startswith((b' ', b'\t'))
