"""A camera whose recognizer is silent is blinded, whatever its reader says."""

from fakes import NOON

from surveillance.domain.values import CameraReport
from surveillance.engines.camera import NO_ANSWER, NO_LOOK, CameraFrames, CameraHealth
from surveillance.ingest.mailbox import FrameMailbox


def test_a_worker_that_looks_at_nothing_blinds_its_camera() -> None:
    told: list[CameraReport] = []
    now_s = [0.0]
    health = CameraHealth("front", told.append, clock=lambda: now_s[0])
    live = CameraReport("front", NOON, "live")
    for second, looks in ((2.0, True), (4.0, False), (5.5, False), (6.0, True)):
        now_s[0] = second
        if looks:
            health.looked()
        health.report(live)
    assert [(report.state, report.reason) for report in told] == [
        ("live", ""),
        ("live", ""),
        ("blinded", NO_LOOK),
        ("live", ""),
    ]


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
