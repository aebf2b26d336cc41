"""The enrolled faces of a site as the dashboard is handed them: photos are looked at in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence

from surveillance.app import enrolling
from surveillance.app.enrolling import Enrolled, LookAt, Photo, look_elsewhere
from surveillance.app.site_edit import open_site
from surveillance.domain.errors import ModelError, NotFound
from surveillance.settings import Settings
from surveillance.storage.faces import EnrolledFace, Faces


class SiteFaces:
    """A `dashboard.services.FaceShelf`."""

    def __init__(self, settings: Settings, faces: Faces, look: LookAt = look_elsewhere) -> None:
        self._settings = settings
        self._faces = faces
        self._look = look

    def missing(self) -> str:
        try:
            enrolling.embedding_card(self._settings)
        except (ModelError, NotFound) as fault:
            return str(fault)
        return ""

    def of(self, name: str) -> Sequence[EnrolledFace]:
        return self._faces.list_faces(name)

    def picture(self, name: str, id: str) -> bytes:
        return self._faces.picture(name, id)

    def add(self, name: str, photos: Sequence[tuple[bytes, str]], by: str) -> Enrolled:
        given = [Photo(data, source) for data, source in photos]
        return enrolling.enroll(self._settings, name, given, self._look, by)

    def add_event(self, name: str, event: str, by: str) -> Enrolled:
        photo = enrolling.photo_of_event(open_site(self._settings), event)
        return enrolling.enroll(self._settings, name, [photo], self._look, by)

    def remove(self, name: str, id: str | None, by: str) -> None:
        self._faces.remove(name, by, id)
