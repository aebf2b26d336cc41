"""What cameras see of people, as core makes use of it: faces, plates and codes, for the doors and for the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from surveillance.access.badges import BadgeSeal
from surveillance.access.camera_desk import CameraDesk
from surveillance.access.collecting import Collecting
from surveillance.access.desk import AccessDesk
from surveillance.access.faces import FaceCheck, FaceIdentity, SeenFaces
from surveillance.access.plates import KnownPlates
from surveillance.access.seen_factors import SeenFactors
from surveillance.domain.faces import FaceSeen, FacesFailed
from surveillance.domain.values import AccessRequest, Decision, Glimpse, Observation
from surveillance.settings import Settings
from surveillance.storage.keys import KeyStore

if TYPE_CHECKING:
    from surveillance.app.core import SiteInForce


class Seeing:
    """`access` is core's desk step and `identify` its step for observations; `glimpsed` is for any thread."""

    def __init__(
        self, settings: Settings, keys: KeyStore, site: SiteInForce, put: Callable[[AccessRequest], None]
    ) -> None:
        """`put` takes what a door's camera asks by itself."""
        matching = settings.access.faces
        self.faces = SeenFaces(matching.window_s)
        self._factors = SeenFactors()
        self._collecting = Collecting(settings.access.collect_s)
        self._whose_face = FaceIdentity(self.faces, site, site.known_faces, matching)
        self._whose_plate = KnownPlates(site, keys.hash_credential)
        parts = (
            site,
            keys.hash_credential,
            BadgeSeal(keys.key("badges"), keys.older("badges")).read,
            self._factors,
            FaceCheck(self.faces, site, site.known_faces, matching, site.judge.camera_doubt),
        )
        self.access = AccessDesk(*parts, self._collecting)
        self._asking = CameraDesk(site, AccessDesk(*parts), put)  # what cameras read ends nobody's request at a reader

    def identify(self, seen: Observation) -> Observation:
        """Whose face and whose plate it is."""
        identified = self._whose_plate(self._whose_face(seen))
        self._factors.hear(identified)
        self._asking.hear(identified)
        return identified

    def decided(self, decisions: Iterable[Decision]) -> None:
        """Who was let in has used what they presented."""
        for decision in decisions:
            if decision.verdict == "authorize" and decision.door is not None:
                self._collecting.close(decision.door)

    def glimpsed(self, glimpse: Glimpse) -> str:
        """What a camera saw for the moment alone. Returns what fails now and did not before, in words."""
        if isinstance(glimpse, FacesFailed):
            is_new = self.faces.hear(glimpse)
            return f"camera {glimpse.camera} tells of no faces: {glimpse.reason}" if is_new else ""
        if isinstance(glimpse, FaceSeen):
            self.faces.hear(glimpse)
        else:
            self._asking.read(glimpse)
        return ""
