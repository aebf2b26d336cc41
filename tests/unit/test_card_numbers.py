"""What readers on a wire send, as people write it down."""

from __future__ import annotations

import pytest

from surveillance.access.cards import KeyPad, card_number
from surveillance.demo.osdp_device import wiegand


@pytest.mark.parametrize(
    ("data", "bits", "number"),
    [
        (wiegand(0, 1), 26, "0-1"),
        (wiegand(18, 13356), 26, "18-13356"),
        (wiegand(255, 65535), 26, "255-65535"),
        (bytes([wiegand(18, 13356)[0] ^ 0x10, *wiegand(18, 13356)[1:]]), 26, ""),  # a bit that fell over
        (bytes([*wiegand(18, 13356)[:2], wiegand(18, 13356)[2] ^ 0x10, wiegand(18, 13356)[3]]), 26, ""),
        (bytes.fromhex("04A1B2C3D4E5F6"), 56, "04A1B2C3D4E5F6"),
        (b"\x80", 1, "80"),
        (b"\xff\xff", 12, "FFF0"),
        (b"\x00\x01", 16, "0001"),
        (b"", 0, ""),
        (b"\x01", 9, ""),
    ],
)
def test_a_card_is_known_by_what_is_printed_on_it_or_by_its_bits(data: bytes, bits: int, number: str) -> None:
    assert card_number(data, bits) == number


@pytest.mark.parametrize(
    ("presses", "pins"),
    [
        ([b"1234\r"], ["1234"]),
        ([b"1", b"2", b"3", b"4", b"#"], ["1234"]),
        ([b"12", b"*", b"5678#"], ["5678"]),
        ([b"123#"], []),
        ([b"1234567890123#", b"4321#"], ["4321"]),
        ([b"12x34#", b"\xb21234#"], ["1234"]),
    ],
)
def test_a_pin_is_what_was_typed_before_enter(presses: list[bytes], pins: list[str]) -> None:
    pad = KeyPad()
    assert [pin for keys in presses for pin in pad.press(keys, 100.0)] == pins


def test_keys_of_somebody_who_went_away_are_forgotten() -> None:
    pad = KeyPad()
    assert (pad.press(b"12", 100.0), pad.press(b"34#", 111.0), pad.press(b"1234#", 112.0)) == ([], [], ["1234"])
