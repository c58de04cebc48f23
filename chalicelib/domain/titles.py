"""What people may call things and themselves: one rule for titles, and for the names of applications, API keys and people. Pure."""

import re

from chalicelib.domain.addresses import private_keys
from chalicelib.texts import translatable

LONGEST = 255
"""In code points, as JSON Schema counts: a family of emoji is several. At most 1,020 bytes, far from what an item may have."""

_FORBIDDEN = r'\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069'  # control characters; bidirectional embeddings, overrides and isolates
PATTERN = rf'^\s*[^\s{_FORBIDDEN}]([^{_FORBIDDEN}]{{0,{LONGEST - 2}}}[^\s{_FORBIDDEN}])?\s*$'
"""The rule as a regular expression of JSON Schema, without lone surrogates, which no request in UTF-8 holds but as an escape."""

_REFUSED = re.compile(rf'[{_FORBIDDEN}\ud800-\udfff]')


class BadTitle(ValueError):
    """A text is no title; `code` is for programs, `sentence` for people, without its subject: `must have 1 to 255 characters`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def parse(text: str) -> str:
    """Return a title without whitespace around it. Raises BadTitle with the first thing that is wrong.

    Everything else is the writer's business: joined emoji, right-to-left marks, characters newer than this interpreter.
    """
    title = text.strip()
    if not 1 <= len(title) <= LONGEST:
        raise BadTitle('length', translatable('must have 1 to {most} characters', most=LONGEST))
    if _REFUSED.search(title):
        raise BadTitle('characters', translatable('must not contain control characters, including those for bidirectional text'))
    if private_keys.are_in(title):
        raise BadTitle('private_key', translatable('must not contain a private key, which nobody else must ever see'))
    return title
