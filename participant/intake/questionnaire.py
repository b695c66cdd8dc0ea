"""Reads answers that customers gave about their own appetite, each with the day on which they agreed to this use.

A CSV file with the columns customer, consented_at (YYYY-MM-DD), uniqueness and openness, the last two from 1 to 5.
A row without a day of consent, or with one in the future, is refused like any other bad row: it is written to
``data/rejected`` with its reason and without its answers, since nobody agreed that they be kept; nor are those of
somebody who is no customer here. A row of somebody who was erased, of a consent before that or of none that can be
read, is counted and written down nowhere. Ids are compared as those of purchases are: without the spaces around them,
and letter by letter, so that another case is another customer.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from participant.intake import staging
from participant.intake.checks import trimmed
from participant.intake.erased import ERASED
from participant.intake.faults import UnknownColumn, UnreadableFile
from participant.store.appetites import Answered, SaidAppetites
from participant.store.erasures import ErasedIds, Erasures
from participant.store.records import UnknownCustomer
from protocols.service import durable

COLUMNS: Final = ("customer", "consented_at", "uniqueness", "openness")
LOWEST, HIGHEST = 1.0, 5.0

NEVER: Final = -(2**63)
"""Before every erasure: a row without a day of consent is not of later than one."""

NO_DAY: Final = "no-day-of-consent"
NOT_YET: Final = "consent-in-the-future"
UNKNOWN: Final = "unknown-customer"
UNANSWERED: Final = {"uniqueness": "", "openness": ""}
"""In place of answers that may not be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionnaireReport:
    """``kept`` answers were stored, ``older`` ones are superseded; ``rejected`` counts rows by reason."""

    kept: int
    older: int
    rejected: Mapping[str, int]
    rejected_file: Path | None


def read_questionnaire(source: Path, *, home: Path, engine: Engine, now: int) -> QuestionnaireReport:
    """Take in the answers in ``source``; the newest consent of a customer counts.

    Raises:
        UnreadableFile, UnknownColumn: nothing was stored.
        BadInput: customers were erased and the key by which they are known is gone; nothing was stored.
    """
    said, until, ids = SaidAppetites(engine), Erasures(engine).until(), ErasedIds(home)
    kept, older, erased, refused = 0, 0, 0, list[tuple[dict[str, str], str]]()
    for row in _rows(source):
        last = until.get(ids.keyed(row["customer"])) if until else None
        if last is not None and _consented(row) <= last:
            erased += 1
            continue
        answered, reason = _judged(row, now)
        if answered is None:
            refused.append((row | UNANSWERED if reason in {NO_DAY, NOT_YET} else row, reason))
            continue
        try:
            stored = said.keep(answered)
        except UnknownCustomer:
            refused.append((row | UNANSWERED, UNKNOWN))
            continue
        kept, older = kept + stored, older + (not stored)
    counted = Counter(reason for _, reason in refused) + Counter({ERASED: erased})
    return QuestionnaireReport(
        kept=kept,
        older=older,
        rejected=dict(counted),
        rejected_file=_write_refused(refused, home) if refused else None,
    )


def _rows(source: Path) -> Iterator[dict[str, str]]:
    try:
        with source.expanduser().open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise UnknownColumn(
                    expected="columns " + ", ".join(COLUMNS),
                    came="columns " + ", ".join(rows.fieldnames or ("none",)),
                    do="name them so in the first line; consented_at is the day on which the customer agreed",
                )
            for row in rows:
                said = {name: (row[name] or "").strip() for name in COLUMNS}
                yield said | {"customer": trimmed(row["customer"] or "")}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(
            expected="a CSV file in UTF-8", came=str(error)[:200], do="check the path and the encoding"
        ) from None


def _judged(row: Mapping[str, str], now: int) -> tuple[Answered | None, str]:
    consented_at = _consented(row)
    if consented_at == NEVER:
        return None, NO_DAY
    if consented_at > now:
        return None, NOT_YET
    try:
        answers = [float(row[name]) for name in ("uniqueness", "openness")]
    except ValueError:
        return None, "no-number"
    if not all(LOWEST <= answer <= HIGHEST for answer in answers):
        return None, "outside-the-scale"
    if not row["customer"]:
        return None, "no-customer"
    return Answered(
        customer=row["customer"],
        consented_at=consented_at,
        uniqueness=answers[0],
        openness=answers[1],
    ), ""


def _consented(row: Mapping[str, str]) -> int:
    """The first second of the day of consent; NEVER where none can be read."""
    try:
        day = datetime.strptime(row["consented_at"], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return NEVER
    return int(day.timestamp())


def _write_refused(refused: list[tuple[dict[str, str], str]], home: Path) -> Path:
    """A file of its own with the reasons; it is scrubbed with the other rejected rows at an erasure."""
    folder = home / "data" / staging.REJECTED
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / "questionnaire.csv"
    lines = [",".join(("reason", *COLUMNS))]
    lines += [_line((reason, *(row[name] for name in COLUMNS))) for row, reason in refused]
    durable.write(target, ["\n".join((*lines, "")).encode("utf-8")])
    target.chmod(0o600)
    return target


def _line(fields: tuple[str, ...]) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)
