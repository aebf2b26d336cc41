"""A camera whose recognizer is silent is blinded, whatever its reader says."""

from fakes import NOON

from surveillance.domain.values import CameraReport
from surveillance.engines.camera import NO_ANSWER, CameraFrames, CameraHealth
from surveillance.ingest.mailbox import FrameMailbox


def test_without_answers_a_live_camera_is_blinded_until_one_comes() -> None:
    told: list[CameraReport] = []
    health = CameraHealth("front", told.append)
    live, lost = CameraReport("front", NOON, "live"), CameraReport("front", NOON, "lost", "timeout")
    health.report(live)
    health.answered(True)
    health.answered(False)
    health.answered(False)
    health.report(live)
    health.report(lost)
    health.answered(True)
    health.report(live)
    assert [(report.state, report.reason, report.changed) for report in told] == [
        ("live", "", False),
        ("blinded", NO_ANSWER, True),
        ("blinded", NO_ANSWER, False),
        ("lost", "timeout", False),
        ("live", "", True),
        ("live", "", False),
    ]


def test_a_worker_that_is_started_again_reads_its_camera_once() -> None:
    reads: list[str] = []
    frames = CameraFrames(lambda: reads.append("read"), lambda: None, FrameMailbox())
    assert list(frames.frames()) == []
    assert list(frames.frames()) == []
    assert reads == ["read"]
