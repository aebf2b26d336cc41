"""Look for faces in pictures, compare them, and measure how well they are told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import faces
from surveillance.cli.words import cli, command, counted
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.app.faces import LookedAt
    from surveillance.domain.faces import FaceFigures
    from surveillance.perception.faces import Face
    from surveillance.training.faces import FaceReport

PICTURE = click.Path(path_type=Path, dir_okay=False)


@command(
    cli,
    "faces",
    """
    surveillance faces photo.jpg
    surveillance faces photo.jpg --save found.jpg --json
    surveillance faces photo.jpg --compare another.jpg
    """,
)
@click.argument("images", nargs=-1, required=True, type=PICTURE)
@click.option("--compare", type=PICTURE, help="Say how alike the faces are to those of this picture.")
@click.option("--save", type=PICTURE, help="Write the picture with its faces outlined here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per picture.")
@click.pass_obj
def find_faces(
    settings: Settings, images: tuple[Path, ...], compare: Path | None, save: Path | None, as_json: bool
) -> None:
    """Find the faces in each picture, and say whether each is good enough to be recognized."""
    if len(images) > 1 and (compare or save):
        raise click.UsageError("--compare and --save take one picture")
    for looked in faces.find_faces(settings, images):
        likes = compared(settings, looked, compare) if compare else []
        if save is not None:
            faces.paint(looked, save)
        if as_json:
            click.echo(json.dumps(answer_of(looked) | ({"compared": likes} if compare else {})))
            continue
        for line in (*lines_of(looked), *map(line_of_likeness, likes)):
            click.echo(line)
        if save is not None:
            click.echo(f"saved: {save}")


def compared(settings: Settings, looked: LookedAt, other: Path) -> list[dict[str, Any]]:
    """Every face of the picture with every one of the other, as JSON tells it."""
    [second] = faces.find_faces(settings, [other])
    rows, figures = faces.compare_faces(settings, [looked, second])
    return [
        {
            "face": number,
            "other": str(other),
            "other_face": place,
            "similarity": round(similarity, 4),
            **judged(similarity, figures, looked.faces[number - 1], second.faces[place - 1]),
        }
        for number, row in enumerate(rows, 1)
        for place, similarity in enumerate(row, 1)
    ]


def judged(similarity: float, figures: FaceFigures | None, one: Face, other: Face) -> dict[str, Any]:
    """Whether that is one person: null where a face is too poor to tell, or the embedding was never measured."""
    if figures is None:
        return {"threshold": None, "same": None}
    poor = bool(one.fault or other.fault)
    return {"threshold": figures.threshold, "same": None if poor else similarity >= figures.threshold}


def answer_of(looked: LookedAt) -> dict[str, Any]:
    return {"image": str(looked.path), "faces": [face_json(face) for face in looked.faces]}


def face_json(face: Face) -> dict[str, Any]:
    box = face.box
    return {
        "box": [round(edge, 4) for edge in (box.x1, box.y1, box.x2, box.y2)],
        "score": round(face.score, 3),
        "side_px": round(face.side_px),
        "sharpness": round(face.sharpness, 4),
        "turn": round(face.turn, 3),
        "tilt": round(face.tilt, 1),
        "good": not face.fault,
        "fault": face.fault,
    }


def lines_of(looked: LookedAt) -> Iterator[str]:
    """A line for the picture, and one for each face."""
    yield f"{looked.path}: {counted(len(looked.faces), 'face')}"
    for number, face in enumerate(looked.faces, 1):
        pose = f"turn {face.turn:+.2f}, tilt {face.tilt:+.0f}"
        told = f"{face.side_px:.0f} px, score {face.score:.2f}, sharpness {face.sharpness:.3f}, {pose}"
        yield f"  {number}  {told}: {face.fault or 'good enough to be recognized'}"


def line_of_likeness(like: dict[str, Any]) -> str:
    words = {True: "one person", False: "different persons", None: "a face is too poor to tell"}[like["same"]]
    if like["threshold"] is None:
        words = "the embedding was never measured, so nobody knows what that means; see `surveillance evaluate-faces`"
    else:
        words += f" ({like['threshold']:.2f} is needed)"
    return f"  {like['face']} and {like['other_face']} of {like['other']}: similarity {like['similarity']:.2f}, {words}"


# --- measuring -----------------------------------------------------------------------------------------------------


@command(
    cli,
    "evaluate-faces",
    """
    surveillance evaluate-faces persons
    surveillance evaluate-faces persons --report faces.png --json
    surveillance evaluate-faces persons --save
    """,
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--report", type=PICTURE, help="Draw similarities and rates here (PNG).")
@click.option("--save", is_flag=True, help="Write thresholds and rates on the embedding's card: they are used then.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(settings: Settings, folder: Path, report: Path | None, save: bool, as_json: bool) -> None:
    """Measure how well faces are told apart, on a folder with a folder of pictures for each person.

    Half of the persons set the thresholds; the rates are those of the other half, of whom every second one is a
    stranger.
    """
    measured = faces.evaluate(settings, folder, report)
    if as_json:
        click.echo(json.dumps(measured.as_json()))
    else:
        for line in report_lines(measured):
            click.echo(line)
    if report is not None:
        click.echo(f"picture: {report}", err=as_json)
    if save:
        click.echo(f"kept on {faces.keep_figures(settings, measured.figures)}", err=as_json)


def report_lines(measured: FaceReport) -> Sequence[str]:
    """What was measured, each rate with what it rests on."""
    figures, test, tuning = measured.figures, measured.test, measured.tuning
    refused = ", ".join(f"{count} {fault}" for fault, count in sorted(measured.refused.items()))
    return (
        f"not good enough   {refused or 'none'}",
        f"threshold 1:1     {figures.threshold:.4f} by {tuning['persons']} persons, {tuning['different_pairs']} pairs",
        f"threshold 1:N     {figures.identify_threshold:.4f}",
        "",
        f"tested on {test['persons']} other persons",
        f"  same accepted        {test['true_accept_rate']:.4f} of {test['same_pairs']} pairs",
        f"  different accepted   {test['false_accept_rate']:.5f}: {test['false_accepts']} of {test['different_pairs']}",
        f"  same accepted at FAR 0.001 of this half   {test['true_accept_rate_at_far_0.001']:.4f}, which rests on "
        f"{test['false_accepts_at_far_0.001']} pairs",
        f"  rank 1               {test['rank_1']:.4f} of {test['rank_1_probes']} pictures",
        f"  identified (1:N)     {test['identified_rate']:.4f} of {test['identified_probes']} pictures, gallery: "
        f"{test['gallery_persons']} persons, {test['gallery_templates']} faces; {test['wrongly_identified']} wrongly",
        f"  strangers identified {test['false_identification_rate']:.4f} of {test['stranger_probes']} pictures of "
        f"{test['strangers']} strangers; at most {test['expected_false_identification_rate']:.4f} is expected",
    )
