"""The judge: one input in, decisions out. Implements the port Judge.

Pure but for its Memory: no clock and no disk, so the same inputs in the same order give the same decisions. For a
request the permission comes first; shadow decisions and health follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from surveillance.domain.areas import FORGIVEN, Forgiveness, Passage
from surveillance.domain.company import LetIn
from surveillance.domain.doors import DoorSensed
from surveillance.domain.site import Camera, Site
from surveillance.domain.threats import CHANGED, ThreatOrder
from surveillance.domain.values import (
    NO_SUBJECT,
    OBJECT_LABELS,
    AccessRequest,
    CameraReport,
    Decision,
    DoorOrder,
    DoorReport,
    Input,
    ModeReport,
    Observation,
    Ordered,
    SceneReport,
    Tick,
    new_id,
    rfc3339,
)
from surveillance.rules import passing
from surveillance.rules.book import Rule, Rulebook
from surveillance.rules.door_news import news_of
from surveillance.rules.facts import (
    Facts,
    facts_of_camera,
    facts_of_door,
    facts_of_observation,
    facts_of_request,
    facts_of_scene,
)
from surveillance.rules.memory import Memory, SeenTrack, scene_of
from surveillance.rules.permission import Permission, combine, doubts_of, judged_of, permits
from surveillance.rules.refusals import refusals_of
from surveillance.rules.settings import RuleSettings
from surveillance.rules.telling import about_camera, about_request, about_seen, asked_of, plate_of, silent_of, span_of
from surveillance.rules.together import Others

_ACTED = {"alert": "alerted", "log": "logged"}


class RuleJudge:
    """Judges by one rulebook and one site at a time; `swap` exchanges both between two inputs."""

    def __init__(
        self,
        book: Rulebook,
        site: Site,
        settings: RuleSettings | None = None,
        make_id: Callable[[], str] = new_id,
    ) -> None:
        self._settings = settings or RuleSettings()
        self._make_id = make_id
        self._memory = Memory(self._settings)
        self.explains = True  # False: decisions say what was decided, and nothing of why
        self._take_up(book, site)

    @property
    def version(self) -> int:
        """Of the rulebook in force."""
        return self._book.version

    def camera_doubt(self, camera: str, at: datetime) -> str | None:
        """Why what that camera tells cannot be trusted at that time; None where it can."""
        return self._memory.doubt(camera, at)

    def swap(self, book: Rulebook, site: Site) -> None:
        """Takes up a whole new rulebook and site; what is remembered of what remains is kept."""
        known = {rule.name: rule for rule in self._book.rules}
        self._memory.forget_rules_but({rule.name for rule in book.rules if known.get(rule.name) == rule})
        self._take_up(book, site)
        self._memory.keep_only({camera.name for camera in site.cameras}, {door.name for door in site.doors})
        self._memory.places.keep_only({person.name for person in site.people})
        self._memory.company.keep_only({door.name for door in site.doors})

    def recall(self, inputs: Iterable[Input]) -> None:
        """Rebuilds the memory from stored inputs in their order; what would be decided of them is dropped."""
        for entry in inputs:
            self(entry)

    def recall_places(self, passages: Iterable[Passage]) -> None:
        """Where people are by the record, which counts whatever judging stored inputs anew made of it."""
        self._memory.places.recall(passages)

    def recall_company(self, let_in: Iterable[LetIn]) -> None:
        """Who was let in by the record."""
        self._memory.company.recall(let_in)

    def take_back(self, entry: Input) -> None:
        """What was decided of that request or order did not come on record, so nobody moved by it."""
        if isinstance(entry, AccessRequest | Ordered):
            self._memory.take_back(entry.id)

    def __call__(self, entry: Input) -> tuple[Decision, ...]:
        match entry:  # what comes most often first
            case Observation():
                return self._judge_observation(entry)
            case CameraReport():
                return self._judge_camera(entry)
            case Tick():
                return self._judge_tick(entry)
            case AccessRequest():
                return self._judge_request(entry)
            case SceneReport():
                return self._judge_scene(entry)
            case DoorReport():
                return self._judge_door(entry)
            case DoorSensed():
                return self._judge_sensed(entry)
            case DoorOrder():
                return self._judge_order(entry)
            case Forgiveness():
                return self._judge_forgiveness(entry)
            case ThreatOrder():
                return self._judge_threat(entry)
            case ModeReport():
                return self._judge_mode(entry)

    def _take_up(self, book: Rulebook, site: Site) -> None:
        self._book = book
        self._site = site
        self._others = Others(self._memory.company, site, self._settings)
        self._restricted = {camera.name: restricted_zones(camera) for camera in site.cameras}

    # --- sighting and presence ---

    def _judge_observation(self, seen: Observation) -> tuple[Decision, ...]:
        track = self._memory.hear_observation(seen)
        decisions: list[Decision] = []
        if seen.crossed and self._memory.crossings:
            decisions += self._decide_all(passing.seen_crossing(seen, self._site, self._memory))
        if seen.label in NO_SUBJECT:
            return tuple(decisions)
        facts = facts_of_observation(seen, self._memory, self._site)
        for rule, evaluate in self._book.of_sighting(seen.camera, seen.label):
            if rule.cooldown_s is None and rule.name in track.fired:
                continue
            result = evaluate(facts)
            if result is None:
                decisions += self._degrade([rule], facts, about_seen(seen))
            elif result and self._may_fire(rule, seen, track):
                about = {**about_seen(seen), "details": span_of(seen) | plate_of(seen)}
                decisions.append(self._fire(rule, f"sighting.{_ACTED[rule.verdict]}", facts, about))
        inside = self._restricted.get(seen.camera, frozenset()) & seen.zones
        if inside and seen.label not in OBJECT_LABELS:  # what lies there asks for nothing
            decisions += self._judge_presence(seen, track, facts, inside)
        return tuple(decisions)

    def _may_fire(self, rule: Rule, seen: Observation, track: SeenTrack) -> bool:
        """Once a track without a cooldown; with one, again when it is over."""
        if rule.cooldown_s is None:
            track.fired.add(rule.name)
            return True
        which: tuple[str, ...] = () if rule.per == "site" else (seen.camera,)
        if rule.per == "track":
            which = (seen.camera, str(seen.track), seen.started_at.isoformat())
        return self._may_fire_again(rule, which, seen.at)

    def _may_fire_again(self, rule: Rule, which: tuple[str, ...], at: datetime) -> bool:
        if rule.cooldown_s is None:
            return True
        key = (rule.name, *which)
        if self._memory.cools(key, at, rule.cooldown_s):
            return False
        self._memory.start_cooldown(key, at, rule.cooldown_s)
        return True

    def _judge_presence(
        self, seen: Observation, track: SeenTrack, facts: Facts, inside: frozenset[str]
    ) -> list[Decision]:
        """On record when the track is first there, when its label changes, and when a permission is lost."""
        is_new = any(track.asked.get(zone) != seen.label for zone in inside)
        if track.is_denied and not is_new:
            return []
        rules = self._book.of("presence")
        if not is_new and permits(rules, facts):
            return []
        permission = combine(rules, facts)
        denied = permission.verdict == "deny"
        track.asked.update(dict.fromkeys(inside, seen.label))
        track.is_denied = denied
        details = {"restricted_zones": sorted(inside), "alerts": denied}
        return self._permit("presence", ("authorized", "denied"), permission, facts, about_seen(seen), details)

    # --- access ---

    def _judge_request(self, request: AccessRequest) -> tuple[Decision, ...]:
        now = max(request.at, self._memory.ticked_at or request.at)
        facts = facts_of_request(request, self._memory, self._site, now)
        rules = self._book.of("access")
        permission = combine(rules, facts, refusals_of(request, self._memory, self._site, now))
        permission, told = self._others.allow(permission, request, facts, rules)
        about = about_request(request)
        details = asked_of(request) | told
        more: list[dict[str, Any]] = []
        if permission.verdict == "authorize":
            moves, more = passing.granted(request, self._site, self._memory, now, told.get("second_of"))
            details |= moves
        silent = silent_of(request, self._site, self._settings.duress_notify)
        decisions = self._permit("access", ("granted", "denied"), permission, facts, about, details)
        return (*decisions, *self._decide_all([*more, *silent]))

    def _permit(
        self,
        trigger: str,
        words: tuple[str, str],
        permission: Permission,
        facts: Facts,
        about: Mapping[str, Any],
        details: Mapping[str, Any],
    ) -> list[Decision]:
        """The decision of a permission, then its shadows and what its unknown rules say of health."""
        kinds = {"authorize": f"{trigger}.{words[0]}", "deny": f"{trigger}.{words[1]}"}
        about = {**about, "trigger": trigger}
        main = self._decide(
            kind=kinds[permission.verdict],
            verdict=permission.verdict,
            rule=permission.rule,
            reasons=permission.reasons,
            judged=permission.judged,
            facts=facts.as_json(),
            notify=permission.notify,
            details=details,
            **about,
        )
        decisions = [main]
        for rule in permission.shadows:
            decisions.append(self._fire(rule, kinds[rule.verdict], facts, about))
        unknown = {judged.rule for judged in permission.judged if judged.result is None}
        doubtful = [rule for rule in self._book.of(trigger) if rule.name in unknown]
        return decisions + self._degrade(doubtful, facts, about)

    # --- cameras, doors, time ---

    def _judge_camera(self, report: CameraReport) -> tuple[Decision, ...]:
        self._memory.hear_camera(report)
        if not report.changed and not self._memory.is_degraded:
            return ()
        decisions: list[Decision] = []
        about = about_camera(report.camera, report.at)
        if report.state == "live":
            decisions += self._restore(f"camera {report.camera}", f"camera {report.camera} is live", about)
        if not report.changed:
            return tuple(decisions)
        facts = facts_of_camera(report, self._memory, self._site)
        kind = "camera.found" if report.state == "live" else f"camera.{report.state}"
        reasons = (report.reason,) if report.reason else ()
        decisions.append(self._decide(kind=kind, reasons=reasons, facts=facts.as_json(), **about))
        return (*decisions, *self._judge_state("camera", kind, report.camera, facts, about))

    def _judge_scene(self, report: SceneReport) -> tuple[Decision, ...]:
        """A change goes on record. Rules that name the scene are judged each time it is told, since time passes too."""
        before = self._memory.hear_scene(report)
        facts = facts_of_scene(report, self._memory, self._site)
        named = scene_of(report.camera, report.scene)
        about = {**about_camera(report.camera, report.at), "media_s": report.media_s}
        decisions: list[Decision] = []
        if report.doubt:
            decisions += self._degrade_by(f"{named}: {report.doubt}", (), about) if report.failed else []
        else:
            decisions += self._restore(named, f"{named} is told again", about)
        details = {"scene": report.scene, "state": report.state, "model": report.model, "confidence": report.confidence}
        if before is not None:
            told = {**about, "details": {**details, "before": before}}
            reason = f"{report.scene}: {before} -> {report.state}" if before else f"{report.scene}: {report.state}"
            decisions.append(self._decide(kind="scene.changed", reasons=(reason,), facts=facts.as_json(), **told))
        about["details"] = details
        return (*decisions, *self._judge_scene_rules(report, facts, about))

    def _judge_scene_rules(self, report: SceneReport, facts: Facts, about: Mapping[str, Any]) -> list[Decision]:
        """Once each time a rule becomes true; one with a cooldown again when that is over."""
        decisions = []
        for rule in self._book.of("camera"):
            scenes = rule.scenes
            if scenes.isdisjoint({("", report.scene), (report.camera, report.scene)}):
                continue
            result = rule.condition.evaluate(facts)
            is_of_camera = any(not camera for camera, _ in scenes)
            begins = self._memory.begins_to_hold(rule.name, report.camera if is_of_camera else "", result)
            if result is None:
                decisions += self._degrade([rule], facts, about)
            elif result and (begins or rule.cooldown_s is not None):
                which = () if rule.per == "site" else (report.camera,)
                if self._may_fire_again(rule, which, report.at):
                    decisions.append(self._fire(rule, f"scene.{_ACTED[rule.verdict]}", facts, about))
        return decisions

    def _judge_door(self, report: DoorReport) -> tuple[Decision, ...]:
        """Kind is the alarm when that is news, also that it is over, else the mode."""
        before = self._memory.door(report.door)
        self._memory.hear_door(report)
        is_alarm = report.alarm != before.alarm and (report.alarm != "normal" or report.mode == before.mode)
        kind = f"door.{report.alarm if is_alarm else report.mode}"
        facts = facts_of_door(report, self._memory, self._site)
        about = self._about_door(report.door, report.at)
        reasons = (report.reason,) if report.reason else ()
        state = self._decide(kind=kind, reasons=reasons, facts=facts.as_json(), **about)
        return (state, *self._judge_state("door", kind, report.door, facts, about))

    def _judge_sensed(self, told: DoorSensed) -> tuple[Decision, ...]:
        """Each change of what is known of a door goes on record; rules are judged once for all of them."""
        before = self._memory.hear_sensed(told)
        news = news_of(before, self._memory.door(told.door), told)
        if not news:
            return ()
        facts = facts_of_door(told, self._memory, self._site)
        about = self._about_door(told.door, told.at)
        states = [self._decide(kind=kind, reasons=reasons, facts=facts.as_json(), **about) for kind, reasons in news]
        return (*states, *self._judge_state("door", news[0][0], told.door, facts, about))

    def _about_door(self, name: str, at: datetime) -> dict[str, Any]:
        door = self._site.door(name)
        camera = door.camera if door else None
        return {"at": at, "trigger": "door", "subject": name, "door": name, "camera": camera}

    def _judge_state(
        self, trigger: str, kind: str, name: str, facts: Facts, about: Mapping[str, Any]
    ) -> list[Decision]:
        """Alert and log rules on a camera's or door's change. Those about scenes are judged when scenes are told."""
        decisions = []
        for rule in self._book.of(trigger):
            if rule.scenes:
                continue
            result = rule.condition.evaluate(facts)
            if result is None:
                decisions += self._degrade([rule], facts, about)
            elif result and self._may_fire_again(rule, () if rule.per == "site" else (name,), about["at"]):
                decisions.append(self._fire(rule, kind, facts, about))
        return decisions

    def _judge_order(self, order: DoorOrder) -> tuple[Decision, ...]:
        """A person decided already: to open once is that person's grant, anything else a command. No rule is asked."""
        door = self._site.door(order.door)
        grants = order.command == "open"
        passing.ordered(order, self._site, self._memory)
        decided = self._decide(
            at=order.at,
            trigger="access" if grants else "door",
            kind="access.granted" if grants else "door.commanded",
            verdict="authorize" if grants else None,
            subject=order.id,
            door=order.door,
            camera=door.camera if door else None,
            reasons=(order.reason,),
            details={
                "command": order.command,
                "actor": order.by,
                "deadline": rfc3339(order.deadline),
                **({"from": order.address} if order.address else {}),
            },
        )
        return (decided,)

    def _judge_forgiveness(self, order: Forgiveness) -> tuple[Decision, ...]:
        self._memory.places.forgive(order)
        details = {"actor": order.by} | ({"from": order.address} if order.address else {})
        about: dict[str, Any] = {"trigger": "system", "identity": order.person, "reasons": (order.reason,)}
        return (self._decide(at=order.at, kind=FORGIVEN, subject=order.id, details=details, **about),)

    def _judge_threat(self, order: ThreatOrder) -> tuple[Decision, ...]:
        before = self._memory.threat or self._site.threat_levels[0]
        self._memory.hear_threat(order)
        if order.level == before:
            return ()
        details = {"level": order.level, "before": before, "actor": order.by}
        details |= {"from": order.address} if order.address else {}
        about: dict[str, Any] = {"trigger": "system", "subject": order.id, "reasons": (order.reason,)}
        return (self._decide(at=order.at, kind=CHANGED, details=details, **about),)

    def _judge_mode(self, report: ModeReport) -> tuple[Decision, ...]:
        before = self._memory.mode
        self._memory.hear_mode(report)
        if report.mode == before:
            return ()
        details = {"mode": report.mode, "before": before} | ({"actor": report.by} if report.by else {})
        about: dict[str, Any] = {"at": report.at, "trigger": "system", "subject": "mode"}
        reasons = (f"{report.mode}: {report.reason}",) if report.reason else (report.mode,)
        return (self._decide(kind="configuration.mode_changed", reasons=reasons, details=details, **about),)

    def _judge_tick(self, tick: Tick) -> tuple[Decision, ...]:
        self._memory.ticked_at = tick.at
        decisions: list[Decision] = []
        if self._memory.crossings:
            decisions += self._decide_all(passing.ended(tick.at, self._site, self._memory))
        for name in self._memory.silent_cameras(tick.at):
            camera = self._site.camera(name)
            if camera is not None and camera.enabled:
                decisions += self._degrade_by(f"camera {name} is silent", (), about_camera(name, tick.at))
        return tuple(decisions)

    # --- decisions ---

    def _fire(self, rule: Rule, kind: str, facts: Facts, about: Mapping[str, Any]) -> Decision:
        """A rule that was true, with its clauses."""
        if not self.explains:
            return self._decide(kind=kind, verdict=rule.verdict, rule=rule.name, shadow=rule.is_shadow, **about)
        found = dict.fromkeys(leaf.found for leaf in rule.condition.because(facts))
        return self._decide(
            kind=kind,
            verdict=rule.verdict,
            rule=rule.name,
            reasons=tuple(found),
            judged=(judged_of(rule, True, facts),),
            facts=facts.as_json(),
            notify=rule.notify,
            shadow=rule.is_shadow,
            **about,
        )

    def _degrade(self, rules: Sequence[Rule], facts: Facts, about: Mapping[str, Any]) -> list[Decision]:
        """health.degraded for each cause that kept those rules from being told, once per cause and hour."""
        causes: dict[str, list[str]] = {}
        for rule in rules:
            causes.setdefault(doubts_of(rule, facts), []).append(rule.name)
        return [decision for cause, names in causes.items() for decision in self._degrade_by(cause, names, about)]

    def _degrade_by(self, cause: str, rules: Sequence[str], about: Mapping[str, Any]) -> list[Decision]:
        if not self._memory.begins_to_degrade(cause, about["at"]):
            return []
        kept: dict[str, Any] = {
            key: about[key] for key in ("at", "trigger", "subject", "camera", "door") if key in about
        }
        reasons = (cause, *(f"rule {name} could not be told" for name in rules))
        details = {"cause": cause, "rules": list(rules)}
        return [self._decide(kind="health.degraded", reasons=reasons, details=details, **kept)]

    def _restore(self, what: str, reason: str, about: Mapping[str, Any]) -> list[Decision]:
        causes = self._memory.restore(what)
        if not causes:
            return []
        return [self._decide(kind="health.restored", reasons=(reason,), details={"causes": list(causes)}, **about)]

    def _decide_all(self, made: Iterable[Mapping[str, Any]]) -> list[Decision]:
        return [self._decide(**fields) for fields in made]

    def _decide(self, *, at: datetime, trigger: str, kind: str, subject: str, **more: Any) -> Decision:
        if trigger in ("sighting", "presence", "access"):
            scenes = self._scenes_of(more.get("camera"), at)
            more["details"] = {**more.get("details", {}), **({"scenes": scenes} if scenes else {})}
        unsaid: dict[str, Any] = {
            "media_s": None,
            "verdict": None,
            "rule": None,
            "reasons": (),
            "judged": (),
            "facts": {},
        }
        about = {"at": at, "trigger": trigger, "kind": kind, "subject": subject}
        return Decision(id=self._make_id(), rulebook_version=self._book.version, **(unsaid | about | more))

    def _scenes_of(self, name: str | None, at: datetime) -> dict[str, str]:
        """How the scenes of that camera are then; without those in doubt."""
        camera = self._site.camera(name) if name else None
        if camera is None:
            return {}
        told = {scene.name: self._memory.scene(camera.name, scene.name) for scene in camera.scenes}
        return {
            scene: seen.state
            for scene, seen in told.items()
            if seen and not self._memory.scene_doubt(camera.name, scene, at)
        }


def restricted_zones(camera: Camera) -> frozenset[str]:
    return frozenset(zone.name for zone in camera.zones if zone.restricted)
