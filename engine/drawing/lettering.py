"""The font of pictures, and how wide text is in it, roughly."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

FONT = "Helvetica,Arial,sans-serif"
SIZE, SMALL = 10.0, 9.0  # of letters, in points
_NARROW, _SLIM = set("ijlI.,:;'|/\\ -\xa0"), set("rtf()[]!")
_WIDE, _WIDEST = set("mwM@%…<>&=+~^#"), set("WÆæŒœ")
LONG = 1.08  # a factor for long lines, without a box's room around them: without Helvetica they are in DejaVu Sans


@lru_cache(maxsize=4000)
def width_of(text: str, size: float = SIZE, bold: bool = False) -> float:
    """The rough width of text in Helvetica, in points: too wide rather than too narrow.

    >>> width_of("will") < width_of("mama")
    True
    """
    ems = 0.0
    for letter in text:
        if letter in _NARROW:
            ems += 0.34
        elif letter in _SLIM:
            ems += 0.42
        elif letter in _WIDE:
            ems += 0.9
        elif letter in _WIDEST or unicodedata.east_asian_width(letter) in "WF":
            ems += 1.05
        elif letter.isalpha() and letter > "\u02af":  # beyond Latin, such as Cyrillic
            ems += 1.1 if letter.isupper() else 0.75
        else:
            ems += 0.72 if letter.isupper() else 0.6
    return ems * size * (1.1 if bold else 1.0)
