"""Plots of a report as inline SVG: messages over time by verdict, bars by name. Pure.

No style attribute, since the page's policy forbids it: classes give the colours. Words stand beside
the drawings as text, so that they can be read at any width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from html import escape
from typing import Final

from sidecar.audit.table import plain
from sidecar.audit.tally import Row

VERDICTS: Final = {
    "allow": "allowed",
    "mask": "allowed, masked",
    "deny": "refused",
    "error": "failed",
    "none": "not judged",
}
_MOST_BARS: Final = 15
_MOST_STEPS: Final = 92
_WIDTHS: Final = ((13, "hour"), (10, "day"), (7, "month"))
"""How much of a timestamp names a step of time."""


def over_time(hours: Mapping[Row, int]) -> str:
    """Stacked bars of messages by verdict: by hour, day or month, whichever is readable."""
    if not hours:
        return '<p class="quiet">No messages in this time.</p>'
    width, name = next(
        (each for each in _WIDTHS if len({hour[: each[0]] for hour, _ in hours}) <= _MOST_STEPS),
        _WIDTHS[-1],
    )
    counts: Counter[Row] = Counter()
    for (hour, verdict), times in hours.items():
        counts[hour[:width], verdict if verdict in VERDICTS else "none"] += times
    steps = sorted({step for step, _ in counts})
    highest = max(sum(counts[step, verdict] for verdict in VERDICTS) for step in steps)
    bars = "".join(
        bar for place, step in enumerate(steps) for bar in _stacked(place, step, counts, highest)
    )
    return (
        f'<svg viewBox="0 0 {len(steps)} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="Messages by {name} and verdict">{bars}</svg>'
        f'<div class="ends quiet"><span>{escape(plain(steps[0]))}</span>'
        f"<span>at most {highest} in one {name}</span><span>{escape(plain(steps[-1]))}</span></div>"
        f'<p class="legend quiet">{_legend()}</p>'
    )


def bars(counts: Mapping[str, int], css: Callable[[str], str]) -> str:
    """Horizontal bars, the longest first; what is left over is told as a number.

    `css` gives the class that colours a bar, by its name.
    """
    if not counts:
        return '<p class="quiet">None.</p>'
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    longest = ordered[0][1] or 1
    drawn = "".join(
        f"<span>{escape(plain(name))}: {times}</span>"
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{css(name)}" width="{100 * times / longest:.2f}" height="10"/></svg>'
        for name, times in ordered[:_MOST_BARS]
    )
    rest = len(ordered) - _MOST_BARS
    more = f'<p class="quiet">and {rest} more; the tables have all.</p>' if rest > 0 else ""
    return f'<div class="bars">{drawn}</div>{more}'


def _stacked(place: int, step: str, counts: Mapping[Row, int], highest: int) -> list[str]:
    drawn, y = [], 100.0
    for verdict, words in VERDICTS.items():
        times = counts.get((step, verdict), 0)
        height = 100 * times / highest
        y -= height
        if times:
            title = f"{escape(plain(step))}: {times} {words}"
            drawn.append(
                f'<rect class="{verdict}" x="{place + 0.05}" y="{y:.2f}" width="0.9" '
                f'height="{height:.2f}"><title>{title}</title></rect>'
            )
    return drawn


def _legend() -> str:
    return " ".join(
        f'<span class="whole"><b class="{verdict}"></b>{words}</span>'
        for verdict, words in VERDICTS.items()
    )
