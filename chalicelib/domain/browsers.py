"""What a browser is called, read off its User-Agent header (RFC 9110 section 10.1.5). Pure.

Own code rather than a library: two short lists are enough for people to recognise their own browser, and the patterns of a full parser
take megabytes.
"""

from chalicelib.texts import translatable

UNKNOWN = translatable('An unknown browser')

# The first entry whose word is in the header decides: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
_BROWSERS = (
    ('Edg', 'Edge'),
    ('OPR/', 'Opera'),
    ('SamsungBrowser/', 'Samsung Internet'),
    ('Firefox/', 'Firefox'),
    ('FxiOS/', 'Firefox'),
    ('CriOS/', 'Chrome'),
    ('Chrome/', 'Chrome'),
    ('Safari/', 'Safari'),
    ('curl/', 'curl'),
)
_SYSTEMS = (
    ('Windows', 'Windows'),
    ('Android', 'Android'),
    ('iPhone', 'iPhone'),
    ('iPad', 'iPad'),
    ('Mac OS X', 'macOS'),
    ('CrOS', 'ChromeOS'),
    ('Linux', 'Linux'),
)


def name_browser(user_agent: str) -> str:
    """Return a browser and its system in words, such as `Firefox on Linux`."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser is None:
        return str(UNKNOWN) if system is None else f'{UNKNOWN} on {system}'
    return browser if system is None else f'{browser} on {system}'


def in_words(name: str) -> str:
    """Return what `name_browser` returned, stored since, so that it can be said in another language."""
    browser, _, system = name.partition(' on ')
    browser = UNKNOWN if browser == UNKNOWN else browser
    return translatable('{browser} on {system}', browser=browser, system=system) if system else browser


def _first(names: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for word, name in names if word in text), None)
