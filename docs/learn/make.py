"""Makes every picture and number of the learner's guide, and writes the numbers into its chapters.

    make learn DATA=fashion-mnist RUNS=runs TRANSFER=transfer CHECKPOINT=mobilenetV1X0.25_pretrain.tar

What RUNS holds already is used as it is; what it lacks is trained, which takes an hour or two on one processor.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from deciding import tell_door
from gathered import Gathered
from learning import tell_honesty, tell_training, tell_transfer
from networks import tell_networks
from pages import HERE, fill_all, load_numbers, save_numbers
from runs import Places, train_all
from seeing import tell_kernels, tell_lenet, tell_maps
from tqdm import tqdm

STEPS = {
    "kernels": tell_kernels,
    "maps": tell_maps,
    "lenet": tell_lenet,
    "training": tell_training,
    "honesty": tell_honesty,
    "networks": tell_networks,
    "transfer": tell_transfer,
    "door": tell_door,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="Fashion-MNIST's files")
    parser.add_argument("--runs", required=True, type=Path, help="where trainings lie, or are put")
    parser.add_argument("--transfer", type=Path, help="photographs: animals3/train and hymenoptera/train below it")
    parser.add_argument("--checkpoint", type=Path, help="ImageNet weights of mobilenet_v1_025")
    parser.add_argument("--only", nargs="*", choices=STEPS, help="these steps; the rest stays as it was")
    asked = parser.parse_args()
    places = Places(asked.data, asked.runs, asked.transfer, asked.checkpoint)
    if places.transfer is None and not (places.runs / "animals-transfer").is_dir():
        parser.error("chapter 7 needs photographs: give --transfer and --checkpoint, or RUNS that have been there")
    train_all(places)
    found = Gathered(HERE / "pictures", load_numbers() if asked.only else {})
    found.pictures.mkdir(exist_ok=True)
    for name in tqdm(asked.only or STEPS, "chapters"):
        STEPS[name](places, found)
    save_numbers(found.numbers)
    fill_all(found.numbers)


if __name__ == "__main__":
    main()
