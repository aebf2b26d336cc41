"""Model cards: what is refused, and that a card survives its own file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml
from cards import embedded_card

from surveillance.domain.errors import ModelError, NotFound
from surveillance.perception.cards import Input, ModelCard, find_card, list_cards, load_card, parse_card
from surveillance.perception.opening import unplaced
from surveillance.perception.registry import fit_crop, normalize, preprocess, softmax

CARD = ModelCard(
    name="small",
    version="3",
    architecture="compact_cnn",
    parameters={"stem": 8},
    labels=("cat", "dog"),
    input=Input(size=48, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), color="bgr", fit="letterbox"),
    temperature=1.25,
    reject_below=0.5,
    weights_file="small.safetensors",
    weights_sha256="0" * 64,
    licence="MIT",
    data={"sources": {"coco": {"licence": "CC BY 4.0", "crops": {"cat": 3}}}},
    training={"recipe": {"epochs": 2}},
    metrics={"validation": {"accuracy": 0.75}},
)


def _page(**changes: object) -> str:
    return yaml.safe_dump({**CARD.as_yaml(), **changes})


def test_card_survives_its_file() -> None:
    assert parse_card(_page(), "small.yaml") == CARD


DETECTOR = dataclasses.replace(
    CARD,
    name="boxes",
    architecture="",
    parameters={},
    temperature=1.0,
    weights_file="boxes.onnx",
    kind="detector",
    decoder="yolox",
    options={"iou": 0.5},
    classes={"cat": "animal", "dog": "animal"},
    input=Input(size=48, fit="corner"),
)


def test_a_detectors_card_survives_its_file_and_is_no_classifiers(tmp_path: Path) -> None:
    (tmp_path / "boxes.yaml").write_text(yaml.safe_dump(DETECTOR.as_yaml()))
    (tmp_path / "small.yaml").write_text(_page())
    assert find_card("boxes", [tmp_path], "detector") == DETECTOR
    assert list_cards([tmp_path]) == (CARD,)
    assert list_cards([tmp_path], None) == (DETECTOR, CARD)
    with pytest.raises(ModelError, match="boxes is a detector, and a classifier is needed; there are: small"):
        find_card("boxes", [tmp_path])
    with pytest.raises(NotFound, match="no face detector is called 'eyes'; there are: none"):
        find_card("eyes", [tmp_path], "face_detector")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "oracle"}, "kind must be one of classifier, detector"),
        ({"decoder": "yunet"}, "a detector needs decoder yolox or nanodet or ssd or torchvision_detector, not 'yunet'"),
        ({"classes": {"cow": "animal"}}, "classes name 'cow', which is none of its labels"),
        ({"weights_file": "boxes.pt"}, "a .safetensors or .onnx file, not 'boxes.pt'"),
        ({"labels": (), "classes": {}}, "a detector needs labels"),
        ({"input": Input(size=48, fit="crop")}, "a detector sees all of a picture: fit cannot be crop"),
    ],
)
def test_a_detectors_card_says_what_it_lacks(changes: dict[str, object], told: str) -> None:
    page = dataclasses.replace(DETECTOR, **changes).as_yaml()  # type: ignore[arg-type]
    with pytest.raises(ModelError) as caught:
        parse_card(yaml.safe_dump(page), "boxes.yaml")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [", "small.yaml is no valid YAML"),
        ("[]", "small.yaml is no model card"),
        ("name: small", "it lacks 'weights'"),
        (_page(labels=["cat"]), "labels must be at least two and differ; they are cat"),
        (_page(labels=["cat", "cat"]), "labels must be at least two and differ"),
        (_page(input={"size": 48, "color": "yuv"}), "color rgb, bgr or gray"),
        (_page(input={"size": 48, "depth": 3}), "depth"),
        (_page(temperature=0), "above 0"),
        (_page(weights={"file": "small.pt", "sha256": "0"}), "not 'small.pt'"),
        (_page(weights={"file": "../small.safetensors", "sha256": "0"}), "plain name"),
    ],
)
def test_unusable_card_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_card(text, "small.yaml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_card_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model card .*none\.yaml: No such file"):
        load_card(tmp_path / "none.yaml")


def test_own_card_comes_before_the_shipped_one(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder, version in ((own, "9"), (shipped, "3")):
        folder.mkdir()
        (folder / "small.yaml").write_text(_page(version=version))
    (shipped / "other.yaml").write_text(_page(name="other"))
    newer = dataclasses.replace(CARD, version="9")
    other = dataclasses.replace(CARD, name="other")
    assert list_cards([own, shipped]) == (other, newer)
    assert find_card("small", [own, shipped]) == newer
    with pytest.raises(NotFound, match="no model is called 'big'; there are: other, small"):
        find_card("big", [own, shipped])


def test_shipped_card_is_found_without_a_data_directory() -> None:
    card = embedded_card()
    assert set(card.labels) == {"animal", "background", "person", "vehicle"}


def test_crops_of_any_size_become_one_batch() -> None:
    shape = Input(size=8, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2))
    blue = np.zeros((30, 5, 3), np.uint8)
    blue[..., 0] = 255
    tiny = np.full((1, 1, 3), 51, np.uint8)
    batch = preprocess([blue, tiny], shape)
    assert batch.shape == (2, 3, 8, 8)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch[0, :, 4, 4], [-0.1 / 0.5, -0.2 / 0.25, 0.7 / 0.2], rtol=1e-5)
    np.testing.assert_allclose(batch[1, :, 0, 0], [0.1 / 0.5, 0.0, -0.1 / 0.2], atol=1e-6)


def test_no_crops_make_an_empty_batch() -> None:
    assert preprocess([], Input(size=8)).shape == (0, 3, 8, 8)


def test_the_middle_is_what_torchvision_cuts_out() -> None:
    crop = np.zeros((40, 80, 3), np.uint8)
    crop[10:30, 30:50] = 255
    assert (fit_crop(crop, 20, "crop", resize=40) == 255).all()
    assert fit_crop(crop, 20, "crop").shape == (20, 20, 3)
    assert fit_crop(np.zeros((7, 90, 3), np.uint8), 20, "crop", resize=24).shape == (20, 20, 3)


def test_a_detectors_picture_lies_in_the_corner() -> None:
    fitted = fit_crop(np.full((20, 40, 3), 255, np.uint8), 16, "corner")
    assert (fitted[:8] == 255).all()
    assert (fitted[8:] == 114).all()
    assert fit_crop(np.zeros((7, 90, 3), np.uint8), 16, "whole").shape == (7, 90, 3)


@pytest.mark.parametrize("fit", ["stretch", "corner", "letterbox", "whole"])
def test_boxes_are_told_where_they_lie_in_the_picture(fit: str) -> None:
    """The right half of a picture of 40 x 20, seen through each way of fitting it."""
    seen = {"stretch": [8, 0, 16, 16], "corner": [8, 0, 16, 8], "letterbox": [8, 4, 16, 12], "whole": [20, 0, 40, 20]}
    boxes = np.array([seen[fit]], np.float32)
    np.testing.assert_allclose(unplaced(boxes, Input(size=16, fit=fit), 40, 20), [[0.5, 0, 1, 1]], atol=1e-6)


def test_a_gray_network_gets_one_channel() -> None:
    crop = np.full((9, 9, 3), (255, 0, 0), np.uint8)
    batch = preprocess([crop, crop], Input(size=4, color="gray", mean=(0.0,), std=(1.0,)))
    assert batch.shape == (2, 1, 4, 4)
    assert batch.max() == pytest.approx(29 / 255)
    assert preprocess([], Input(size=4, color="gray", mean=(0.0,), std=(1.0,))).shape == (0, 1, 4, 4)


def test_letterbox_keeps_proportions() -> None:
    crop = np.full((40, 20, 3), 255, np.uint8)
    fitted = fit_crop(crop, 16, "letterbox")
    assert (fitted[:, :4] == 128).all()
    assert (fitted[:, 4:12] == 255).all()
    assert (fitted[:, 12:] == 128).all()
    assert (fit_crop(crop, 16) == 255).all()


def test_bgr_networks_get_bgr() -> None:
    pixel = np.array([[[[255, 0, 0]]]], np.uint8)
    plain = {"size": 1, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    assert normalize(pixel, Input(**plain, color="bgr")).ravel().tolist() == [1, 0, 0]  # type: ignore[arg-type]
    assert normalize(pixel, Input(**plain, color="rgb")).ravel().tolist() == [0, 0, 1]  # type: ignore[arg-type]


def test_temperature_makes_less_sure_and_changes_no_order() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [800.0, 0.0, 0.0]], np.float32)
    sure, doubtful = softmax(logits), softmax(logits, 4.0)
    np.testing.assert_allclose(sure.sum(axis=1), 1)
    np.testing.assert_allclose(doubtful.sum(axis=1), 1)
    assert (sure.argmax(axis=1) == doubtful.argmax(axis=1)).all()
    assert doubtful[0, 0] < sure[0, 0]
