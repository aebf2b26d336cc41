"""What a reader on a wire sends, as credentials write it: the number of a card, the PIN that was typed."""

from __future__ import annotations

ENTER, CLEAR = b"\r#", b"\x7f*"
SHORTEST, LONGEST = 4, 12  # digits of a PIN
FORGOTTEN_S = 10.0  # after that a key begins anew


def card_number(data: bytes, bits: int) -> str:
    """The 26 bits of a Wiegand card (H10301) as `FACILITY-NUMBER`, in decimal as cards have it printed; any other as
    hexadecimal digits, its bits aligned to the left. Empty for what is no card, or damaged."""
    if not 0 < bits <= 8 * len(data) or bits > 1024:
        return ""
    whole = int.from_bytes(data) >> (8 * len(data) - bits)
    if bits != 26:
        return f"{whole << -bits % 8:0{2 * ((bits + 7) // 8)}X}"
    first, last = whole >> 13, whole & 0x1FFF
    if first.bit_count() % 2 != 0 or last.bit_count() % 2 != 1:  # even parity before, odd behind
        return ""
    return f"{whole >> 17 & 0xFF}-{whole >> 1 & 0xFFFF}"


class KeyPad:
    """Keys in, PINs out: what was typed before the enter key."""

    def __init__(self) -> None:
        self._typed = ""
        self._at_s = 0.0

    def press(self, keys: bytes, now_s: float) -> list[str]:
        if now_s - self._at_s > FORGOTTEN_S:
            self._typed = ""
        self._at_s = now_s
        pins = []
        for key in keys:
            if key in ENTER:
                pins += [self._typed] if SHORTEST <= len(self._typed) <= LONGEST else []
                self._typed = ""
            elif key in CLEAR or not chr(key).isdecimal():
                self._typed = ""
            else:
                self._typed = (self._typed + chr(key))[: LONGEST + 1]  # one too many stays one too many
        return pins
