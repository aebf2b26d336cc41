"""Any site survives its export, and a plan is empty exactly where two sites say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

from hypothesis import given, settings
from hypothesis import strategies as st

from surveillance.domain.geometry import Line, Zone
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Arming, Camera, Credential, Door, NotifyTarget, Person, Schedule, Site
from surveillance.storage.keys import HASHED
from surveillance.storage.site_document import site_yaml
from surveillance.storage.site_file import parse_site
from surveillance.storage.site_plan import changes_between
from surveillance.storage.site_secrets import hide_secrets, restore_secrets

NAMES = st.sampled_from(["front", "Hof 2", "a.b-c", "null", "yes", "12", "ä_ö"])
PEOPLE = st.sampled_from(["Ada", "O'Neil: #1", "null", '"Zoë"', "- dash", "{x}"])
SECRETS = st.sampled_from(["hunter2", "p@ss/word", "s3:cret", "über"])
HASHES = st.sampled_from([HASHED + digit * 64 for digit in "0af"])
PARTS = st.floats(0, 1, allow_nan=False).map(lambda part: round(part, 6))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
TIMES = st.sampled_from([time(0), time(8), time(17, 30), time(23, 59, 30)])


@st.composite
def urls(draw: st.DrawFn) -> str:
    host = draw(st.sampled_from(["10.0.0.9", "cam.example.org:8554"]))
    user = draw(st.sampled_from(["", f"viewer:{draw(SECRETS)}@".replace("/", "%2F")]))
    return f"rtsp://{user}{host}/stream{draw(st.integers(1, 2))}{draw(st.sampled_from(['', '?channel=1', '?pwd=x']))}"


def corners(width: float, height: float) -> tuple[tuple[float, float], ...]:
    return ((0.0, 0.0), (0.1 + 0.9 * width, 0.0), (0.0, 0.1 + 0.9 * height))


def uniquely(items: st.SearchStrategy[object], most: int = 3) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(items, max_size=most, unique_by=lambda item: item.name).map(tuple)  # type: ignore[attr-defined]


ZONES = st.builds(Zone, NAMES, st.builds(corners, PARTS, PARTS), st.booleans())
LINES = st.builds(Line, NAMES, st.tuples(PARTS, st.just(0.0)), st.tuples(PARTS, st.just(1.0)))
CAMERAS = st.builds(
    Camera,
    name=NAMES,
    url=urls(),
    sub_url=st.none() | urls(),
    zones=uniquely(ZONES),
    lines=uniquely(LINES),
    masks=st.lists(st.builds(corners, PARTS, PARTS), max_size=2).map(tuple),
    model=st.none() | st.sampled_from(["embedded", "no", "1"]),
    analyze_fps=st.sampled_from([5.0, 2.5, 0.2]),
    view=st.sampled_from(["side", "top"]),
    enabled=st.booleans(),
)
CREDENTIALS = st.lists(
    st.builds(Credential, st.just("pin"), HASHES, st.booleans(), st.none() | MOMENTS, st.none()),
    max_size=2,
    unique_by=lambda credential: credential.value,
).map(tuple)
PERSONS = st.builds(Person, PEOPLE, st.frozensets(NAMES, max_size=2), CREDENTIALS, st.none() | NAMES)
WINDOWS = st.lists(st.tuples(TIMES, TIMES).filter(lambda w: w[0] != w[1] or w[0] == time(0)), max_size=2).map(tuple)
SCHEDULES = st.builds(
    Schedule,
    NAMES,
    st.sampled_from(["UTC", "Europe/Berlin"]),
    st.dictionaries(st.integers(0, 6), WINDOWS, max_size=3),
    st.dictionaries(st.dates(datetime(2020, 1, 1).date(), datetime(2030, 1, 1).date()), WINDOWS, max_size=2),
)
TARGETS = st.builds(
    NotifyTarget, NAMES, st.just("webhook"), st.builds("https://example.org/{}".format, SECRETS), st.none() | SECRETS
)
RULES = st.sampled_from(
    ["", "# why\n- name: a\n  on: sighting\n", "- {name: b, on: door}\n- name: c\n  when: |\n    a\n\n    b  # d\n"]
)


@st.composite
def levels(draw: st.DrawFn, schedules: tuple[str, ...]) -> tuple[AccessLevel, ...]:
    given = st.builds(
        AccessLevel, NAMES, st.frozensets(NAMES, min_size=1, max_size=2), st.just(frozenset({"main"})),
        st.sampled_from((None, *schedules)), st.booleans(), st.none(),
    )  # fmt: skip
    return draw(uniquely(given, 2))  # type: ignore[return-value]


@st.composite
def sites(draw: st.DrawFn) -> Site:
    cameras, schedules = draw(uniquely(CAMERAS)), draw(uniquely(SCHEDULES, 2))
    doors = st.builds(
        Door,
        NAMES,
        st.none() | st.sampled_from([camera.name for camera in cameras] or [None]),  # type: ignore[attr-defined]
        st.none() | NAMES,
        st.none() | st.builds("http://u:{}@10.0.0.5/door".format, st.sampled_from(["hunter2", "x"])),
        st.sampled_from([3.0, 0.5]),
        st.sampled_from(["deny", "badge_only"]),
    )
    modes = tuple((f"mode {number}", schedule.name) for number, schedule in enumerate(schedules))  # type: ignore[attr-defined]
    return Site(
        cameras=cameras,  # type: ignore[arg-type]
        doors=(Door("main"), *draw(uniquely(doors, 2))),  # type: ignore[arg-type]
        people=draw(uniquely(PERSONS)),  # type: ignore[arg-type]
        schedules=schedules,  # type: ignore[arg-type]
        arming=draw(st.none() | st.just(Arming("disarmed", modes))),
        notify=draw(uniquely(TARGETS, 2)),  # type: ignore[arg-type]
        access_levels=draw(levels(tuple(schedule.name for schedule in schedules))),  # type: ignore[attr-defined]
        rules=draw(RULES),
    )


@settings(max_examples=60, deadline=None)
@given(sites())
def test_any_site_survives_its_export(site: Site) -> None:
    read = parse_site(site_yaml(site), "export.yaml")
    assert read == hide_secrets(site)
    assert restore_secrets(read, site) == site


@settings(max_examples=60, deadline=None)
@given(sites(), sites(), st.data())
def test_a_plan_is_empty_exactly_where_two_sites_say_the_same(one: Site, other: Site, data: st.DataObject) -> None:
    sections = ["cameras", "doors", "people", "schedules", "arming", "access_levels", "notify", "rules"]
    section = data.draw(st.sampled_from(sections))
    edited = replace(one, **{section: getattr(other, section)})
    assert (changes_between(one, edited) == ()) == (one == edited)
    told = str(changes_between(Site(), edited))
    assert not any(secret in told for secret in ("hunter2", "p@ss", "s3:cret"))
