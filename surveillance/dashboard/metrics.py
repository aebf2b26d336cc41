"""/metrics: the figures of all processes, and what lies in the database and on the disk, as Prometheus reads them.

They name cameras, rules and doors, so they are for installers, administrators and tokens of scope `metrics:read` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services

pages = Blueprint("metrics", __name__)
PREFIX = "surveillance_"
HELP = {
    "actions": "Deeds that came to an outcome, by kind and state.",
    "actions_open": "Deeds on record that have no outcome yet.",
    "answer_seconds": "From a question to core, such as an access request, to its answer on record.",
    "asks_expired": "Frames whose crops the recognizer did not classify in time.",
    "cameras": "Cameras by state.",
    "commit_seconds": "How long a commit of the ledger takes.",
    "configuration_applied_version": "Configuration version that core runs.",
    "configuration_desired_version": "Configuration version on record.",
    "core_heartbeat_age_seconds": "How long core has told nothing of itself.",
    "database_bytes": "Size of the database on its disk.",
    "decisions": "Decisions on record, by rule (empty for a default) and verdict.",
    "disk_free_bytes": "Free space where the data directory is.",
    "events": "Events on record since the first.",
    "frame_age_seconds": "From the capture of a frame until it was observed.",
    "frames_analyzed": "Frames that went through the walk.",
    "frames_dropped": "Frames dropped before they were looked at, by reason.",
    "frames_read": "Frames that came from the source, thinned to what is to be analyzed.",
    "inputs_dropped": "Inputs of core given up, by reason.",
    "media_bytes": "Size of what is kept: shots, and recordings (full pictures and clips).",
    "observations_recorded": "Observations put on record.",
    "outbox_oldest_seconds": "How long ago the event was whose deed has waited longest; 0 when none waits.",
    "pictures_encoded": "Live pictures encoded for whoever watches, by size: one a frame for any number of viewers.",
    "process_cpu_seconds": "Processor time that a process has used since its start.",
    "process_open_files": "File descriptors that a process holds.",
    "process_resident_bytes": "Memory of a process that is in use.",
    "process_threads": "Threads of a process.",
    "process_restarts": "How often a process of the site was started again.",
    "queue_length": "What waits, by queue: mailbox, recognizer, backlog, core, spool.",
    "recognizer_batch_seconds": "How long a batch takes to classify.",
    "recognizer_batches": "Batches classified, by model.",
    "recognizer_crops": "Crops classified, by model.",
    "shadow_frames": "Frames shown to a candidate, by outcome: answered, busy, expired.",
    "step_seconds": "How long a step of a camera's walk takes; recognize includes waiting for the answer.",
}


@pages.get("/metrics")
@needs("metrics.view")
def show() -> Response:
    """Text format, or OpenMetrics where it is asked for. 401 and 403 as JSON problems."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(services().figures()))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


class Figures(Collector):
    """Samples in, families of Prometheus out. See `Services.figures` for what a sample is."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._bounds = [*(str(bound) for bound in told["bounds"]), "+Inf"]
        self._samples: Sequence[Sequence[Any]] = told["samples"]

    def collect(self) -> Iterator[Metric]:
        ordered = sorted(self._samples, key=lambda sample: (sample[1], sample[0]))
        for (name, kind), samples in groupby(ordered, key=lambda sample: (sample[1], sample[0])):
            yield self._family(kind, name, list(samples))

    def _family(self, kind: str, name: str, samples: Sequence[Sequence[Any]]) -> Metric:
        labels = sorted({label for sample in samples for label in sample[2]})
        rows = [([str(sample[2].get(label, "")) for label in labels], sample[3]) for sample in samples]
        words, full = HELP.get(name, name.replace("_", " ")), PREFIX + name
        if kind == "histogram":
            return self._histogram(HistogramMetricFamily(full, words, labels=labels), rows)
        family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(full, words, labels=labels)
        for values, value in rows:
            family.add_metric(values, value)
        return family

    def _histogram(
        self, family: HistogramMetricFamily, rows: Iterable[tuple[list[str], list[float]]]
    ) -> HistogramMetricFamily:
        for values, buckets in rows:
            counts = accumulate(buckets[:-1])
            family.add_metric(values, list(zip(self._bounds, counts, strict=True)), buckets[-1])
        return family
