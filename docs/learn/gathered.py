"""What the guide shows, as it is measured: values by name, and pictures in its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from surveillance.training.plots import Theme, save_png


@dataclass(frozen=True, slots=True)
class Gathered:
    """Values are words, written as English writes numbers."""

    pictures: Path
    numbers: dict[str, str] = field(default_factory=dict)

    def tell(self, **values: str | int | float) -> None:
        """Whole numbers with thousands apart, shares with two places."""
        for name, value in values.items():
            if not isinstance(value, str):
                value = f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
            self.numbers[name] = value

    def draw(self, name: str, draw: Callable[[Theme], Figure], is_photograph: bool = False) -> None:
        """A photograph is kept as JPEG."""
        path = save_png(draw, self.pictures / f"{name}.png")
        if is_photograph:
            with Image.open(path) as whole:
                whole.convert("RGB").save(path.with_suffix(".jpg"), quality=86)
            path.unlink()

    def keep(self, picture: Path, name: str) -> None:
        """A picture that a command has written."""
        (self.pictures / f"{name}.png").write_bytes(picture.read_bytes())


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns in line: the first to the left, the others to the right."""
    lines = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
    told = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in lines]
    return "\n".join("  ".join(row).rstrip() for row in told)


def grid(values: Sequence[Sequence[float]], width: int = 5) -> list[str]:
    """Numbers in rows and columns, whole ones without a point."""
    return ["".join(f"{value:{width}g}" for value in row) for row in values]


def beside(*blocks: Sequence[str], signs: Sequence[str]) -> str:
    """Blocks of lines next to each other, with signs between them in the middle line."""
    middle = max(map(len, blocks)) // 2
    rows = []
    for row in range(max(map(len, blocks))):
        line = blocks[0][row] if row < len(blocks[0]) else ""
        for sign, block in zip(signs, blocks[1:], strict=True):
            line += f"   {sign if row == middle else ' ' * len(sign)}   " + (block[row] if row < len(block) else "")
        rows.append(line.rstrip())
    return "\n".join(rows)
