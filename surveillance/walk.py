"""The spine: what happens to a picture, to a crop, and to a claim, each as an ordered list of typed steps.

    camera worker   receive -> gate -> propose -> recognize -> track -> describe -> observe   pictures in, claims out
                    receive -> look                                                           at parts of the whole
    recognizer      classify                                                                  crops in, labels out
    core            desk, identify -> judge -> record -> dispatch                             claims in, deeds out

This module runs nothing and knows no stage: `app` builds the steps, an engine walks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from surveillance.domain import ports


@dataclass(frozen=True, slots=True)
class WorkerWalk:
    """One camera. Pixels come in at the top and end at the bottom."""

    receive: ports.Source  # -> Frame
    gate: ports.Gate  # Frame, Tracks -> Motion: does anything move, stand or need a probe?
    propose: ports.Propose  # Frame, Motion, Tracks -> Detections: where to look
    recognize: ports.Recognize  # Frame, Detections -> Scene: what it looks like (asks the recognizer)
    track: ports.Follow  # Scene -> Tracks: the same thing over time, by vote
    describe: ports.Describe  # Frame, Tracks -> Attributes: what else the picture tells of each: plate, behavior
    observe: ports.Observe  # Frame, Tracks, Attributes -> Observations: what is worth telling
    look: ports.Look  # Frame -> SceneReports: how watched parts of the picture are, whether anything moves or not


@dataclass(frozen=True, slots=True)
class RecognizerWalk:
    """One accelerator, shared by all cameras."""

    classify: ports.Classifier  # crops -> Classifications, in batches


@dataclass(frozen=True, slots=True)
class CoreWalk:
    """One site. Nothing acts before it is on record."""

    desk: ports.Desk  # Presented -> AccessRequest: who asks, with which factors
    judge: ports.Judge  # Input -> Decisions: authorize, deny, alert, log; with every clause
    record: ports.Record  # Inputs, Decisions -> Events: one commit, actions with it
    dispatch: ports.Dispatch  # outbox -> Actions: doors at most once, notifications at least once
    identify: ports.Identify = lambda seen: seen  # Observation -> Observation: whose plate it is, before it is judged
