"""JSON values into the one sequence of bytes that stands for them (RFC 8785), so that a hash of it means something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

SAFE_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """UTF-8 bytes by RFC 8785: keys sorted, numbers as ECMAScript writes them, no blanks.

    Raises ValueError for what JSON cannot say exactly: NaN, infinities, integers beyond 2**53 - 1, lone surrogates;
    TypeError for values that are not JSON.
    """
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode("utf-8")


def _write(value: Any, put: Any) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    elif isinstance(value, int):
        put(_integer(value))
    elif isinstance(value, float):
        put(_number(value))
    elif isinstance(value, Mapping):
        _write_object(value, put)
    elif isinstance(value, (list, tuple)):
        _write_array(value, put)
    else:
        raise TypeError(f"{type(value).__name__} is not a JSON value")


def _write_object(value: Mapping[str, Any], put: Any) -> None:
    mark = "{"
    for name, text in _order(tuple(value)):
        put(mark + text)
        _write(value[name], put)
        mark = ","
    put("}" if value else "{}")


@lru_cache(maxsize=1024)  # the same few shapes of objects come again and again
def _order(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(name, its text with the colon) in the order of UTF-16 code units, which is not quite that of code points."""
    ordered = sorted(names, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return tuple((name, encode_basestring(name) + ":") for name in ordered)


def _write_array(value: list[Any] | tuple[Any, ...], put: Any) -> None:
    mark = "["
    for item in value:
        put(mark)
        _write(item, put)
        mark = ","
    put("]" if value else "[]")


def _integer(value: int) -> str:
    if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
        raise ValueError(f"{value} is beyond the integers that every JSON reader keeps exactly")
    return str(value)


def _number(value: float) -> str:
    """ECMAScript's Number::toString: the shortest digits that read back as the same number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if value == 0:
        return "0"
    text = float.__repr__(value)  # a subclass may write itself in its own way
    if "e" not in text:
        return text.removesuffix(".0")
    return _from_exponent(text)


def _from_exponent(text: str) -> str:
    """Python's `d.ddde±NN` as ECMAScript writes it: plain from 1e-6 up to 1e21, else without a padded exponent."""
    mantissa, _, power_text = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits, power = whole + fraction, int(power_text)
    if 0 <= power < 21:
        return sign + digits.ljust(power + 1, "0")
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    mark = "+" if power > 0 else "-"
    return sign + (f"{whole}.{fraction}" if fraction else whole) + f"e{mark}{abs(power)}"
