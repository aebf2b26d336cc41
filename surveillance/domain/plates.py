"""Number plates as text: one spelling of all ways to write one, what looks like a plate, and which plates are near.

Near is one edit away, or apart only by letters that are mistaken for each other. A near plate is a hint, never a key.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LEAST, MOST = 4, 9  # characters of a plate, spelled
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
ALIKE = ("0ODQ", "1IL", "2Z", "5S", "6G", "8B", "AÄ", "OÖ", "UÜ")  # what a camera takes for each other
MOST_SWAPPED = 256  # spellings by such letters that are looked at
_TO_LATIN = str.maketrans("АВЕКМНОРСТУХІΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIABEZHIKMNOPTYX")  # Cyrillic, then Greek
_CHINESE = str.maketrans("IO", "10")  # after the province neither letter is used
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Match:
    """How a plate as read stands to a known one: exact, near or none; for a near one, what differs."""

    kind: str
    how: str = ""


EXACT, NONE = Match("exact"), Match("none")


def spelled(text: str) -> str:
    """A plate without blanks, dashes and dots, in capitals; letters that look Latin are Latin, a province is kept."""
    plain = unicodedata.normalize("NFKC", text).upper().translate(_TO_LATIN)
    plate = "".join(character for character in plain if character.isalnum())
    return _as_chinese(plate) if _has_province(plate) else plate


def _has_province(plate: str) -> bool:
    return plate[:1] in tuple(PROVINCES)


def _as_chinese(plate: str) -> str:
    return plate[:1] + plate[1:].translate(_CHINESE)


def looks_like_plate(plate: str) -> bool:
    """Whether a spelled text could be a plate: 4 to 9 of A-Z and 0-9 with at least one of each, or a Chinese one."""
    rest = plate[1:] if _has_province(plate) else plate
    letters = sum(character in _ALPHABET[:26] or character in "ÄÖÜ" for character in rest)
    digits = sum(character in _ALPHABET[26:] for character in rest)
    return LEAST <= len(plate) <= MOST and letters + digits == len(rest) and letters > 0 and digits > 0


def plate_in(text: str) -> str:
    """The plate that a line of text is, spelled, without what stands before or after it; empty where it is none."""
    plate = spelled(text)
    known = {*_ALPHABET, *"ÄÖÜ"}
    while plate and plate[-1] not in known:
        plate = plate[:-1]
    while plate and plate[0] not in known and not (_has_province(plate) and plate[1:2] in known):
        plate = plate[1:]
    return plate if looks_like_plate(plate) else ""


def match(read: str, known: str) -> Match:
    """How two plates, however they are written, stand to each other."""
    read, known = spelled(read), spelled(known)
    if _has_province(read) != _has_province(known):  # it was not seen, or taken for a letter
        read, known = _as_chinese(read), _as_chinese(known)
    if read == known:
        return EXACT if read else NONE
    if min(len(read), len(known)) < LEAST:
        return NONE
    if len(read) == len(known):
        return _by_letters(read, known)
    longer, shorter = (read, known) if len(read) > len(known) else (known, read)
    place = next((i for i in range(len(longer)) if longer[:i] + longer[i + 1 :] == shorter), None)
    if place is None:
        return NONE
    if longer is read:
        return Match("near", f"{read[place]} added in place {place + 1}")
    return Match("near", f"{known[place]} missing in place {place + 1}")


def _by_letters(read: str, known: str) -> Match:
    apart = [(a, b, place) for place, (a, b) in enumerate(zip(read, known, strict=True), 1) if a != b]
    if len(apart) > 1 and not all(_are_alike(a, b) for a, b, _ in apart):
        return NONE
    return Match("near", ", ".join(f"{a} for {b} in place {place}" for a, b, place in apart))


def _are_alike(a: str, b: str) -> bool:
    return any(a in group and b in group for group in ALIKE)


def spellings(plate: str) -> Iterator[str]:
    """Every plate that is near a spelled one, bounded: the likeliest first, none twice, itself not among them.

    Known plates are kept as keyed hashes only, so that these are what can be looked up.
    """
    seen = {plate}
    for other in map(spelled, itertools.chain(itertools.islice(_swapped(plate), MOST_SWAPPED), _edited(plate))):
        if other not in seen and len(other) >= LEAST:
            seen.add(other)
            yield other


def _swapped(plate: str) -> Iterator[str]:
    """By letters that look alike."""
    choices = [
        dict.fromkeys(itertools.chain(character, *(group for group in ALIKE if character in group)))
        for character in plate
    ]
    yield from map("".join, itertools.product(*choices))


def _edited(plate: str) -> Iterator[str]:
    """By one character left out, added or changed; the first may be a province."""
    for place in range(len(plate) + 1):
        before, after = plate[:place], plate[place:]
        letters = _ALPHABET + PROVINCES if place == 0 else _ALPHABET
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        yield from (before + letter + after for letter in letters)
