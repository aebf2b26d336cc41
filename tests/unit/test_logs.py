"""A line of the log tells what, when and where, on one line, and no secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from surveillance.logs import LogSettings, build_formatter, hide_secrets

AT_S = 1_800_000_000.25  # 2027-01-15T08:00:00.250Z


def line(message: str, *values: object, format: str = "json", error: BaseException | None = None, **fields: object):
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("surveillance.ingest.reader", logging.WARNING, "reader.py", 1, message, values, trace)
    record.created = AT_S
    record.__dict__.update(fields)
    return build_formatter(LogSettings(format=format), "worker-1").format(record)


def raised(text: str) -> BaseException:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_json_holds_where_and_when_and_the_fields():
    assert json.loads(line("camera lost", camera="gate", fps=2.5, zones={"yard"}, why=None)) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "process": "worker-1",
        "logger": "surveillance.ingest.reader",
        "event": "camera lost",
        "camera": "gate",
        "fps": 2.5,
        "zones": ["yard"],
        "why": None,
    }


def test_text_is_one_line_with_fields_behind():
    told = line("camera %s\nis lost", "gate", format="text", reason="no answer", drops={"busy": 2}, n=3)
    assert told == (
        "2027-01-15T08:00:00.250Z warning worker-1 ingest.reader camera gate\\nis lost "
        'reason="no answer" drops="{\\"busy\\": 2}" n=3'
    )


def test_a_traceback_follows_in_text_and_is_a_field_in_json():
    error = raised("cannot open rtsp://bob:hunter2@gate/1")
    assert line("failed", format="text", error=error).splitlines()[-1] == "ValueError: cannot open rtsp://***@gate/1"
    assert json.loads(line("failed", error=error))["exception"].endswith("ValueError: cannot open rtsp://***@gate/1")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("opened rtsp://bob:hunter2@10.0.0.8:554/a", "opened rtsp://***@10.0.0.8:554/a"),
        ("rtsp://bob:p@ss/word@cam/1, then", "rtsp://***@cam/1, then"),
        ("http://cam/snap.jpg?user=bob&pwd=hunter2", "http://cam/snap.jpg?user=***&pwd=***"),
        ("postgresql+psycopg://site:hunter2@db/site", "postgresql+psycopg://***@db/site"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer ***"),
        ("{'authorization': 'Bearer abc.def-ghi'}", "{'authorization': ***}"),
        ("Basic dXNlcjpwYXNz was refused", "Basic *** was refused"),
        ("the token svt_0123456789abcdef_" + "x" * 43, "the token svt_***"),
        ("signed with whsec_c2VjcmV0", "signed with whsec_***"),
        ('{"password": "correct horse", "n": 1}', '{"password": ***, "n": 1}'),
        ("{'pin': '1234'} secret=abc; api_key=x", "{'pin': ***} secret=***; api_key=***"),
        ("relay_token=abc123", "relay_token=***"),
        ("camera gate: wrong_password", "camera gate: wrong_password"),
        ("spinning: 3, shipping=4, at 12:30", "spinning: 3, shipping=4, at 12:30"),
    ],
)
def test_no_secret_is_told(said: str, shown: str):
    assert hide_secrets(said) == shown
    assert json.loads(line("%s", said, note=said, nested=[{"said": said}]))["nested"] == [{"said": shown}]


def test_fields_with_a_secret_name_are_hidden_whatever_they_hold():
    told = json.loads(line("x", password="a", relay_token="b", details={"pin": 1234, "Cookie": ["c"]}, pinned="d"))
    assert {name: told[name] for name in ("password", "relay_token", "details", "pinned")} == {
        "password": "***",
        "relay_token": "***",
        "details": {"pin": "***", "Cookie": "***"},
        "pinned": "d",
    }


def test_arguments_that_do_not_fit_their_message_harm_nobody(capsys: pytest.CaptureFixture[str]):
    from surveillance.logs import StderrHandler

    handler = StderrHandler()
    handler.setFormatter(build_formatter(LogSettings(), "core"))
    handler.handle(logging.LogRecord("a", logging.INFO, "a.py", 1, "%d", ("x",), None))
    handler.handle(logging.LogRecord("a", logging.INFO, "a.py", 1, "next", (), None))
    assert "next" in capsys.readouterr().err


def test_what_nobody_caught_is_one_object_without_its_secret():
    program = """
import logging, threading, warnings
from surveillance.logs import LogSettings, configure_logs
configure_logs(LogSettings(format="json", level="warning"), "worker-1")
logging.getLogger("some.library").info("not told")
logging.getLogger("some.library").warning("told")
def fail():
    raise OSError("rtsp://bob:hunter2@gate/1 is gone")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["process"], line["logger"], line["level"], line["event"]) for line in told] == [
        ("worker-1", "some.library", "warning", "told"),
        ("worker-1", "surveillance", "critical", "nobody caught this"),
        ("worker-1", "surveillance", "critical", "nobody caught this"),
    ]
    assert [line["exception"].splitlines()[-1] for line in told[1:]] == ["OSError: rtsp://***@gate/1 is gone"] * 2
    assert (done.returncode, "hunter2" in done.stderr) == (1, False)
