"""Weights that others publish: verified, kept as safetensors with a card, and used like any model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torchvision import models
from torchvision.transforms.functional import to_pil_image

from surveillance.cli import main
from surveillance.domain.errors import ModelError, NotFound, UserMistake
from surveillance.perception.registry import build_classifier, load_card
from surveillance.perception.shelf import digest_of
from surveillance.training.known_weights import Known, find_known, known_names, pull


def random_weights(name: str, folder: Path, **parameters: bool) -> tuple[Path, torch.nn.Module]:
    """A checkpoint of the right shape, and its network."""
    torch.manual_seed(5)
    network = models.get_model(name, weights=None, **parameters)
    torch.save(network.state_dict(), folder / "random.pth")
    return folder / "random.pth", network.eval()


def as_if_published(name: str, file: Path) -> Known:
    return replace(find_known(name), sha256=digest_of(file)[:8])


def test_every_name_leads_to_a_whole_card() -> None:
    names = known_names()
    assert {"resnet50", "mobilenet_v3_large", "vit_b_16", "mobilenet_v1_025"} <= set(names)
    assert len(names) > 70
    for name in names:
        known = find_known(name)
        assert (known.name, len(set(known.labels))) == (name, 1000)
        assert re.fullmatch("[0-9a-f]{8,64}", known.sha256)
        assert known.input.resize >= known.input.size >= 224
    assert find_known("resnet50:IMAGENET1K_V2") == find_known("resnet50")
    assert find_known("resnet50:IMAGENET1K_V1").name == "resnet50-imagenet1k_v1"
    assert find_known("vit_b_16:IMAGENET1K_SWAG_E2E_V1").parameters == {"image_size": 384}
    with pytest.raises(NotFound, match="no known model is called 'resent50'; did you mean 'resnet50'"):
        find_known("resent50")
    with pytest.raises(NotFound, match="resnet50 has no weights 'V9'; there are: IMAGENET1K_V1, IMAGENET1K_V2"):
        find_known("resnet50:V9")


def test_what_was_fetched_is_kept_with_what_its_makers_state(tmp_path: Path) -> None:
    file, network = random_weights("mobilenet_v3_small", tmp_path)
    fetched: list[str] = []

    def fetch(url: str, to: Path) -> None:
        fetched.append(url)
        to.write_bytes(file.read_bytes())

    known = as_if_published("mobilenet_v3_small", file)
    card = load_card(pull(known, tmp_path / "models", fetch=fetch))
    assert fetched == [known.url]
    assert (card.name, card.version, card.input.resize) == ("mobilenet_v3_small", "IMAGENET1K_V1", 256)
    assert card.metrics["stated"]["accuracy"] == 0.67668
    assert card.training["pulled"]["sha256"] == digest_of(file)
    picture = np.random.default_rng(1).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    ready = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()(to_pil_image(picture[..., ::-1].copy()))
    with torch.inference_mode():
        wanted = network(ready[None]).numpy()
    for backend in ("torch", "openvino"):
        told = build_classifier(card, tmp_path / "models", backend, "cpu").logits([picture])
        np.testing.assert_allclose(told, wanted, atol=2e-3)


def test_side_heads_are_left_out(tmp_path: Path) -> None:
    file, network = random_weights("googlenet", tmp_path, init_weights=False, aux_logits=True, transform_input=True)
    card = load_card(pull(as_if_published("googlenet", file), tmp_path / "models", file=file))
    kept = load_file(tmp_path / "models" / card.weights_file)
    assert not [name for name in kept if name.startswith("aux")]
    picture = np.full((300, 300, 3), 90, np.uint8)
    ready = models.GoogLeNet_Weights.DEFAULT.transforms()(to_pil_image(picture))
    with torch.inference_mode():
        wanted = network(ready[None]).numpy()
    told = build_classifier(card, tmp_path / "models", "torch", "cpu").logits([picture])
    np.testing.assert_allclose(told, wanted, atol=1e-3)


def test_another_file_than_asked_for_is_refused(tmp_path: Path) -> None:
    file, network = random_weights("mobilenet_v3_small", tmp_path)
    known = find_known("mobilenet_v3_small")
    with pytest.raises(
        ModelError, match=rf"random\.pth is not {known.file}: its sha256 should begin with {known.sha256}"
    ):
        pull(known, tmp_path / "models", file=file)
    with pytest.raises(ModelError, match=r"random\.pth does not fit resnet18: "):
        pull(as_if_published("resnet18", file), tmp_path / "models", file=file)
    torch.save(network, file)
    with pytest.raises(ModelError, match="holds more than weights, or is damaged; it is not read"):
        pull(as_if_published("mobilenet_v3_small", file), tmp_path / "models", file=file)
    assert not (tmp_path / "models").exists()


def test_nothing_is_claimed_for_weights_of_ones_own(tmp_path: Path) -> None:
    file, _ = random_weights("mobilenet_v3_small", tmp_path)
    known = find_known("mobilenet_v3_small")
    card = load_card(pull(known, tmp_path / "models", "mine", file, digest_of(file)))
    assert (card.name, card.version, card.licence, card.metrics) == ("mine", "1", "not stated", {})
    assert card.training == {"pulled": {"file": "random.pth", "sha256": digest_of(file)}}
    with pytest.raises(UserMistake, match="is no model name"):
        pull(known, tmp_path / "models", "../mine", file, digest_of(file))


def test_a_machine_without_a_network_is_told_what_to_do(tmp_path: Path) -> None:
    def fetch(url: str, to: Path) -> None:
        raise OSError("Network is unreachable")

    with pytest.raises(UserMistake) as told:
        pull(find_known("resnet50"), tmp_path, fetch=fetch)
    assert str(told.value) == (
        "cannot fetch resnet50-11ad3fa6.pth (Network is unreachable): where there is a network, run `surveillance "
        "models pull resnet50` and `surveillance models export resnet50 --to models.zip`; carry that here, and run "
        "`surveillance models import models.zip`"
    )
    with pytest.raises(UserMistake, match=r"give its file by --from mobilenetV1X0\.25_pretrain\.tar"):
        pull(find_known("mobilenet_v1_025"), tmp_path)


@pytest.mark.slow
def test_resnet50_names_the_five_likeliest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    file, _ = random_weights("resnet50", tmp_path)
    cv2.imwrite(str(tmp_path / "drake.png"), np.random.default_rng(3).integers(0, 255, (300, 400, 3), dtype=np.uint8))

    def typed(*words: str) -> tuple[int | str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        said = capsys.readouterr()
        return left.value.code or 0, said.out + said.err

    asked = ("classify", str(tmp_path / "drake.png"), "--model", "resnet50")
    assert typed(*asked) == (
        2,
        "surveillance: resnet50 is not here yet: `surveillance models pull resnet50` gets it; without a network, pull "
        "and export it on a machine that has one, and `surveillance models import FILE`\n",
    )
    assert typed("models", "pull", "resnet50", "--from", str(file), "--sha256", digest_of(file))[0] == 0
    code, said = typed(*asked)
    assert code == 0
    lines = said.splitlines()
    assert lines[0] == f"{tmp_path / 'drake.png'}:"
    labels = set(models.ResNet50_Weights.DEFAULT.meta["categories"])
    told = [re.fullmatch(r"  (.+?) +(\d+\.\d)%( +█+)?", line) for line in lines[1:]]
    assert len(told) == 5
    assert all(match is not None and match[1] in labels for match in told)
    shares = [float(match[2]) for match in told if match is not None]
    assert shares == sorted(shares, reverse=True)
    answer = json.loads(typed(*asked, "--top", "3", "--json")[1])
    assert list(answer["scores"]) == [match[1] for match in told[:3] if match is not None]
    assert (answer["label"], answer["model"]) == (told[0] and told[0][1], "resnet50")
