"""Combines the rules on a request into one permission: default deny, deny overrides, unknown never helps.

Independent of the order of the rules. Every reason that applies is kept, the ONVIF words of denial first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from surveillance.domain.values import Judged
from surveillance.rules.book import Rule
from surveillance.rules.condition import Leaf
from surveillance.rules.facts import Facts
from surveillance.rules.vocabulary import DENIALS

MAX_REASONS = 12


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason to deny that stands whatever the rules say: an ONVIF word and, where it needs one, a sentence."""

    word: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """The combined verdict. `shadows` are the shadow rules that were true; they changed nothing."""

    verdict: str  # authorize | deny
    rule: str | None
    reasons: tuple[str, ...]
    judged: tuple[Judged, ...]
    notify: tuple[str, ...]
    shadows: tuple[Rule, ...]


def combine(rules: Sequence[Rule], facts: Facts, refusals: Sequence[Refusal] = ()) -> Permission:
    """`rules` are those of one trigger; `refusals` deny before any rule is asked, yet all rules are judged."""
    results = {rule.name: rule.condition.evaluate(facts) for rule in rules}
    active = [rule for rule in rules if not rule.is_shadow]
    denies = [rule for rule in active if rule.verdict == "deny" and results[rule.name] is not False]
    grants = [rule for rule in active if rule.verdict == "authorize" and results[rule.name] is True]
    judged = tuple(judged_of(rule, results[rule.name], facts) for rule in rules)
    shadows = tuple(rule for rule in rules if rule.is_shadow and results[rule.name] is True)
    if grants and not denies and not refusals:
        reasons = tuple(f"{rule.name}: {_found(rule, facts)}" for rule in grants)
        return Permission("authorize", _first(grants), reasons, judged, _targets(grants), shadows)
    all_refusals = [*refusals, *(_refusal(rule, results[rule.name], facts) for rule in denies)]
    if not grants:
        all_refusals += _lacks(active, facts)
    return Permission("deny", _first(denies), reasons_of(all_refusals), judged, _targets(denies), shadows)


def permits(rules: Sequence[Rule], facts: Facts) -> bool:
    """The same verdict as `combine` without its reasons: quick, for what is asked again and again."""
    is_granted = False
    for rule in rules:
        if rule.is_shadow:
            continue
        result = rule.condition.evaluate(facts)
        if rule.verdict == "deny" and result is not False:
            return False
        is_granted = is_granted or (rule.verdict == "authorize" and result is True)
    return is_granted


def reasons_of(refusals: Sequence[Refusal]) -> tuple[str, ...]:
    """Each ONVIF word once, in their order, then the sentences."""
    words = {refusal.word for refusal in refusals}
    sentences = list(dict.fromkeys(refusal.sentence for refusal in refusals if refusal.sentence))
    more = [f"and {len(sentences) - MAX_REASONS} more"] if len(sentences) > MAX_REASONS else []
    return (*(word for word in DENIALS if word in words), *sentences[:MAX_REASONS], *more)


def doubts_of(rule: Rule, facts: Facts) -> str:
    """Why that rule could not be told: the causes of its unknown words."""
    causes = dict.fromkeys(facts.doubts[key] for key in rule.condition.keys if key in facts.doubts)
    return ", ".join(sorted(causes))


def judged_of(rule: Rule, result: bool | None, facts: Facts) -> Judged:
    """What that rule said, with its clauses."""
    note = "shadow: judged, never acts" if rule.is_shadow else ""
    return Judged(rule.name, rule.verdict, result, rule.condition.explain(facts), note)


def _refusal(rule: Rule, result: bool | None, facts: Facts) -> Refusal:
    if result is None:
        return Refusal("other", f"deny rule {rule.name} could not be told: {doubts_of(rule, facts)}")
    return Refusal("unauthorized", f"deny rule {rule.name} was true: {_found(rule, facts)}")


def _lacks(rules: Sequence[Rule], facts: Facts) -> list[Refusal]:
    """Why no authorize rule was true. Rules for other doors are passed over."""
    refusals = []
    for rule in rules:
        if rule.verdict != "authorize":
            continue
        leaves = rule.condition.because(facts)
        if any(leaf.found.startswith("door = ") for leaf in leaves):
            continue
        sentence = f"no authorize rule was true: {rule.name} needs {_needs(leaves, rule, facts)}"
        is_only_late = _is_only_late(rule, facts)
        if is_only_late or _has_closed_level(leaves, facts):
            refusals.append(Refusal("not_permitted_at_this_time", sentence))
        if not is_only_late:
            refusals.append(Refusal("unauthorized", sentence))
    if refusals:
        return refusals
    where = f" for door {facts['door']}" if "door" in facts else ""
    return [Refusal("unauthorized", f"there is no authorize rule{where}")]


def _is_only_late(rule: Rule, facts: Facts) -> bool:
    """Whether the rule would be true at other hours."""
    if not any(key == "permitted" or key[0] == "schedule" for key in rule.condition.keys):
        return False
    return any(rule.condition.evaluate(facts.at_other_hours(are_open)) is True for are_open in (True, False))


def _has_closed_level(leaves: Sequence[Leaf], facts: Facts) -> bool:
    """Whether it is an access level that would let them through at another time which the rule lacks."""
    if facts.levels is None or not facts.levels.name_them:
        return False
    return any(leaf.found.startswith("permitted = false") for leaf in leaves)


def _needs(leaves: Sequence[Leaf], rule: Rule, facts: Facts) -> str:
    needs = ", and ".join(f"{leaf.text} but {leaf.found}" for leaf in leaves[:4])
    notes = [note for value, note in facts.notes.items() if any(_names(leaf, value) for leaf in leaves)]
    doubts = ", ".join(filter(None, (doubts_of(rule, facts), *notes)))
    return f"{needs} ({doubts})" if doubts else needs


def _names(leaf: Leaf, value: str) -> bool:
    return any(f"{quote}{value}{quote}" in leaf.text for quote in "'\"")


def _found(rule: Rule, facts: Facts) -> str:
    return ", ".join(dict.fromkeys(leaf.found for leaf in rule.condition.because(facts)))


def _first(rules: Sequence[Rule]) -> str | None:
    return min((rule.name for rule in rules), default=None)


def _targets(rules: Sequence[Rule]) -> tuple[str, ...]:
    return tuple(sorted({target for rule in rules for target in rule.notify}))
