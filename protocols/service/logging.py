"""Logs as JSON lines, with secrets and persons removed on the way out.

Two nets: fields by name (``token``, ``customer`` ...), and texts by shape (``alt_..._...`` tokens,
invitations, PEM private keys, bearer headers), wherever they stand.

>>> redact({"event": "joined", "token": "x", "note": "sent Bearer abc.def"})
{'event': 'joined', 'token': '[redacted]', 'note': 'sent Bearer [redacted]'}
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

SECRET_FIELDS = re.compile(
    r"(^|_)(authorization|cookie|password|passphrase|secret|seed|token|invite|nonce|share|self_key|mask_key|"
    r"private_key|identity_key_seed|key_pem)s?$"
)
"""Fields whose value never reaches a log, whatever it is."""

PERSON_FIELDS = re.compile(
    r"(^|_)(customer|customer_id|external_id|user_id|household|household_id|email|phone)s?$"
)
"""Fields that hold a person; ``customers`` as a count stays, since counts are integers."""

_SHAPES = (
    (re.compile(r"alt_[a-z-]{2,31}_[a-z2-7]{20,}"), REDACTED),
    (re.compile(r"altrove1\.[A-Za-z0-9_=-]+"), REDACTED),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"']+"), rf"\1 {REDACTED}"),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
        REDACTED,
    ),
    (re.compile(r"(?i)(postgresql[a-z+]*://[^:/@\s]+):[^@\s]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"(?i)\b(https?://)[^/@\s\"']+@"), rf"\1{REDACTED}@"),
    (
        re.compile(r"(?i)\b((?:customer|user|household|external)(?:_id)?)[=:]\s*['\"]?[^\s,;'\"&]+"),
        rf"\1={REDACTED}",
    ),
)


def configure(*, file: Path | None = None, stream: TextIO | None = None, level: str = "INFO") -> None:
    """Send all logs of this process, other libraries' too, as JSON lines to ``file`` or ``stream``.

    The file is created for this user alone. Without either, lines go to standard error.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(stream or sys.stderr)
    else:
        file.touch(mode=0o600, exist_ok=True)
        handler = logging.FileHandler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel("WARNING")


@contextmanager
def on_standard_error() -> Iterator[None]:
    """What is logged meanwhile goes to standard error, in lines for people; afterwards all is as it was.

    For verbs: their answers are on standard output, and may be JSON.
    """
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            _redact_event,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # of the moment: tests have their own
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        if before is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**before)


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``fields`` without secrets and persons."""
    return {name: _redacted(name, value) for name, value in fields.items()}


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return redact(event)


def _redacted(name: str, value: Any) -> Any:
    low = name.lower()
    if SECRET_FIELDS.search(low) or (PERSON_FIELDS.search(low) and not isinstance(value, int)):
        return REDACTED
    match value:
        case str():
            return _clean(value)
        case bytes():
            return f"[{len(value)} bytes]"
        case Mapping():
            return redact({str(key): item for key, item in value.items()})
        case list() | tuple() | set() | frozenset():
            return [_redacted(name, item) for item in value]
        case _ if isinstance(value, (bool, int, float)) or value is None:
            return value
        case _:
            return _clean(repr(value))


def _clean(text: str) -> str:
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text
