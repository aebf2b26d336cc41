"""A published model onto cameras, and back: each promotion is one version of the site and one event for each camera.

Called by the command line, the dashboard and jobs. A model is loaded before any camera is given it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from surveillance.app.candidates import close_approved
from surveillance.app.model_trial import try_model
from surveillance.app.site_edit import author, edit_site, model_names, open_site
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.promotions import Move, Promotion, standing
from surveillance.domain.site import Camera, Site
from surveillance.domain.suggest import no_such
from surveillance.settings import Settings
from surveillance.storage.camera_edits import camera_of, doors_through
from surveillance.storage.ledger import Note
from surveillance.storage.queries import EventFilter, Events

PAGE = 200
MOST_LABELS = 6  # named in a sentence

Check = Callable[[Settings, str], None]


# --- forth ---------------------------------------------------------------------------------------------------------


def promote(
    settings: Settings, name: str, cameras: Sequence[str] = (), actor: str | None = None, check: Check = try_model
) -> tuple[Move, ...]:
    """Gives the model to these cameras, or to all; returns those that had another. A candidate's case is closed by it.

    Raises NotFound for an unknown model or camera, ModelError for a model that cannot be loaded.
    """
    planned(settings, name, cameras)
    check(settings, name)
    by = actor or author()
    moves = _move(settings, "model.promoted", lambda site: _forth(settings, site, name, cameras), by)
    close_approved(settings, name, by)
    return moves


def planned(settings: Settings, name: str, cameras: Sequence[str] = ()) -> tuple[Move, ...]:
    """What `promote` would do. Raises NotFound."""
    known = model_names(settings)
    if name not in known:
        raise NotFound(no_such("model", name, known))
    return _forth(settings, open_site(settings).site.read(), name, cameras)


def _forth(settings: Settings, site: Site, name: str, cameras: Sequence[str]) -> tuple[Move, ...]:
    moves = []
    for camera in _chosen(site, cameras):
        before = camera.model or settings.perception.model
        if before != name:
            doors = tuple(doors_through(site, camera.name))
            moves.append(Move(camera.name, before, name, name, camera.model is None, doors))
    return tuple(moves)


def lost_labels(settings: Settings, moves: Iterable[Move]) -> list[str]:
    """A sentence for each pair of models of which the second lacks labels that the first knows."""
    from surveillance.perception.cards import list_cards

    labels = {card.name: card.labels for card in list_cards(settings.model_dirs)}
    sentences = []
    for before, after in sorted({(move.before, move.after) for move in moves}):
        lost = [label for label in labels.get(before, ()) if label not in labels[after]]
        if lost:
            shown = ", ".join(lost[:MOST_LABELS]) + (", ..." if len(lost) > MOST_LABELS else "")
            sentences.append(f"{after} does not know {shown}, which {before} does: rules that name them no longer hold")
    return sentences


# --- back ----------------------------------------------------------------------------------------------------------


def rollback(
    settings: Settings, cameras: Sequence[str] = (), actor: str | None = None, check: Check = try_model
) -> tuple[Move, ...]:
    """Takes these cameras, or all that were promoted, back to the model before their last promotion.

    Raises NotFound for a camera without one, SettingsError for one whose model was edited since, and ModelError where
    the earlier model can no longer be loaded.
    """
    for name in sorted({move.after for move in planned_rollback(settings, cameras)}):
        check(settings, name)
    return _move(settings, "model.rolled_back", lambda site: _back(settings, site, cameras), actor)


def planned_rollback(settings: Settings, cameras: Sequence[str] = ()) -> tuple[Move, ...]:
    """What `rollback` would do. Raises NotFound or SettingsError."""
    return _back(settings, open_site(settings).site.read(), cameras)


def _back(settings: Settings, site: Site, cameras: Sequence[str]) -> tuple[Move, ...]:
    events = open_site(settings).events
    moves = []
    for camera in _chosen(site, cameras):
        last = standing(_history(events, camera.name))
        if last is not None and (camera.model or settings.perception.model) == last.after:
            model = None if last.was_default else last.before
            after = model or settings.perception.model
            doors = tuple(doors_through(site, camera.name))
            moves.append(Move(camera.name, last.after, after, model, camera.model is None, doors))
        elif cameras and last is None:
            raise NotFound(f"camera {camera.name} has no promotion on record that could be rolled back")
        elif cameras and last is not None:
            raise SettingsError(
                f"camera {camera.name} was promoted to {last.after} and then edited to "
                f"{camera.model or settings.perception.model}; choose its model on the camera's page"
            )
    if not moves:
        raise NotFound("no camera has a promotion on record that could be rolled back")
    return tuple(moves)


# --- both ----------------------------------------------------------------------------------------------------------


def promotions(settings: Settings, camera: str | None = None, limit: int = 50) -> list[Promotion]:
    """What was promoted and rolled back, newest first. Raises NotFound for an unknown camera."""
    store = open_site(settings)
    if camera is not None:
        camera_of(store.site.read(), camera)
    return _history(store.events, camera, limit)


def _history(events: Events, camera: str | None, limit: int = PAGE) -> list[Promotion]:
    found: list[Promotion] = []
    cursor = None
    while True:
        rows, cursor = events.page(EventFilter(camera=camera, kind="model."), cursor, PAGE)
        found += [promotion_of(row) for row in rows if row["kind"] in ("model.promoted", "model.rolled_back")]
        if cursor is None or len(found) >= limit:
            return found[:limit]


def promotion_of(event: Mapping[str, Any]) -> Promotion:
    """An event of the record as a step in its camera's history."""
    details = event["details"]
    return Promotion(
        at=datetime.fromisoformat(event["at"]),
        event=event["id"],
        camera=event["camera"],
        before=details["before"],
        after=details["model"],
        actor=details["actor"],
        is_rollback=event["kind"] == "model.rolled_back",
        was_default=bool(details.get("was_default")),
    )


def _chosen(site: Site, cameras: Sequence[str]) -> Sequence[Camera]:
    return [camera_of(site, name) for name in dict.fromkeys(cameras)] if cameras else site.cameras


def _move(
    settings: Settings, kind: str, moves_of: Callable[[Site], tuple[Move, ...]], actor: str | None
) -> tuple[Move, ...]:
    """One edit of the site with its notes; the moves are worked out anew when somebody else was quicker."""
    made: list[tuple[Move, ...]] = []

    def edit(before: Site) -> Site:
        made.append(moves_of(before))
        models = {move.camera: move.model for move in made[-1]}
        cameras = (replace(c, model=models[c.name]) if c.name in models else c for c in before.cameras)
        return replace(before, cameras=tuple(cameras))

    edit_site(settings, edit, actor, lambda before: [_told(kind, move) for move in made[-1]])
    return made[-1]


def _told(kind: str, move: Move) -> Note:
    details = {"camera": move.camera, "model": move.after, "before": move.before}
    return Note(kind, move.camera, details | ({"was_default": True} if move.was_default else {}))
