"""Figures add up over threads, processes and restarts."""

from __future__ import annotations

import json
import threading

from surveillance.engines.figures import BOUNDS_S, Figures, Sample


def over_json(figures: Figures) -> dict:
    return json.loads(json.dumps(figures.as_json()))


def values(figures: Figures) -> dict:
    return {(sample.name, *sample.labels.values()): sample.value for sample in figures.samples()}


def test_counters_gauges_and_histograms_come_out_as_samples():
    figures = Figures()
    figures.count("frames", camera="gate")
    figures.count("frames", 2, camera="gate")
    figures.count_to("drops", 7, reason="busy", camera="gate")
    figures.set("queue", 3, queue="core")
    figures.observe("step_seconds", 0.0003, step="gate")
    figures.observe("step_seconds", 99.0, step="gate")
    buckets = [0.0] * (len(BOUNDS_S) + 2)
    buckets[2], buckets[-2], buckets[-1] = 1, 1, 99.0003
    assert figures.samples() == [
        Sample("counter", "drops", {"camera": "gate", "reason": "busy"}, 7),
        Sample("counter", "frames", {"camera": "gate"}, 3),
        Sample("gauge", "queue", {"queue": "core"}, 3),
        Sample("histogram", "step_seconds", {"step": "gate"}, buckets),
    ]


def test_the_order_of_labels_does_not_matter():
    figures = Figures()
    figures.count("drops", camera="gate", reason="busy")
    figures.count("drops", reason="busy", camera="gate")
    assert [sample.value for sample in figures.samples()] == [2]


def test_core_adds_what_several_processes_tell_and_its_own():
    core, one, two = Figures(), Figures(), Figures()
    core.count("frames")
    one.count("frames", 10)
    two.count("frames", 100)
    one.observe("step_seconds", 0.5)
    two.observe("step_seconds", 0.5)
    for _ in range(2):  # telling the same again counts nothing twice
        core.absorb("worker-1", over_json(one))
        core.absorb("worker-2", over_json(two))
    assert values(core)[("frames",)] == 111
    assert values(core)[("step_seconds",)][-1] == 1.0


def test_a_producer_that_starts_again_goes_on_counting_up():
    core = Figures()
    for total in (5, 3, 2):
        worker = Figures()
        worker.count("frames", total - 1)
        core.absorb("worker-1", over_json(worker))
        worker.count("frames")
        worker.observe("step_seconds", 1.0)
        core.absorb("worker-1", over_json(worker))
    assert values(core)[("frames",)] == 10
    assert values(core)[("step_seconds",)][-1] == 3.0


def test_what_was_absorbed_stays_as_it_was_told():
    core, worker = Figures(), Figures()
    worker.observe("step_seconds", 1.0)
    told = worker.as_json()
    core.absorb("worker-1", told)
    core.absorb("worker-2", Figures().as_json())
    core.observe("step_seconds", 1.0)
    assert [values(core)[("step_seconds",)][-1] for _ in range(3)] == [2.0, 2.0, 2.0]
    assert told == worker.as_json()


def test_gauges_of_a_silent_process_and_of_a_removed_camera_are_gone():
    now_s = [100.0]
    core, worker = Figures(lambda: now_s[0]), Figures()
    worker.set("queue", 3, camera="gate", queue="mailbox")
    worker.set("queue", 4, camera="yard", queue="mailbox")
    worker.count("frames", camera="gate")
    worker.unset(camera="yard")
    core.absorb("worker-1", over_json(worker))
    assert values(core) == {("frames", "gate"): 1, ("queue", "gate", "mailbox"): 3}
    now_s[0] += 6.0
    assert values(core) == {("frames", "gate"): 1}


def test_threads_lose_no_count():
    figures = Figures()

    def work() -> None:
        for _ in range(2000):
            figures.count("frames", camera="gate")
            figures.observe("step_seconds", 0.01, step="gate")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(figures)[("frames", "gate")] == 8000
    assert sum(values(figures)[("step_seconds", "gate")][:-1]) == 8000


def test_a_block_that_raises_is_timed_too():
    figures = Figures()
    try:
        with figures.timed("commit_seconds"):
            raise OSError
    except OSError:
        pass
    assert sum(values(figures)[("commit_seconds",)][:-1]) == 1
