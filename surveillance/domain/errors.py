"""Every error a caller is expected to meet.

SurveillanceError
+-- UserMistake            one clear line and exit code 2: what, where, what to do
|   +-- SettingsError      a setting, site file or schedule that cannot be used
|   |   +-- DatabaseDamaged    a file that is no database, or no whole one any more
|   |   +-- AddressRefused     a place that this system must not be told to connect to
|   +-- RuleError          a rulebook with faults, all of them at once, each with its place
|   +-- SourceError        a camera or file that cannot be opened; `.reason` is a CameraFault
|   +-- ModelError         a card or weights that are missing, altered or do not fit
|   +-- DataError          labeled crops that cannot be trained or evaluated on
|   +-- NotFound           a camera, door, event, model or user that is not there
|   +-- EditConflict       the site was edited by somebody else since it was read
|   +-- JobBusy            a job that runs at this moment
|   +-- DatabaseTooNew     the database was written by a newer version
+-- SourceLost             an open camera stopped giving pictures (retried with back-off)
+-- Expired                an answer that came too late to be used; a door denies on it
+-- RecordFailed           nothing was committed, so nothing may act on it
+-- Unrecordable           a value that no record can hold; without it the others can be recorded
+-- ActionFailed           a deed that did not happen; `.certain` is False when it may have
"""

from typing import Literal

CameraFault = Literal["unreachable", "wrong_password", "not_found", "no_video", "timeout", "ended", "unreadable"]


class SurveillanceError(Exception):
    """Root of all errors of this system."""


class UserMistake(SurveillanceError):
    """Something a person can put right; its text is the one line that the person reads.

    Whatever it repeats of a file or a message may be anything: what a terminal would obey is written out.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class SettingsError(UserMistake):
    """A setting, site file or schedule that cannot be used."""


class AddressRefused(SettingsError):
    """A place that this system must not be told to connect to."""


class RuleError(UserMistake):
    """A rulebook with faults. `faults` holds one readable text per fault, with place and caret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SourceError(UserMistake):
    """A camera or file that cannot be opened."""

    def __init__(self, message: str, reason: CameraFault = "unreachable") -> None:
        super().__init__(message)
        self.reason = reason


class ModelError(UserMistake):
    """A model card or weights file that is missing, altered or does not fit."""


class DataError(UserMistake):
    """Labeled crops that cannot be trained or evaluated on."""


class NotFound(UserMistake):
    """Something asked for by name that is not there."""


class EditConflict(UserMistake):
    """The site was edited by somebody else since it was read; nothing was saved."""


class JobBusy(UserMistake):
    """A job that runs at this moment, here or in another process."""


class DatabaseTooNew(UserMistake):
    """The database has migrations that this version does not know."""


class DatabaseDamaged(SettingsError):
    """A file that is no database, or no whole one any more; only a backup helps."""


class SourceLost(SurveillanceError):
    """An open camera stopped giving pictures."""

    def __init__(self, message: str, reason: CameraFault = "timeout") -> None:
        super().__init__(message)
        self.reason = reason


class Expired(SurveillanceError):
    """An answer that came too late to be used."""


class RecordFailed(SurveillanceError):
    """Nothing was committed; whoever wanted to act on it must not."""


class Unrecordable(SurveillanceError):
    """Nothing was committed because one of the values cannot be held by any record, now or later."""


class ActionFailed(SurveillanceError):
    """A deed that failed. `certain` is False when it may nevertheless have happened."""

    def __init__(self, message: str, certain: bool = True) -> None:
        super().__init__(message)
        self.certain = certain


def printable(text: str) -> str:
    """With control and format characters written out, such as \\x1b; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t\xa0" else repr(c)[1:-1] for c in text)
