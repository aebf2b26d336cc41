"""How large an encoded picture is, told by its first bytes."""

from __future__ import annotations

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # which begin a frame and tell its size


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG (ITU-T T.81, B.2.2) or PNG says it has, without decoding; None for anything else."""
    if content.startswith(PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if not content.startswith(JPEG):
        return None
    place = len(JPEG)
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in FRAME_MARKERS:
            return int.from_bytes(content[place + 7 : place + 9], "big"), int.from_bytes(
                content[place + 5 : place + 7], "big"
            )
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None
