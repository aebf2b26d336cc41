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
import yaml
from safetensors.torch import load_file
from torchvision import models
from torchvision.transforms.functional import to_pil_image

from surveillance.cli import main
from surveillance.domain.errors import ModelError, NotFound, UserMistake
from surveillance.perception.cards import load_card, parse_card
from surveillance.perception.registry import build_classifier
from surveillance.perception.shelf import digest_of, unpacked
from surveillance.training.known import Known
from surveillance.training.known_tasks import task_names
from surveillance.training.known_weights import card_of, find_known, known_names, pull


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
    classifiers = [name for name in names if name not in task_names()]
    assert {"resnet50", "mobilenet_v3_large", "vit_b_16", "mobilenet_v1_025"} <= set(classifiers)
    assert len(classifiers) > 70
    for name in classifiers:
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


def test_every_detector_segmenter_and_face_model_leads_to_a_whole_card(tmp_path: Path) -> None:
    """But for its weights: a card of what is known is read as it was written."""
    for name in task_names():
        known = find_known(name)
        card = card_of(known, known.name, "0" * 64, b"weights")
        assert parse_card(yaml.safe_dump(card.as_yaml()), name) == card
        assert re.fullmatch("[0-9a-f]{8}|[0-9a-f]{64}", known.sha256)
    yolox, lraspp = find_known("yolox-nano"), find_known("lraspp_mobilenet_v3_large")
    assert (len(yolox.labels), set(yolox.classes.values())) == (80, {"person", "vehicle", "animal"})
    assert (lraspp.kind, lraspp.classes["person"], lraspp.classes["motorbike"]) == ("segmenter", "person", "vehicle")
    with pytest.raises(NotFound, match="ssdlite320_mobilenet_v3_large has no weights 'V9'; there are: COCO_V1"):
        find_known("ssdlite320_mobilenet_v3_large:V9")


def test_a_known_file_is_imported_without_a_card(
    footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path))
    file, unknown = footage / "models" / "yolox_nano.onnx", footage / "models" / "osnet_x0_25_msmt17.onnx"

    told = [
        run(arguments, capsys)
        for arguments in (
            ["models", "import", str(file)],
            ["models", "import", str(file)],
            ["models", "import", str(unknown)],
            ["classify", str(file), "--model", "yolox-nano"],
            ["models", "import", str(tmp_path / "none.onnx")],
        )
    ]

    assert told[0] == (0, "yolox-nano 1: added\n", "")
    assert told[1][0] == 2
    assert "there is a model called yolox-nano already" in told[1][2]
    assert "osnet_x0_25_msmt17.onnx is no file that is known" in told[2][2]
    assert "yolox-nano is a detector, and a classifier is needed; there are: animals, embedded" in told[3][2]
    assert "there is no such file" in told[4][2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input": {"size": 320, "fit": "corner"}}, "cannot be asked as its card says (yolox)"),
        ({"labels": ["person", "car"], "classes": {}}, "yolox of 416 pixels with 2 labels should answer"),
        ({"decoder": {"name": "ssd"}}, "ssd needs (1, n, 4)"),
    ],
)
def test_a_card_that_misreads_its_file_is_refused(
    footage: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    source, data = footage / "models" / "yolox_nano.onnx", tmp_path / "boxes.onnx"
    data.write_bytes(source.read_bytes())
    known = find_known("yolox-nano")
    page = card_of(known, "boxes", known.also[0], data.read_bytes()).as_yaml()
    (tmp_path / "boxes.yaml").write_text(yaml.safe_dump({**page, **changes}))
    with pytest.raises(ModelError) as caught, unpacked(tmp_path / "boxes.yaml", tmp_path / "models"):
        pass
    assert said in str(caught.value)


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


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
