"""The stylesheets and scripts of the pages. Browsers keep them for ever under an address that contains their digest."""

import hashlib
from functools import lru_cache
from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib.errors import NotFound
from chalicelib.web import forms

bp = Blueprint(__name__)

FOLDER = Path(__file__).parent / 'static'
_KINDS = {'.css': 'text/css', '.js': 'text/javascript'}
# All that is served, by name.
FILES = {
    path.name: FOLDER.joinpath(path)
    for path in (
        Path('style.css'),
        Path('passkey.js'),
        Path('guard.js'),
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
    """Return a stylesheet or script, not to be kept under the digest of another release: pages and files of two overlap in a deployment."""
    if name not in FILES:
        raise NotFound
    is_requested_version = forms.query_parameter(bp.current_request, 'v') == _digest(name)
    headers: dict[str, str | list[str]] = {
        'Content-Type': f'{_KINDS[FILES[name].suffix]}; charset=utf-8',
        'Cache-Control': 'public, max-age=31536000, immutable' if is_requested_version else 'no-cache',
        'X-Content-Type-Options': 'nosniff',
    }
    return Response(FILES[name].read_text(), headers=headers)


def versioned_path(name: str) -> str:
    """Return the path of a file, with a digest of its content: `/static/style.css?v=0123456789abcdef`."""
    return f'/static/{name}?v={_digest(name)}'


@lru_cache
def _digest(name: str) -> str:
    return hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:16]
