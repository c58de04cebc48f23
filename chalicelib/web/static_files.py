"""The stylesheets and scripts of the pages. Browsers keep them for ever, as their addresses contain a digest of them."""

import hashlib
from functools import lru_cache
from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib.errors import NotFound

bp = Blueprint(__name__)

FOLDER = Path(__file__).parent / 'static'
_KINDS = {'.css': 'text/css', '.js': 'text/javascript'}
# All that is served, by name.
FILES = {
    path.name: FOLDER.joinpath(path)
    for path in (
        Path('style.css'),
        Path('passkey.js'),
        Path('console.js'),
        Path('chart.js'),
        Path('vendor/swagger-ui-dist/swagger-ui-bundle.js'),
        Path('vendor/swagger-ui-dist/swagger-ui.css'),
        Path('vendor/swagger-ui-dist/oauth2-redirect.js'),
        Path('vendor/uplot/dist/uPlot.iife.min.js'),
        Path('vendor/uplot/dist/uPlot.min.css'),
    )
}


@bp.route('/static/{name}', cors=False)
def get_static_file(name: str) -> Response:
    """Return a stylesheet or script."""
    if name not in FILES:
        raise NotFound
    headers: dict[str, str | list[str]] = {
        'Content-Type': f'{_KINDS[FILES[name].suffix]}; charset=utf-8',
        'Cache-Control': 'public, max-age=31536000, immutable',
        'X-Content-Type-Options': 'nosniff',
    }
    return Response(FILES[name].read_text(), headers=headers)


@lru_cache
def versioned_path(name: str) -> str:
    """Return the path of a file, with a digest of its content: `/static/style.css?v=0123456789abcdef`."""
    return f'/static/{name}?v={hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:16]}'
