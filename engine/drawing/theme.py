"""The colours of a picture, in light and dark, and the scale that shows the size of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise


@dataclass(frozen=True)
class Theme:
    """Colours: of the page, the text, the lines, the kinds of boxes, and the scale from small to large gradients."""

    page: str
    text: str
    muted: str
    line: str
    box: str
    parameter: str
    leaf: str
    root: str
    nan: str
    nan_text: str
    scale: tuple[str, ...]


LIGHT = Theme(
    page="#ffffff",
    text="#1b1f24",
    muted="#68717d",
    line="#9aa4b0",
    box="#f6f7f9",
    parameter="#1d63c9",
    leaf="#3f4a57",
    root="#1b1f24",
    nan="#c2127a",
    nan_text="#ffffff",
    scale=("#eef4fc", "#dcebd9", "#fbeaa9", "#fdc784", "#f79a72"),
)
DARK = Theme(
    page="#14171c",
    text="#e8ebef",
    muted="#98a2ae",
    line="#6b7683",
    box="#20252c",
    parameter="#78adf8",
    leaf="#b9c2cc",
    root="#f4f6f8",
    nan="#d61f8c",
    nan_text="#ffffff",
    scale=("#1c2836", "#20392f", "#4a4218", "#65401a", "#83351f"),
)
THEMES = {"light": LIGHT, "dark": DARK}
_BETWEEN = 25  # colours from one stop of a scale to the next

DECADES = 6
"""The range of the scale in powers of ten: gradients further below the largest share the lowest colour. It spans at
least one power of ten, so that gradients of similar size have similar colours."""


class GradientScale:
    """Colours for the sizes of gradients, by their logarithm between the smallest and the largest of a picture.

    >>> scale = GradientScale([1e-3, -10.0, 0.0, float("nan")], LIGHT)
    >>> scale.colour(-10.0), scale.colour(1e-3)
    ('#f79a72', '#eef4fc')
    """

    def __init__(self, gradients: Iterable[float], theme: Theme) -> None:
        logs = [math.log10(abs(g)) for g in gradients if g != 0.0 and math.isfinite(g)]
        self.high = max(logs, default=0.0)
        self.low = min(max(min(logs, default=0.0), self.high - DECADES), self.high - 1.0)
        self.ramp = _ramp(theme.scale)
        self.none = theme.box
        self.nan = theme.nan

    def colour(self, gradient: float) -> str:
        """The colour of a box with that gradient."""
        if gradient == 0.0:
            return self.none
        if not math.isfinite(gradient):
            return self.nan
        return self._at(math.log10(abs(gradient)))

    def _at(self, log: float) -> str:
        place = (log - self.low) / (self.high - self.low)
        return self.ramp[round(min(max(place, 0.0), 1.0) * (len(self.ramp) - 1))]

    def samples(self) -> dict[str, str]:
        """Colours for a legend, by the size they stand for, from the smallest to the largest.

        >>> GradientScale([0.001, 10.0], LIGHT).samples()
        {'0.001': '#eef4fc', '0.01': '#dcebd9', '0.1': '#fbeaa9', '1': '#fdc784', '10': '#f79a72'}
        """
        span = self.high - self.low
        digits, count = (1, 5) if span > 1.5 else (2, 3)
        logs = [self.low + span * i / (count - 1) for i in range(count)]
        return {_size(log, digits): self._at(log) for log in logs}


def _size(log: float, digits: int) -> str:
    """The number of that logarithm, which may round to one that no float can be.

    >>> _size(2.0, 1), _size(308.2547, 1), _size(-323.9, 1)
    ('100', '2e+308', '5e-324')
    """
    text = format(10.0 ** min(max(log, -323.3), 308.25), f".{digits}g")
    return text if abs(log) > 300 else f"{float(text):g}"


@cache
def _ramp(stops: tuple[str, ...]) -> list[str]:
    """The colours of a scale, with those between its stops."""
    channels = [[float(int(stop[i : i + 2], 16)) for i in (1, 3, 5)] for stop in stops]
    mixed = [
        [a + (b - a) * k / _BETWEEN for a, b in zip(low, high)]
        for low, high in pairwise(channels)
        for k in range(_BETWEEN)
    ]
    return ["#" + "".join(f"{round(channel):02x}" for channel in colour) for colour in [*mixed, channels[-1]]]
