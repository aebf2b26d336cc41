"""A camera is live only while somebody looks, the recognizer answers and the view is right."""

from dataclasses import replace

import numpy as np
from fakes import NOON

from surveillance.domain.values import CameraReport, Frame
from surveillance.engines.camera import NO_ANSWER, NO_LOOK, CameraFrames, CameraHealth
from surveillance.ingest.mailbox import FrameMailbox
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.view import LIVE, View


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
    live, lost = CameraReport("front", NOON, "live"), CameraReport("front", NOON, "lost", "timeout", changed=True)
    health.report(live)
    health.answered(True)
    health.answered(False)
    health.answered(False)
    health.report(live)
    health.report(lost)
    health.answered(True)
    health.report(replace(live, changed=True))
    assert [(report.state, report.reason, report.changed) for report in told] == [
        ("live", "", False),
        ("blinded", NO_ANSWER, True),
        ("blinded", NO_ANSWER, False),
        ("lost", "timeout", True),
        ("live", "", True),
    ]


def test_a_view_that_is_not_what_it_should_be_is_told_at_once_and_until_it_is_over() -> None:
    told: list[CameraReport] = []
    views = iter([View("live"), View("moved", "shifted"), View("moved", "shifted"), View("moved", "shifted"), LIVE])
    health = CameraHealth("front", told.append, view=lambda frame: next(views))
    live, lost = CameraReport("front", NOON, "live"), CameraReport("front", NOON, "lost", "ended", changed=True)
    picture = BgrPicture(np.zeros((4, 4, 3), np.uint8))
    frame = Frame("front", NOON, 0, picture.luma(), picture)
    health.report(replace(live, changed=True))
    health.looked(frame)
    health.looked(frame)
    health.looked(frame)
    health.report(live)
    health.answered(False)
    health.answered(True)
    health.report(lost)
    health.looked(frame)
    health.report(replace(live, changed=True))
    health.looked(frame)
    health.report(live)
    assert [(report.state, report.reason, report.changed) for report in told] == [
        ("live", "", True),
        ("moved", "shifted", True),
        ("moved", "shifted", False),
        ("blinded", NO_ANSWER, True),
        ("moved", "shifted", True),
        ("lost", "ended", True),
        ("moved", "shifted", True),
        ("live", "", True),
        ("live", "", False),
    ]


def test_a_camera_that_nobody_looked_at_in_time_is_found_once_somebody_does() -> None:
    told: list[CameraReport] = []
    now_s = [5.0]
    health = CameraHealth("front", told.append, clock=lambda: now_s[0])
    live = CameraReport("front", NOON, "live")
    now_s[0] = 10.0
    health.report(replace(live, changed=True))
    health.looked()
    health.report(live)
    assert [(report.state, report.reason, report.changed) for report in told] == [
        ("blinded", NO_LOOK, False),
        ("live", "", True),
    ]


def test_a_worker_that_is_started_again_reads_its_camera_once() -> None:
    reads: list[str] = []
    frames = CameraFrames(lambda: reads.append("read"), lambda: None, FrameMailbox())
    assert list(frames.frames()) == []
    assert list(frames.frames()) == []
    assert reads == ["read"]
