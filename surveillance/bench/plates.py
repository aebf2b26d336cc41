"""How well plates are read: pictures whose file name is the plate, and European ones that are painted from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from surveillance.domain.errors import UserMistake
from surveillance.domain.plates import match, spelled
from surveillance.domain.values import Bgr
from surveillance.perception.plates import Reading, read_plate

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # few countries use I, O and Q
SETS = {"L": LETTERS, "0": "0123456789", "C": "BCDFGHJKLMNPRSTVWXYZ", "G": "ABEZHIKMNOPTYX", "R": "АВЕКМНОРСТУХ"}
LAYOUTS: Mapping[str, tuple[str, ...]] = {  # 0: digit, L: letter, C: consonant, G: also Greek, R: Cyrillic
    "AT": ("L 0000LL", "LL 000LL"),
    "BE": ("1-LLL-000",),
    "DE": ("L•LL 0000", "LL•L 000", "LLL•LL 00"),
    "ES": ("0000 CCC",),
    "FR": ("LL-000-LL",),
    "GB": ("LL00 LLL",),
    "GR": ("GGG-0000",),
    "IT": ("LL 000LL",),
    "NL": ("LL-000-L", "0-LLL-00"),
    "PL": ("LLL 0000", "LL 00000"),
    "RU": ("R000RR 77", "R000RR 199"),
    "SE": ("LLL 000",),
}
SIGNS = {"AT": "A", "BE": "B", "DE": "D", "ES": "E", "FR": "F", "IT": "I", "SE": "S"}
YELLOW = ("NL", "GB")
BLUE, RED, BLACK = (160, 60, 0), (40, 30, 150), (25, 25, 25)
PLATE_PX = (520, 112)  # a pixel a millimeter
WIDTHS_PX = (70, 220)  # of a plate in the picture


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture, the plate that it shows, and the group that its figures count in."""

    picture: Bgr
    plate: str
    group: str


# --- where pictures come from --------------------------------------------------------------------------------------


def pictures_in(folder: Path) -> Iterator[Sample]:
    """Pictures whose file name, up to a _, is the plate. Raises UserMistake where there are none."""
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise UserMistake(f"{folder} holds no pictures; name them by their plates, such as AB12CDE.jpg")
    for file in files:
        picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise UserMistake(f"{file} is no picture that can be read")
        yield Sample(np.asarray(picture, np.uint8), file.stem.partition("_")[0], folder.name)


def painted(count: int, seed: int) -> Iterator[Sample]:
    """European plates on a dark ground: seen askew, blurred, noisy, darker or lighter. The same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 (paints, keeps no secret)
    countries = sorted(LAYOUTS)
    for number in range(count):
        country = countries[number % len(countries)]
        text = plate_text(country, dice)
        yield Sample(photographed(plate_picture(country, text, dice), dice), spelled(text), country)


def plate_text(country: str, dice: random.Random) -> str:
    layout = dice.choice(LAYOUTS[country])
    return "".join(dice.choice(SETS[sign]) if sign in SETS else sign for sign in layout)


def plate_picture(country: str, text: str, dice: random.Random) -> Bgr:
    """(112, 520, 3): the text in bold on white or yellow, with the blue strip and its country's letters."""
    ground = (40, 200, 245) if country in YELLOW and dice.random() < 0.8 else (240, 240, 240)
    image = Image.new("RGB", PLATE_PX, ground[::-1])
    draw = ImageDraw.Draw(image)
    left = 0
    if country != "RU":
        left = 46
        draw.rectangle((0, 0, left, PLATE_PX[1]), fill=BLUE[::-1])
        draw.text((left / 2, 84), SIGNS.get(country, country), font=_font(26), fill=(255, 255, 255), anchor="mm")
    inked = _letters(text, (RED if country == "BE" else BLACK)[::-1], ground[::-1])
    room = PLATE_PX[0] - left - 24
    inked = inked.resize((min(inked.width, room), 84))
    image.paste(inked, (left + 12 + (room - inked.width) // 2, 14))
    draw.rectangle((0, 0, PLATE_PX[0] - 1, PLATE_PX[1] - 1), outline=(20, 20, 20), width=3)
    return np.asarray(image, np.uint8)[:, :, ::-1].copy()


def _letters(text: str, ink: tuple[int, ...], ground: tuple[int, ...]) -> Image.Image:
    """The text, narrowed as plates have it, nothing around it."""
    font = _font(110)
    left, top, right, bottom = map(int, font.getbbox(text))
    image = Image.new("RGB", (right - left + 8, bottom - top + 8), ground)
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, font=font, fill=ink)
    return image.resize((round(image.width * 0.72), image.height))


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The bold face that comes with matplotlib, so that the same pictures are painted on every machine."""
    from matplotlib import font_manager

    return ImageFont.truetype(font_manager.findfont("DejaVu Sans:bold", fallback_to_default=False), size)


def photographed(plate: Bgr, dice: random.Random) -> Bgr:
    """As a camera sees it on a dark car: at some size and angle, out of focus, noisy, compressed."""
    width = dice.randint(*WIDTHS_PX)
    height = round(width * PLATE_PX[1] / PLATE_PX[0] * dice.uniform(0.9, 1.1))
    size = (round(width * 1.9), round(height * 4.0))
    x, y = (size[0] - width) / 2, size[1] * 0.45
    tilt = dice.uniform(-0.18, 0.18) * height
    slant = dice.uniform(-0.12, 0.12) * width
    far = dice.uniform(0.8, 1.0)  # of the right edge's height: the car stands at an angle
    corners = [(x, y), (x + width, y + tilt), (x + width + slant, y + tilt + height * far), (x + slant, y + height)]
    before = np.array([(0, 0), (PLATE_PX[0], 0), PLATE_PX, (0, PLATE_PX[1])], np.float32)
    turn = cv2.getPerspectiveTransform(before, np.array(corners, np.float32))
    paint = np.random.default_rng(dice.randrange(2**32))
    ground = cv2.resize(paint.integers(20, 70, (6, 8, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
    small = cv2.GaussianBlur(plate, (0, 0), max(PLATE_PX[0] / width / 2, 0.4))
    picture = cv2.warpPerspective(small, turn, size, ground, borderMode=cv2.BORDER_TRANSPARENT).astype(np.float32)
    soft = cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.3, 1.2))
    noisy = soft * dice.uniform(0.45, 1.1) + paint.normal(0, dice.uniform(2, 10), picture.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, dice.randint(50, 90)]
    jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), quality)[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


# --- measuring -----------------------------------------------------------------------------------------------------


def measure(samples: Iterable[Sample], read: Callable[[Bgr], Reading | None], total: int) -> dict[str, Any]:
    """Exact and near rates, the share of characters that is right, and CPU ms a picture; whole and by group."""
    by_group: dict[str, list[tuple[str, float]]] = {}
    started_s = time.process_time()
    for sample in tqdm(samples, total=total, unit="plate", disable=None, leave=False):
        reading = read(sample.picture)
        plate = reading.plate if reading else ""
        right = SequenceMatcher(None, plate, spelled(sample.plate), autojunk=False).get_matching_blocks()
        share = sum(block.size for block in right) / max(len(plate), len(spelled(sample.plate)))
        by_group.setdefault(sample.group, []).append((match(plate, sample.plate).kind, share))
    spent_ms = (time.process_time() - started_s) * 1000
    everything = [result for results in by_group.values() for result in results]
    figures = _rates(everything) | {"cpu_ms": round(spent_ms / max(len(everything), 1), 1)}
    return figures | {"groups": {group: _rates(results) for group, results in sorted(by_group.items())}}


def _rates(results: list[tuple[str, float]]) -> dict[str, Any]:
    kinds = Counter(kind for kind, _ in results)
    count = len(results)
    return {
        "pictures": count,
        "exact": round(kinds["exact"] / count, 4),
        "exact_or_near": round((kinds["exact"] + kinds["near"]) / count, 4),
        "characters": round(sum(share for _, share in results) / count, 4),
    }


def measure_all(data: Path | None, count: int, seed: int) -> dict[str, Any]:
    """The figures of the pictures of a folder, and of `count` painted ones."""
    read = reader()
    figures: dict[str, Any] = {}
    if data is not None:
        samples = list(pictures_in(data))
        figures["pictures"] = measure(samples, read, len(samples))
    if count:
        figures["painted"] = measure(painted(count, seed), read, count)
    return figures


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as a table, a line each; painted ones also by country."""
    yield f"{'':10} {'pictures':>8} {'exact':>7} {'or near':>8} {'characters':>11} {'CPU ms':>7}"
    for name, found in figures.items():
        yield _row(name, found) + f" {found['cpu_ms']:7.1f}"
        if len(found["groups"]) > 1:
            yield from (_row(f"  {group}", rates) for group, rates in found["groups"].items())


def _row(name: str, rates: Mapping[str, Any]) -> str:
    shares = f"{rates['exact']:7.1%} {rates['exact_or_near']:8.1%} {rates['characters']:11.1%}"
    return f"{name:10} {rates['pictures']:8d} {shares}"


def reader() -> Callable[[Bgr], Reading | None]:
    """The same reading as the camera task's."""
    from surveillance.perception.read import text_reader

    read = text_reader()
    return lambda picture: read_plate(picture, read)
