"""How much is kept by something that lives for long: every value that can be reached from it, counted."""

from __future__ import annotations

import gc
import types
from typing import Any

_COMMON = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)  # the program itself


def things_kept(*roots: Any) -> int:
    """The values reachable from these, themselves with them; the program's own functions, types and modules are not."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _COMMON):
            continue
        seen.add(id(thing))
        waiting += gc.get_referents(thing)
    return len(seen)
