"""Draws lines as SVG, for the documentation."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 320, 70, 45, 40, 20
_COLOURS = ('#1f6feb', '#d1242f', '#1a7f37')

Points = Sequence[tuple[float, float]]


def draw(path: Path, title: str, across: str, lines: Mapping[str, Points], *, is_logarithmic: bool = False) -> None:
    """Write a plot of named lines; `across` is what the horizontal axis counts, in powers of ten if that is asked for."""
    xs = [_scaled(x, is_logarithmic) for points in lines.values() for x, _ in points]
    top = _round_up(max(y for points in lines.values() for _, y in points))
    left, right = min(xs), max(xs)

    def place(x: float, y: float) -> str:
        across = _LEFT + (_scaled(x, is_logarithmic) - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
        return f'{across:.1f},{_HEIGHT - _BOTTOM - y / top * (_HEIGHT - _BOTTOM - _TOP):.1f}'

    parts = [f'<title>{escape(title)}</title>', '<rect width="100%" height="100%" fill="white"/>', _text(_WIDTH / 2, 22, title, 'middle')]
    for part in range(5):
        y = top * part / 4
        _, height = place(10**left if is_logarithmic else left, y).split(',')
        parts += [f'<path d="M{_LEFT} {height}H{_WIDTH - _RIGHT}" stroke="#d0d7de"/>', _text(_LEFT - 8, float(height) + 4, f'{y:g}', 'end')]
    for x in _ticks(left, right, is_logarithmic):
        column, _ = place(x, 0).split(',')
        parts.append(_text(float(column), _HEIGHT - _BOTTOM + 18, f'{x:,g}' if x < 1e6 else f'{x / 1e6:g} M', 'middle'))
    parts.append(_text(_WIDTH / 2, _HEIGHT - 8, across, 'middle'))
    for place_of, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[place_of % len(_COLOURS)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(place(*point) for point in points)}"/>')
        parts.append(_text(_LEFT + 10, _TOP + 14 + 16 * place_of, name, 'start', colour))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-family="sans-serif" font-size="12">'
    path.write_text('\n'.join([svg, *parts, '</svg>', '']))


def _scaled(x: float, is_logarithmic: bool) -> float:
    return math.log10(x) if is_logarithmic else x


def _ticks(left: float, right: float, is_logarithmic: bool) -> list[float]:
    if is_logarithmic:
        return [10.0**power for power in range(math.ceil(left), math.floor(right) + 1)]
    return [left + (right - left) * part / 6 for part in range(7)]


def _round_up(value: float) -> float:
    """Return the next number that begins with 1, 2 or 5."""
    size: float = 10 ** math.floor(math.log10(value)) if value > 0 else 1
    return next(size * step for step in (1, 2, 5, 10) if size * step >= value)


def _text(x: float, y: float, text: str, anchor: str, colour: str = '#1f2328') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
