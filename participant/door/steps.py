"""One step of an attempt: from the stored state and what came, to the next state and what to send.

A step reads the sealed vector and may write a masked file; it commits nothing. The rules that need
memory (one answer, one unmasking; no differencing) are checked here, before anything is committed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from participant.door import sealing
from participant.errors import AnswerMissing, AnswerVoided
from participant.store.sealed_answers import SealedAnswer
from protocols import history
from protocols import policy as policies
from protocols.codec import decode, encode
from protocols.errors import AlreadyUnmasked, IllegalMove, WrongMembers
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Phase, RoundConfig
from protocols.policy import Policy
from protocols.roster import RosterVersion, roll
from protocols.secure_sum import contributor, linear_contributor, states
from protocols.secure_sum.encapsulation import Encapsulate

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state (``plain`` holds secrets), what to send, and the survivors once they are known.

    ``armed`` is what a linear check of the release will need; empty where there will be none.
    """

    state: str
    plain: bytes = field(repr=False)
    items: tuple[Signed, ...]
    transcript: bytes
    survivors: tuple[PartnerId, ...]
    masked: sealing.MaskedFile | None
    final: bool
    armed: bytes = field(default=b"", repr=False)


class Steps:
    """The four steps after the advertisement, for one company."""

    def __init__(
        self,
        *,
        me: PartnerId,
        key: IdentityKey,
        policy: Policy,
        vectors: Path,
        entropy: Callable[[int], bytes],
        encapsulate: Encapsulate,
    ) -> None:
        self._me = me
        self._key = key
        self._policy = policy
        self._vectors = vectors
        self._entropy = entropy
        self._encapsulate = encapsulate

    def take(
        self,
        phase: Phase,
        *,
        config: RoundConfig,
        version: RosterVersion,
        state: bytes,
        items: tuple[Signed, ...],
        answer: SealedAnswer | None,
        unmasked: Sequence[frozenset[PartnerId]],
    ) -> Step:
        """Take the step of ``phase`` from the canonical bytes of the state before.

        Raises:
            PolicyRefusal, PeerFault, AnswerMissing: nothing was committed.
        """
        match phase:
            case Phase.SHARE:
                return self._share(config, version, state, items)
            case Phase.MASK:
                return self._mask(config, version, state, items, answer)
            case Phase.CHECK:
                return self._confirm(config, version, state, items, answer, unmasked)
            case Phase.UNMASK:
                return self._unmask(config, version, state, items, answer, unmasked)
            case _:
                raise IllegalMove(
                    expected="one of the phases after the advertisement", came=phase.value, do="refuse it"
                )

    def check_answer(self, config: RoundConfig, answer: SealedAnswer | None) -> None:
        """An answer that was voided or unmasked for companies outside this cohort cannot be used again.

        Raises:
            AnswerVoided, AlreadyUnmasked: it cannot.
        """
        if answer is None:
            return
        if answer.voided:
            raise AnswerVoided(
                expected="an answer that is still open",
                came="one that was closed",
                do="ask again under a new epoch",
            )
        if not set(answer.bound_to) <= set(config.cohort):
            history.check_once(config.cohort, answer.bound_to)

    def _share(
        self, config: RoundConfig, version: RosterVersion, state: bytes, items: tuple[Signed, ...]
    ) -> Step:
        rand = self._entropy(contributor.RAND_SHARE(len(config.cohort)))
        shared, bundle = contributor.share(
            decode(states.Advertised, state),
            config,
            items,
            key=self._key,
            roll=roll(version),
            rand=rand,
            encapsulate=self._encapsulate,
        )
        return _step(shared, bundle)

    def _mask(
        self,
        config: RoundConfig,
        version: RosterVersion,
        state: bytes,
        items: tuple[Signed, ...],
        answer: SealedAnswer | None,
    ) -> Step:
        if answer is None:
            raise AnswerMissing(
                expected="a sealed answer before masking", came="none", do="seal the answer, then ask again"
            )
        self.check_answer(config, answer)
        masking = contributor.begin_mask(decode(states.Shared, state), config, items, roll=roll(version))
        sealed = sealing.open_sealed(self._vectors, answer)
        masked = sealing.write_masked(self._vectors, masking, config, sealed)
        state_after, header = contributor.seal_input(masking, config, masked.chunk_hashes, key=self._key)
        return _step(state_after, (header,), masked=masked)

    def _confirm(
        self,
        config: RoundConfig,
        version: RosterVersion,
        state: bytes,
        items: tuple[Signed, ...],
        answer: SealedAnswer | None,
        unmasked: Sequence[frozenset[PartnerId]],
    ) -> Step:
        confirmed, message = contributor.confirm(
            decode(states.Masked, state),
            config,
            items,
            key=self._key,
            roll=roll(version),
            rand=self._entropy(contributor.RAND_CONFIRM),
        )
        survivors = confirmed.survivors
        policies.check_survivors(self._policy, config, survivors)
        history.check_once(survivors, _bound(answer))
        policies.check_differencing(self._policy, survivors, unmasked, members=len(version.entries))
        return _step(confirmed, (message,), survivors=survivors)

    def _unmask(
        self,
        config: RoundConfig,
        version: RosterVersion,
        state: bytes,
        items: tuple[Signed, ...],
        answer: SealedAnswer | None,
        unmasked: Sequence[frozenset[PartnerId]],
    ) -> Step:
        confirmed = decode(states.Confirmed, state)
        state_after, message = contributor.unmask(
            confirmed,
            config,
            items,
            key=self._key,
            roll=roll(version),
            bound=_bound(answer) or (),
        )
        survivors = state_after.survivors
        # Again, as at the confirmation: another round may have been unmasked since.
        policies.check_differencing(self._policy, survivors, unmasked, members=len(version.entries))
        armed = self._arm(config, confirmed, items)
        return replace(_step(state_after, (message,), survivors=survivors, final=True), armed=armed)

    def _arm(self, config: RoundConfig, state: states.Confirmed, confirmations: tuple[Signed, ...]) -> bytes:
        if self._policy.recomputes(len(state.survivors), config.answer.vector_bytes):
            return b""
        try:
            return encode(linear_contributor.arm(state, confirmations))
        except WrongMembers as error:
            _log.warning("no linear check", round=config.round, attempt=config.attempt, detail=str(error))
            return b""


def _bound(answer: SealedAnswer | None) -> tuple[PartnerId, ...] | None:
    if answer is None or answer.voided:
        raise AlreadyUnmasked(
            expected="a sealed answer that is still open",
            came="none",
            do="let this attempt end without this node",
        )
    return answer.bound_to or None


def _step(
    state: states.Shared | states.Masked | states.Confirmed | states.Unmasked,
    items: tuple[Signed, ...],
    *,
    survivors: tuple[PartnerId, ...] = (),
    masked: sealing.MaskedFile | None = None,
    final: bool = False,
) -> Step:
    return Step(
        state=type(state).__name__,
        plain=encode(state),
        items=items,
        transcript=state.transcript,
        survivors=survivors,
        masked=masked,
        final=final,
    )
