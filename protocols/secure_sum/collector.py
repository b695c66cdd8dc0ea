"""The coordinator's side: what it admits, when a phase may close, and with whom the sum goes on.

Pure functions over messages that the daemon stores; a :class:`Context` holds what the closed phases
have settled. The coordinator is not trusted with any of this: every member checks it all again. It
is checked here so that an honest coordinator never hands on what an honest member must refuse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from protocols.codec import decode, digest
from protocols.errors import (
    AliveAndDead,
    BadChunk,
    IllegalMove,
    ReplayedRound,
    UnknownSigner,
    WrongMembers,
)
from protocols.identity import PartnerId, Roll, Signed
from protocols.messages import (
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    Phase,
    RoundConfig,
    SealedShare,
    Submission,
    UnmaskAnswer,
)
from protocols.secret_sharing import from_bytes
from protocols.secure_sum.admission import (
    Frame,
    admit,
    admit_together,
    agree,
    check_distinct,
    check_floor,
    check_fresh,
    check_header,
    check_keys,
    check_quorum,
)
from protocols.secure_sum.hybrid import beside_bytes
from protocols.secure_sum.sealing import commitments
from protocols.secure_sum.transcript import in_order, members_hash, roots_hash, transcript_hash


class Event(StrEnum):
    """What ends a phase: enough valid messages are in, or the attempt cannot go on."""

    CLOSE = "close"
    ABORT = "abort"


PHASE_TABLE: Final[dict[tuple[Phase, Event], Phase]] = {
    (Phase.ADVERTISE, Event.CLOSE): Phase.SHARE,
    (Phase.SHARE, Event.CLOSE): Phase.MASK,
    (Phase.MASK, Event.CLOSE): Phase.CHECK,
    (Phase.CHECK, Event.CLOSE): Phase.UNMASK,
    (Phase.UNMASK, Event.CLOSE): Phase.RELEASED,
    (Phase.ADVERTISE, Event.ABORT): Phase.ABORTED,
    (Phase.SHARE, Event.ABORT): Phase.ABORTED,
    (Phase.MASK, Event.ABORT): Phase.ABORTED,
    (Phase.CHECK, Event.ABORT): Phase.ABORTED,
    (Phase.UNMASK, Event.ABORT): Phase.ABORTED,
}
"""Every legal change of phase; what is absent is refused."""


def next_phase(phase: Phase, event: Event) -> Phase:
    """The phase after ``event``.

    Raises:
        IllegalMove: the attempt has ended.
    """
    after = PHASE_TABLE.get((phase, event))
    if after is None:
        raise IllegalMove(
            expected="an open phase of the collector",
            came=f"{event.value} in {phase.value}",
            do="start a new attempt",
        )
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the phases so far have settled; built by :func:`context` from stored messages.

    During ADVERTISE ``ads`` are those admitted so far; later the sets are final. Empty sets and
    hashes stand for phases that have not closed.
    """

    config_hash: bytes
    ads: Mapping[PartnerId, Advertisement]
    transcript: bytes
    u1: tuple[PartnerId, ...]
    u2: tuple[PartnerId, ...]
    headers: tuple[InputHeader, ...]
    u3: tuple[PartnerId, ...]
    roots: bytes


def context(
    config: RoundConfig,
    *,
    ads: Sequence[Signed] = (),
    u2: Iterable[PartnerId] = (),
    headers: Sequence[Signed] = (),
) -> Context:
    """What admitted ``ads``, the closed set ``u2`` and the ``headers`` of U3 settle, in cohort order."""
    opened = {ad.sender: ad for ad in (decode(Advertisement, signed.body) for signed in ads)}
    vectors = {header.sender: header for header in (decode(InputHeader, signed.body) for signed in headers)}
    u3 = in_order(config, vectors)
    return Context(
        config_hash=digest(config),
        ads=opened,
        transcript=transcript_hash(ads),
        u1=in_order(config, opened),
        u2=in_order(config, u2),
        headers=tuple(vectors[member] for member in u3),
        u3=u3,
        roots=roots_hash(config, vectors.values()),
    )


def check_submission(
    config: RoundConfig,
    phase: Phase,
    submission: Submission,
    sender: PartnerId,
    *,
    roll: Roll,
    context: Context,
) -> None:
    """Admit what ``sender`` submits while ``phase`` is open, or say why not.

    Raises:
        ReplayedRound: another round or attempt.
        IllegalMove: another phase than the open one (too late, or too early).
        UnknownSigner, BadSignature, WrongTranscript, WrongMembers, WeakKey, BadShare, AliveAndDead:
            the message breaks the rule of that name.
    """
    if (submission.round, submission.attempt) != (config.round, config.attempt):
        raise ReplayedRound(
            expected=f"round {config.round}, attempt {config.attempt}",
            came=f"round {submission.round}, attempt {submission.attempt}",
            do="ask for the current phase",
        )
    if submission.phase != phase.value or phase not in _CHECKS:
        raise IllegalMove(
            expected=f"a submission for {phase.value}",
            came=submission.phase[:40],
            do="ask for the current phase",
        )
    if any(item.signer != sender for item in submission.items):
        raise UnknownSigner(expected="messages signed by their sender", came="another's", do="refuse them")
    _CHECKS[phase](submission.items, sender, Frame.of(config, roll), context)


def _check_advertise(items: Sequence[Signed], sender: PartnerId, frame: Frame, seen: Context) -> None:
    ad = admit(_only(items), Advertisement, frame)
    check_keys([ad], frame.config.suite)
    check_fresh([*(other for member, other in seen.ads.items() if member != sender), ad])


def _check_share(items: Sequence[Signed], sender: PartnerId, frame: Frame, seen: Context) -> None:
    _require_in(sender, seen.u1, "a member of U1")
    recipients = []
    for bundle in admit_together(items, SealedShare, frame):
        agree("the transcript of this attempt", bundle.transcript, seen.transcript, sender)
        later = bundle.recipient in frame.place and frame.place[bundle.recipient] > frame.place[sender]
        commitments(bundle, beside_bytes(frame.config.suite, later=later))
        recipients.append(bundle.recipient)
    others = [member for member in seen.u1 if member != sender]
    if sorted(recipients) != sorted(others):
        raise WrongMembers(
            expected=f"exactly one bundle for each of {len(others)} other members of U1",
            came=f"{len(recipients)} bundles for other recipients",
            do="refuse the submission",
        )


def _check_mask(items: Sequence[Signed], sender: PartnerId, frame: Frame, seen: Context) -> None:
    _require_in(sender, seen.u2, "a member of U2")
    header = admit(_only(items), InputHeader, frame)
    check_header(header, frame.config, seen.transcript, members_hash(seen.u2))


def _check_confirmation(items: Sequence[Signed], sender: PartnerId, frame: Frame, seen: Context) -> None:
    _require_in(sender, seen.u3, "a member of U3")
    said = admit(_only(items), Confirmation, frame)
    agree("the transcript of this attempt", said.transcript, seen.transcript, sender)
    agree("the same U2", said.members, members_hash(seen.u2), sender)
    agree("the same U3", said.survivors, members_hash(seen.u3), sender)
    agree("the same vectors", said.roots, seen.roots, sender)


def _check_unmask(items: Sequence[Signed], sender: PartnerId, frame: Frame, seen: Context) -> None:
    _require_in(sender, seen.u3, "a member of U3")
    answer = admit(_only(items), UnmaskAnswer, frame)
    agree("the transcript of this attempt", answer.transcript, seen.transcript, sender)
    agree("the same U3", answer.survivors, members_hash(seen.u3), sender)
    alive = [opened.owner for opened in answer.self_shares]
    dead = [opened.owner for opened in answer.key_shares]
    if not frozenset(alive).isdisjoint(dead):
        raise AliveAndDead(
            expected="self shares and key shares of different members",
            came=f"both of one from {sender.hex()}",
            do="refuse the answer and keep it as evidence",
        )
    _require_owners(alive, seen.u3, "self shares of exactly U3")
    _require_owners(dead, [m for m in seen.u2 if m not in seen.u3], "key shares of exactly U2 without U3")
    for opened in (*answer.self_shares, *answer.key_shares):
        _canonical(opened)


_CHECKS: Final = {
    Phase.ADVERTISE: _check_advertise,
    Phase.SHARE: _check_share,
    Phase.MASK: _check_mask,
    Phase.CHECK: _check_confirmation,
    Phase.UNMASK: _check_unmask,
}


def close_advertise(config: RoundConfig, ads: Sequence[Signed]) -> tuple[PartnerId, ...]:
    """U1 in cohort order: who advertised.

    Raises:
        TooFewSurvivors: too few; the attempt aborts.
        Equivocation, WeakKey: a set that :func:`check_submission` would not have admitted.
    """
    opened = [decode(Advertisement, signed.body) for signed in ads]
    check_distinct([ad.sender for ad in opened])
    check_keys(opened, config.suite)
    return _closed(config, (ad.sender for ad in opened), "U1")


def close_share(config: RoundConfig, senders: Iterable[PartnerId]) -> tuple[PartnerId, ...]:
    """U2 in cohort order: who sealed shares for everybody in U1.

    Raises:
        TooFewSurvivors: too few; the attempt aborts.
    """
    return _closed(config, senders, "U2")


def shares_by_recipient(submissions: Iterable[Submission]) -> dict[PartnerId, tuple[Signed, ...]]:
    """What each member is handed for MASK: the bundles sealed for it, among those that U2 submitted.

    Opens every bundle once: n members have n (n - 1) of them, so keep the result for all members.
    """
    dealt: dict[PartnerId, list[Signed]] = {}
    for submission in submissions:
        for item in submission.items:
            dealt.setdefault(decode(SealedShare, item.body).recipient, []).append(item)
    return {recipient: tuple(bundles) for recipient, bundles in dealt.items()}


def close_mask(config: RoundConfig, headers: Sequence[Signed]) -> tuple[PartnerId, ...]:
    """U3 in cohort order: whose header is admitted and whose masked bytes are all there.

    Raises:
        TooFewSurvivors: too few; the attempt aborts.
    """
    check_distinct([signed.signer for signed in headers])
    return _closed(config, (signed.signer for signed in headers), "U3")


def close_check(config: RoundConfig, confirmations: Sequence[Signed]) -> tuple[PartnerId, ...]:
    """Who confirmed, in cohort order; at least ``threshold`` members of U3.

    Raises:
        TooFewSurvivors: too few; the attempt aborts.
    """
    signers = [signed.signer for signed in confirmations]
    check_distinct(signers)
    check_quorum(config, signers, "confirmations")
    return in_order(config, signers)


def check_chunk(header: InputHeader, index: int, chunk: bytes | memoryview) -> None:
    """Accept one chunk of masked bytes against the signed header, before it is spooled or added.

    Raises:
        BadChunk: no such chunk, another length or another hash.
    """
    total = header.elements * header.ring_bits // 8
    size = min(header.chunk_bytes, total - index * header.chunk_bytes)
    right = 0 <= index < len(header.chunk_hashes) and len(chunk) == size
    if not right or not compare_digest(sha256(chunk).digest(), header.chunk_hashes[index]):
        raise BadChunk(
            expected=f"chunk {index} of {header.sender.hex()} as its signed header says",
            came="other bytes",
            do="drop the upload; its sender may send the right bytes until the phase closes",
        )


def _only(items: Sequence[Signed]) -> Signed:
    if len(items) != 1:
        raise WrongMembers(expected="one message", came=f"{len(items)}", do="refuse the submission")
    return items[0]


def _closed(config: RoundConfig, senders: Iterable[PartnerId], what: str) -> tuple[PartnerId, ...]:
    members = in_order(config, senders)
    check_floor(config, members, what)
    return members


def _require_in(sender: PartnerId, members: Sequence[PartnerId], what: str) -> None:
    if sender not in members:
        raise WrongMembers(
            expected=what,
            came=sender.hex(),
            do="it dropped out in an earlier phase: wait for the next attempt",
        )


def _require_owners(owners: Sequence[PartnerId], exactly: Sequence[PartnerId], what: str) -> None:
    if sorted(owners) != sorted(exactly):
        raise WrongMembers(expected=what, came=f"shares of {len(owners)} others", do="refuse the answer")


def _canonical(opened: OpenedShare) -> None:
    from_bytes(opened.share)
