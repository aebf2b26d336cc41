"""/api/rules: the rules in force, their texts and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from flask import url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.declare import Made, Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.events import Clause
from surveillance.dashboard.api.models import Given, Moment, Told, Word
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.rule_shelf import offered, read_shelf
from surveillance.dashboard.rule_subjects import case_of
from surveillance.dashboard.services import services
from surveillance.domain.errors import RuleError
from surveillance.rules.book import Rule, parse_rulebook
from surveillance.rules.complete import complete
from surveillance.rules.draft import read_draft
from surveillance.rules.trial import try_rule

LONGEST = 20_000
EXAMPLE = """- name: somebody-at-night
  on: sighting
  verdict: alert
  when: label == "person"
"""
resource = Resource("Rules", "What is authorized, denied, alerted and logged.")


class RuleTold(Told):
    """A rule as it is judged."""

    name: str
    on: str = Field(description="`sighting`, `presence`, `access`, `door` or `camera`.")
    verdict: str
    mode: str = Field(description="`active`, `shadow` (judged, never acts) or `off`.")
    description: str
    when: str = Field(description="Its condition.")
    cooldown_s: float | None
    per: str
    notify: list[str]
    camera_only: bool
    origin: str = Field(description="Where it stands: `database:3`, or a file, which only its folder changes.")


class Rules(Told):
    version: int
    rules: list[RuleTold]
    faults: list[str] = Field(
        description="Why the texts cannot be read. No rule is told then, and core goes on with those it read before."
    )


@resource.get("/rules", gives=Rules)
@needs("rules.view")
def list_rules() -> Rules:
    """All rules, by name, with what keeps their texts from being read."""
    site = services().site.read()
    faults: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    try:
        rules = parse_rulebook(services().rule_documents(site), site, site.version).rules
    except RuleError as error:
        faults = error.faults
    return Rules(version=site.version, rules=[told(rule) for rule in rules], faults=list(faults))


class RuleText(Given):
    text: Annotated[str, Field(max_length=LONGEST, description="One rule as YAML, as in a rules file.")]

    model_config = ConfigDict(json_schema_extra={"example": {"text": EXAMPLE}})


class Cursor(RuleText):
    cursor: Annotated[int, Field(ge=0, le=LONGEST, description="Where the cursor is, in characters.")]

    model_config = ConfigDict(json_schema_extra={"example": {"text": EXAMPLE, "cursor": 70}})


class StoredRule(Told):
    """A text that a rule had."""

    name: str
    version: int = Field(description="The configuration that it came with; an edit sends it as `expected_version`.")
    text: str = Field(description="Empty where the rule was removed.")
    author: str
    at: Moment


class RuleHistory(Told):
    texts: list[StoredRule] = Field(description="Newest first, also under earlier names.")


class Flaw(Told):
    line: int
    start: int = Field(description="From here to `end` in the text, in characters.")
    end: int
    detail: str


class Checked(Told):
    """What is wrong with a text, and what is odd about it but keeps nobody from saving it."""

    rule: RuleTold | None
    flaws: list[Flaw]
    doubts: list[Flaw]


class Candidate(Told):
    text: str
    kind: str
    type: str
    doc: str


class Completions(Told):
    """What may stand from `start` to `end`, the likeliest first."""

    start: int
    end: int
    candidates: list[Candidate]


class Attempt(RuleText):
    subject: Word = Field(description="The event to try it on, by its id.")

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": EXAMPLE, "subject": "01939f3e-0000-7000-8000-000000000000"}}
    )


class Tried(Told):
    """What a rule would have done at a moment on record. Nothing is saved, nothing acts."""

    outcome: str = Field(
        description="`alert`, `log`, `authorize` or `deny`; `silent` (it is false), `unsure` (it cannot be told), "
        "`off`, or `other_trigger`. Null in `result` where it is unknown."
    )
    result: bool | None
    clause: Clause | None
    because: list[str] = Field(description="The findings that settle it.")
    doubts: str
    before_s: float | None = Field(description="It would have fired so long before, and so been silent now.")
    verdict: str | None = Field(description="Of all rules together, where somebody asks at a door.")
    reasons: list[str]


@resource.get("/rules/<name>", gives=StoredRule)
@needs("rules.view")
def get_rule(name: str) -> StoredRule:
    """The text of a rule that the database holds."""
    return stored(found(name))


@resource.get("/rules/<name>/history", gives=RuleHistory)
@needs("rules.view")
def get_rule_history(name: str) -> RuleHistory:
    """Every text that a rule has had."""
    texts = services().site.rule_history(name)
    if not texts:
        raise NotFound(_("No rule is called %(name)s.", name=repr(name)))
    return RuleHistory(texts=[stored(text) for text in texts])


@resource.post("/rules", body=RuleText, gives=StoredRule, status=201, refusals=(409,))
@needs("rules.edit")
def add_rule(body: RuleText) -> Made:
    """Add a rule, in force at once."""
    name = checked(body.text, "")
    services().site.save_rule(body.text, actor().name)
    return Made(stored(found(name)), url_for("api.get_rule", name=name))


@resource.put("/rules/<name>", query=Seen, body=RuleText, gives=StoredRule, refusals=(409,))
@needs("rules.edit")
def put_rule(name: str, query: Seen, body: RuleText) -> StoredRule:
    """Put a text in place of a rule's. Another name in it renames the rule."""
    found(name)
    renamed = checked(body.text, name)
    services().site.save_rule(body.text, actor().name, name, query.expected_version)
    return stored(found(renamed))


@resource.delete("/rules/<name>", query=Seen, gives=Edited, refusals=(409,))
@needs("rules.edit")
def delete_rule(name: str, query: Seen) -> Edited:
    """Take a rule out. Its texts stay on record."""
    found(name)
    return Edited(version=services().site.remove_rule(name, actor().name, query.expected_version))


@resource.post("/rule-drafts/check", body=RuleText, gives=Checked)
@needs("rules.view")
def check_rule(body: RuleText) -> Checked:
    """Say what is wrong with a rule's text, without saving it."""
    draft = read_draft(body.text, services().site.read())
    rule = None if draft.rule is None else told(draft.rule)
    return Checked(rule=rule, flaws=list(map(flaw, draft.flaws)), doubts=list(map(flaw, draft.doubts)))


@resource.post("/rule-drafts/complete", body=Cursor, gives=Completions)
@needs("rules.view")
def complete_rule(body: Cursor) -> Completions:
    """Say what may stand at a place in a rule's text."""
    found = complete(body.text, body.cursor, offered(services().site.read()))
    candidates = [Candidate(text=one.text, kind=one.kind, type=one.type, doc=one.doc) for one in found.candidates]
    return Completions(start=found.start, end=found.end, candidates=candidates)


@resource.post("/rule-drafts/try", body=Attempt, gives=Tried, refusals=(404,))
@needs("rules.view")
def try_draft(body: Attempt) -> dict[str, Any]:
    """Judge a rule's text on an event on record, every clause told. Saves nothing."""
    case, shelf = case_of(body.subject), read_shelf()
    draft = read_draft(body.text, shelf.site)
    if draft.rule is None:
        raise RuleError([str(one) for one in draft.flaws])
    others = [other for other in shelf.readable() if other.name != draft.rule.name]
    trial = try_rule(draft.rule, case, shelf.site, others)
    verdict, reasons = trial.together or (None, ())
    return {
        "outcome": trial.outcome,
        "result": trial.result,
        "clause": None if trial.clause is None else trial.clause.as_json(),
        "because": list(trial.because),
        "doubts": trial.doubts,
        "before_s": trial.before_s,
        "verdict": verdict,
        "reasons": list(reasons),
    }


def found(name: str) -> Any:
    text = services().site.rule(name)
    if text is None:
        raise NotFound(_("No rule is called %(name)s.", name=repr(name)))
    return text


def checked(text: str, before: str) -> str:
    """The name of the text's one rule, which is in order beside the others. Raises RuleError."""
    site = services().site.read()
    taken = {name for name, _text in services().site.rules()} - {before}
    draft = read_draft(text, site, taken)
    if draft.rule is None:
        raise RuleError([str(one) for one in draft.flaws])
    return draft.rule.name


def stored(text: Any) -> StoredRule:
    return StoredRule(name=text.name, version=text.version, text=text.text, author=text.author, at=text.at)


def flaw(one: Any) -> Flaw:
    return Flaw(line=one.line, start=one.start, end=one.end, detail=one.message)


def told(rule: Rule) -> RuleTold:
    """A rule as the API tells of it."""
    return RuleTold(
        name=rule.name,
        on=rule.trigger,
        verdict=rule.verdict,
        mode=rule.mode,
        description=rule.description,
        when=rule.condition.text,
        cooldown_s=rule.cooldown_s,
        per=rule.per,
        notify=list(rule.notify),
        camera_only=rule.camera_only,
        origin=rule.origin,
    )
