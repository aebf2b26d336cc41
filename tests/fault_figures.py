"""How often each fault was tried and how long each recovery took, added up over runs into rows of a table.

`python tests/fault_figures.py FILE` prints the table of what `FAULT_FIGURES=FILE` gathered.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

Recoveries = Mapping[str, Sequence[float]]  # fault -> seconds until all was back, one for each time


def gather(recovered_s: Recoveries) -> None:
    """Adds what one run found to the file that the environment names, if any."""
    if file := os.environ.get("FAULT_FIGURES"):
        with Path(file).open("a", encoding="utf-8") as figures:
            figures.write(json.dumps(recovered_s) + "\n")


def table(recovered_s: Recoveries) -> str:
    """One line for each fault, as the documentation has it."""
    return "\n".join(
        f"| {fault} | {len(took_s)} | {statistics.median(took_s):.1f} s | {max(took_s):.1f} s |"
        for fault, took_s in recovered_s.items()
    )


def main(file: Path) -> None:
    total: dict[str, list[float]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        for fault, took_s in json.loads(line).items():
            total.setdefault(fault, []).extend(took_s)
    print(table(total))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
