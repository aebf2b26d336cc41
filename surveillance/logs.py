"""The program's log: one line per change of state on stderr, as text for people or JSON for machines.

Modules log with the standard library: what happened in a few words, its particulars as fields:
`log.warning("camera lost", extra={"camera": "gate", "reason": "timeout"})`. Every line tells time (RFC 3339, UTC),
level, process and logger. No secret gets into a line: see `hide_secrets`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict

from surveillance.domain.site import hide_password
from surveillance.domain.values import rfc3339

HIDDEN = "***"
_NAMES = "pass(?:word|wd|phrase)?|pwd|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|pin"
_SECRET_KEY = re.compile(rf"(?i)(?:^|_|-)(?:{_NAMES})$")
_VALUE = r"""(?:"[^"]*"|'[^']*'|(?!bearer\b)[^\s"',;&)}\]]+)"""
_SECRET_PAIR = re.compile(rf"""(?i)(?<![a-z])((?:\w*_)?(?:{_NAMES})["']?\s*[=:]\s*){_VALUE}""")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_OWN_TOKEN = re.compile(r"\b(svt_|whsec_)[\w+/=-]+")
_URL = re.compile(r"""[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+""")
_AT_LAST = re.compile(r"(://)\*\*\*@[^?]*@")  # a password with an @ and a slash in it; or a path with an @
_FIRST = ("time", "level", "process", "logger", "event")

EventDict = MutableMapping[str, Any]


class LogSettings(BaseModel):
    """How the log is written, and from which level on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


def configure_logs(settings: LogSettings, process: str) -> None:
    """Called once, first of all, by the entry of each process: core, worker-1, recognizer, web, service.

    From then on everything logged in the process goes to stderr, also what libraries log and what nobody caught.
    """
    log_to_stderr(settings, process)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def log_to_stderr(settings: LogSettings, process: str) -> None:
    """Puts the handler on the root logger in place of an earlier one of ours."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, StderrHandler)]:
        root.removeHandler(handler)
    handler = StderrHandler()
    handler.setFormatter(build_formatter(settings, process))
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for chatty in ("alembic", "apscheduler", "urllib3", "PIL", "matplotlib", "libav"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def build_formatter(settings: LogSettings, process: str) -> logging.Formatter:
    """A record of the standard library in, one line out (in text, a traceback follows on lines of its own)."""

    def particulars(logger: object, method: str, line: EventDict) -> EventDict:
        record: logging.LogRecord = line["_record"]
        line["time"] = rfc3339(datetime.fromtimestamp(record.created, UTC))
        line["level"] = record.levelname.lower()
        line["process"] = process
        line["logger"] = record.name
        return line

    return structlog.stdlib.ProcessorFormatter(
        use_get_message=True,
        foreign_pre_chain=[particulars, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda logger, method, line: {key: _hide(key, value) for key, value in line.items()},
            _as_json if settings.format == "json" else _as_text,
        ],
    )


class StderrHandler(logging.Handler):
    """Writes to whatever stderr is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError, TypeError):  # closed; or a message that does not fit its arguments
            self.handleError(record)


def hide_secrets(text: str) -> str:
    """The text with `***` for passwords in URLs, bearer and webhook tokens, and what follows `password=` or alike."""
    text = _URL.sub(lambda found: _AT_LAST.sub(rf"\1{HIDDEN}@", hide_password(found[0])), text)
    text = _OWN_TOKEN.sub(rf"\1{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _SECRET_PAIR.sub(rf"\1{HIDDEN}", text)


def _hide(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(name): _hide(str(name), part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hide("", part) for part in value]
    return hide_secrets(str(value))


def _as_json(logger: object, method: str, line: EventDict) -> str:
    ordered = {key: line.pop(key) for key in _FIRST} | dict(line)
    return json.dumps(ordered, ensure_ascii=False)


def _as_text(logger: object, method: str, line: EventDict) -> str:
    trace = line.pop("exception", None)
    time, level, process, name, event = (line.pop(key) for key in _FIRST)
    words = [time, f"{level:7}", process, name.removeprefix("surveillance."), _one_line(event)]
    words += [f"{key}={_quoted(value)}" for key, value in line.items()]
    return " ".join(words) + (f"\n{trace}" if trace else "")


def _one_line(text: Any) -> str:
    return str(text).replace("\r", "\\r").replace("\n", "\\n")


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if re.fullmatch(r"[^\s\"=]+", text) else json.dumps(text, ensure_ascii=False)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, SystemExit):
        return
    if issubclass(kind, KeyboardInterrupt):
        logging.getLogger("surveillance").info("interrupted")
        return
    caught = (kind, error, trace) if error is not None else None
    logging.getLogger("surveillance").critical("nobody caught this", exc_info=caught)
