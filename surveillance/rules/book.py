"""Rule documents (YAML text) become one Rulebook, or a RuleError with everything that is wrong, each at file:line.

The YAML is read as a tree of texts with places: nothing in it becomes a Python object or a boolean, so `on:` stays
`on`. Files and the database share this code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from surveillance.domain.errors import NotFound, RuleError
from surveillance.domain.site import Site
from surveillance.domain.values import TRIGGERS, VERDICTS
from surveillance.rules.condition import Comparison, Condition, Evaluate, Key
from surveillance.rules.fields import Entry, Faults, Flaw, entries_of, flag, one_of, seconds, span, text_of, texts_of
from surveillance.rules.language import read_condition
from surveillance.rules.vocabulary import LABELS, Names, Value, build_names

KEY_DOCS = {  # every key that a rule may have, in the usual order
    "name": "unique; events and explanations say it",
    "on": "the trigger: what is judged",
    "verdict": "what to decide",
    "when": "the condition",
    "cooldown_s": "seconds of silence after it fired; alert and log only",
    "per": "what cooldown_s counts for: camera, track or site",
    "notify": "names of notification targets",
    "mode": "active, shadow or off",
    "camera_only": "true lets a door open without badge, card or PIN",
    "description": "for people",
}
KEYS = tuple(KEY_DOCS)
TRIGGER_DOCS = {
    "sighting": "each observation of a confirmed track; alert or log",
    "presence": "somebody in a restricted zone asks for permission; authorize or deny",
    "access": "somebody asks at a door; authorize or deny",
    "door": "a change of a door's mode or alarm; alert or log",
    "camera": "a change of a camera's state; alert or log",
}
RULE_MODES = ("active", "shadow", "off")
PERS = ("camera", "track", "site")
TRIGGER_VERDICTS = {
    "sighting": ("alert", "log"),
    "presence": ("authorize", "deny"),
    "access": ("authorize", "deny"),
    "door": ("alert", "log"),
    "camera": ("alert", "log"),
}
CARRIED = frozenset({"badge", "card", "pin"})  # factors that no camera can see
MAX_RULES = 1000
MAX_SUBJECTS = 10_000  # cameras times labels that are remembered
MAX_CHARACTERS = 300_000
_QUOTED_WHEN = re.compile(r"""\s*(- +)?when: *["'{\[]""")
_WHEN_HINT = "; a condition that starts with a quote or bracket needs brackets ( ) around it"
_NAME = re.compile(r"\w[\w .:-]{0,63}")


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """A YAML text of rules, and where it came from, as a reader would look for it."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, checked. `origin` is file:line."""

    name: str
    trigger: str
    verdict: str
    condition: Condition
    cooldown_s: float | None = None
    per: str = "camera"
    notify: tuple[str, ...] = ()
    mode: str = "active"
    camera_only: bool = False
    description: str = ""
    origin: str = ""

    @property
    def is_shadow(self) -> bool:
        return self.mode == "shadow"

    @property
    def scenes(self) -> frozenset[tuple[str, str]]:
        """The scenes that its condition names, as (camera, scene); no camera means the one that is judged."""
        called = (key for key in self.condition.keys if isinstance(key, tuple) and key[0] in ("scene", "scene_s"))
        return frozenset((key[2] if len(key) > 2 else "", key[1]) for key in called)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules at one version, in order of their names, so that their order in a file cannot matter."""

    version: int = 0
    rules: tuple[Rule, ...] = ()
    _by_trigger: dict[str, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)
    _by_subject: dict[tuple[str, str], tuple[tuple[Rule, Evaluate], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rules = tuple(sorted(self.rules, key=lambda rule: rule.name))
        judged = {
            trigger: tuple(rule for rule in rules if rule.trigger == trigger and rule.mode != "off")
            for trigger in TRIGGERS
        }
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "_by_trigger", judged)
        object.__setattr__(self, "_by_subject", {})

    def of(self, trigger: str) -> tuple[Rule, ...]:
        """The rules that are judged on that trigger: active and shadow ones."""
        return self._by_trigger[trigger]

    def of_sighting(self, camera: str, label: str) -> tuple[tuple[Rule, Evaluate], ...]:
        """Of those on sighting, the ones that such a sighting does not make false already, each with what is left to
        be asked. Remembered, not judged.
        """
        found = self._by_subject.get((camera, label))
        if found is None:
            if len(self._by_subject) >= MAX_SUBJECTS:
                self._by_subject.clear()
            known: dict[Key, Value] = {"camera": camera, "label": label}
            asked = ((rule, rule.condition.given(known)) for rule in self.of("sighting"))
            found = tuple((rule, rest) for rule, rest in asked if rest is not None)
            self._by_subject[camera, label] = found
        return found


def load_rules(path: Path) -> tuple[RuleDocument, ...]:
    """The documents of a YAML file, or of every *.yaml and *.yml in a folder, by name."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    elif path.is_file():
        files = [path]
    else:
        raise NotFound(f"{path}: there is no such rules file; check the path")
    documents = []
    for file in files:
        try:
            documents.append(RuleDocument(file.read_text(encoding="utf-8"), str(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise RuleError([f"{file}: cannot be read as UTF-8 text ({error})"]) from None
    return tuple(documents)


def rules_of(site: Site) -> tuple[RuleDocument, ...]:
    """The document of the rules that the site's database holds; none when it holds none."""
    return (RuleDocument(site.rules, "database"),) if site.rules.strip() else ()


def parse_rulebook(
    documents: Sequence[RuleDocument],
    site: Site | None = None,
    version: int = 0,
    labels: Collection[str] = LABELS,
) -> Rulebook:
    """The rules of all documents. Raises RuleError with every fault of every document at once.

    Without a site the names of cameras, zones, doors, groups, schedules and notify targets are not checked.
    """
    rules, faults = read_rules(documents, site, labels)
    if faults:
        raise RuleError([str(fault) for fault in faults])
    return Rulebook(version, tuple(rules))


def read_rules(
    documents: Sequence[RuleDocument], site: Site | None = None, labels: Collection[str] = LABELS
) -> tuple[list[Rule], Faults]:
    """The rules that can be read, and everything that is wrong with the others."""
    names = build_names(site, labels)
    targets = None if site is None else frozenset(target.name for target in site.notify)
    faults: Faults = []
    rules: list[Rule] = []
    places: dict[str, str] = {}
    for document in documents:
        for entry in _read_entries(document, faults):
            rule = _parse_rule(entry, names, targets, faults)
            rules += [] if rule is None else [rule]
            name = entry.text("name")
            if name in places:
                entry.fault(faults, "name", f"another rule has this name, at {places[name]}")
            elif name:
                places[name] = entry.place()
    if len(rules) > MAX_RULES:
        faults.append(Flaw("", 0, f"{len(rules)} rules are too many; at most {MAX_RULES} are judged"))
    return rules, faults


# --- one document ----------------------------------------------------------------------------------------------


def _read_entries(document: RuleDocument, faults: Faults) -> list[Entry]:
    """The rules of a document: a list, {rules: [...]}, or one rule by itself."""
    root = _compose(document, faults)
    if root is None:
        return []
    if isinstance(root, yaml.MappingNode):
        keys = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
        if "when" in keys or "name" in keys:
            return entries_of([root], document.origin, document.text, KEYS, faults)
        if set(keys) != {"rules"}:
            message = "write a list of rules, or `rules:` with a list and nothing else"
            faults.append(Flaw(document.origin, 1, message, *span(document.text, root)))
            return []
        root = keys["rules"]
    if isinstance(root, yaml.ScalarNode) and root.value in ("", "null", "~"):
        return []
    if not isinstance(root, yaml.SequenceNode):
        message = "write the rules as a list, each with a `- name:`"
        faults.append(Flaw(document.origin, int(root.start_mark.line) + 1, message, *span(document.text, root)))
        return []
    return entries_of(root.value, document.origin, document.text, KEYS, faults)


def _compose(document: RuleDocument, faults: Faults) -> yaml.Node | None:
    if len(document.text) > MAX_CHARACTERS:
        message = f"{len(document.text)} characters are too many; at most {MAX_CHARACTERS}"
        faults.append(Flaw(document.origin, 0, message))
        return None
    try:
        root = yaml.compose(document.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, index = (mark.line + 1, mark.index) if mark else (0, 0)
        hint = _WHEN_HINT if mark and _QUOTED_WHEN.match(_line(document.text, mark.line)) else ""
        message = f"this is no YAML: {error.problem or error.context}{hint}"
        faults.append(Flaw(document.origin, line, message, index, index + 1))
        return None
    except (yaml.YAMLError, RecursionError) as error:
        faults.append(Flaw(document.origin, 0, f"this is no YAML: {str(error).splitlines()[0]}"))
        return None
    return root if isinstance(root, yaml.Node) else None


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number] if number < len(lines) else ""


# --- one rule --------------------------------------------------------------------------------------------------


def _parse_rule(entry: Entry, names: Names, targets: frozenset[str] | None, faults: Faults) -> Rule | None:
    before = len(faults)
    name = text_of(entry, "name", faults, required=True)
    if name and not _NAME.fullmatch(name):
        entry.fault(faults, "name", "use letters, digits, space and . _ : - only, at most 64")
    trigger = one_of(entry, "on", TRIGGERS, faults)
    verdict = _verdict(entry, trigger, faults)
    condition = _condition(entry, trigger, names, faults)
    cooldown_s = seconds(entry, "cooldown_s", faults)
    per = one_of(entry, "per", PERS, faults, default="camera")
    notify = texts_of(entry, "notify", targets, "notify target", faults)
    mode = one_of(entry, "mode", RULE_MODES, faults, default="active")
    camera_only = flag(entry, "camera_only", faults)
    description = text_of(entry, "description", faults)
    if trigger is None or verdict is None or condition is None or per is None or mode is None:
        return None
    origin = entry.place()
    rule = Rule(name, trigger, verdict, condition, cooldown_s, per, notify, mode, camera_only, description, origin)
    if len(faults) == before:
        _check_sense(entry, rule, faults)
    return rule if len(faults) == before else None


def _verdict(entry: Entry, trigger: str | None, faults: Faults) -> str | None:
    known = TRIGGER_VERDICTS[trigger] if trigger else VERDICTS
    return one_of(entry, "verdict", known, faults, also=f" on {trigger}" if trigger else "")


def _condition(entry: Entry, trigger: str | None, names: Names, faults: Faults) -> Condition | None:
    text = text_of(entry, "when", faults, required=True)
    if not text or trigger is None:
        return None
    condition, wrong = read_condition(text, trigger, names)
    for fault in wrong:
        entry.condition_fault(faults, fault)
    return condition


def _check_sense(entry: Entry, rule: Rule, faults: Faults) -> None:
    """Keys that contradict each other or the trigger."""
    permits = rule.trigger in ("presence", "access")
    if permits and rule.cooldown_s is not None:
        entry.fault(faults, "cooldown_s", f"only alert and log rules cool down, not those on {rule.trigger}")
    if rule.cooldown_s is None and entry.has("per"):
        entry.fault(faults, "per", "it says what cooldown_s counts; add cooldown_s or leave it out")
    if rule.per == "track" and rule.trigger != "sighting":
        entry.fault(faults, "per", f"there are no tracks on {rule.trigger}; write camera or site")
    grants = rule.trigger == "access" and rule.verdict == "authorize"
    if rule.camera_only and not grants:
        entry.fault(faults, "camera_only", "it is for authorize rules on access only")
    if grants and not rule.camera_only and not rule.condition.implies(_carried):
        entry.fault(
            faults,
            "when",
            "what a camera sees alone could open this door; ask for a carried factor, such as "
            '"badge" in factors, or write camera_only: true if that is meant',
        )


def _carried(comparison: Comparison, as_written: bool) -> bool:
    """Whether this comparison, true (or, not as written, false), shows that a badge, card or PIN was presented."""
    left, op, right = comparison.left, comparison.op, comparison.right
    if not as_written:
        opposite = {"not in": "in", "!=": "=="}
        if op not in opposite:
            return False
        op = opposite[op]
    if op == "in":
        return right.key == "factors" and left.literal in CARRIED
    if op in ("<=", "<", "==") and right.key == "factors" and left.key is None:
        return isinstance(left.literal, frozenset) and bool(left.literal & CARRIED)
    if op in (">=", ">", "==") and left.key == "factors" and right.key is None:
        return isinstance(right.literal, frozenset) and bool(right.literal & CARRIED)
    return False
