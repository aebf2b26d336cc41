"""The site's models as the dashboard is handed them: what there is, candidates, and what a person does about them.

What computes or loads is imported when it is asked for, so that a web process starts light; none of it loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from surveillance.app.model_trial import try_model
from surveillance.app.site_edit import open_site
from surveillance.domain.promotions import Move, Promotion
from surveillance.settings import Settings
from surveillance.storage.state import SharedState


class SiteShelf:
    """A `dashboard.services.ModelShelf`. `check(settings, name)` raises ModelError for a model that cannot be used."""

    def __init__(self, settings: Settings, check: Callable[[Settings, str], None] = try_model) -> None:
        self._settings = settings
        self._check = check

    def models(self) -> Sequence[Mapping[str, Any]]:
        from surveillance.app.shelf import list_models

        return [model.as_json() for model in list_models(self._settings)]

    def model(self, name: str) -> Mapping[str, Any]:
        from surveillance.app.shelf import one_model

        return one_model(self._settings, name).as_json()

    def candidates(self) -> Sequence[Mapping[str, Any]]:
        from surveillance.app.candidates import list_candidates

        return list_candidates(self._settings)

    def shadow(self) -> Mapping[str, Any]:
        from surveillance.app.candidates import shadow_standing

        return shadow_standing(self._settings)

    def drifted(self) -> Sequence[Mapping[str, Any]]:
        from surveillance.app.drift import STATE

        kept = SharedState(open_site(self._settings).engine).get_dated(STATE)
        return list(kept[0]["causes"].values()) if kept else []

    def promotions(self, camera: str | None = None, limit: int = 50) -> Sequence[Promotion]:
        from surveillance.app.promotion import promotions

        return promotions(self._settings, camera, limit)

    def planned(self, name: str, cameras: Sequence[str]) -> Sequence[Move]:
        from surveillance.app.promotion import planned

        return planned(self._settings, name, cameras)

    def promote(self, name: str, cameras: Sequence[str], by: str) -> Sequence[Move]:
        from surveillance.app.promotion import promote

        return promote(self._settings, name, cameras, by, self._check)

    def planned_rollback(self, cameras: Sequence[str]) -> Sequence[Move]:
        from surveillance.app.promotion import planned_rollback

        return planned_rollback(self._settings, cameras)

    def rollback(self, cameras: Sequence[str], by: str) -> Sequence[Move]:
        from surveillance.app.promotion import rollback

        return rollback(self._settings, cameras, by, self._check)

    def reject(self, name: str, by: str) -> None:
        from surveillance.app.candidates import reject

        reject(self._settings, name, by)

    def end_shadow(self, by: str) -> str:
        from surveillance.app.candidates import stop_shadow

        return stop_shadow(self._settings, by).model
