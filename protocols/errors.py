"""What can go wrong, whose fault it is, and what to do about it.

Every error of Altrove is an :class:`AltroveError`: it carries what was expected, what came and
what to do, never a secret and never a person. Its class names the rule or the attack, its
``code`` is stable for machines, its ``status`` is the HTTP status at the edge.

>>> raise BelowMinimumCohort(expected="at least 4 companies", came="3", do="invite one more company")
Traceback (most recent call last):
...
protocols.errors.BelowMinimumCohort: expected at least 4 companies; came 3; invite one more company
"""

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who has to act: ourselves, the peer, the caller's input, or nobody because policy refused."""

    OURS = "ours"
    PEER = "peer"
    INPUT = "input"
    POLICY = "policy"


class AltroveError(Exception):
    """An error in three parts: ``expected``, ``came`` and what to ``do``."""

    code: ClassVar[str] = "error"
    fault: ClassVar[Fault] = Fault.OURS
    status: ClassVar[int] = 500

    def __init__(self, *, expected: str, came: str, do: str) -> None:
        super().__init__(f"expected {expected}; came {came}; {do}")
        self.expected = expected
        self.came = came
        self.do = do

    def __init_subclass__(cls, *, code: str, fault: Fault | None = None, status: int | None = None) -> None:
        super().__init_subclass__()
        cls.code = code
        cls.fault = fault if fault is not None else cls.fault
        cls.status = status if status is not None else cls.status


class PeerFault(AltroveError, code="peer-fault", fault=Fault.PEER, status=400):
    """The other side broke the protocol; the attempt cannot go on with this message."""


class PolicyRefusal(AltroveError, code="policy-refusal", fault=Fault.POLICY, status=403):
    """Our own policy says no. Nothing left the company."""


class BadInput(AltroveError, code="bad-input", fault=Fault.INPUT, status=422):
    """A file, a flag or a request is not what it should be; nothing was written."""


# Bytes
class MalformedMessage(PeerFault, code="malformed-message"):
    """Bytes that are not the one canonical encoding of the expected message."""


class UnknownVersion(PeerFault, code="unknown-version"):
    """A message or a vocabulary of a version that this node does not speak."""


class TooLarge(PeerFault, code="too-large", status=413):
    """Bytes above the limit stated in ``protocols.limits``."""


# Identity
class BadSignature(PeerFault, code="bad-signature", status=401):
    """A signature that does not verify under the key pinned in the roster."""


class UnknownSigner(PeerFault, code="unknown-signer", status=401):
    """Signed by somebody who is not in the roster, or not who was expected."""


class WeakKey(PeerFault, code="weak-key"):
    """A low-order, non-canonical or duplicate public key."""


class ClockSkew(PeerFault, code="clock-skew", status=401):
    """A signature made too far in the past or the future."""


# The secure sum
class WrongTranscript(PeerFault, code="wrong-transcript"):
    """A message bound to another configuration or another set of advertisements (a split view)."""


class IllegalMove(PeerFault, code="illegal-move", status=409):
    """An event that the state machine has no entry for."""


class Equivocation(PeerFault, code="equivocation", status=409):
    """Two different messages where one was allowed."""


class ReplayedRound(PeerFault, code="replayed-round", status=409):
    """A round or attempt number that does not increase, or a retry that changed its configuration."""


class BadShare(PeerFault, code="bad-share"):
    """A share that does not open, or does not combine to the committed secret."""


class BadChunk(PeerFault, code="bad-chunk"):
    """Masked bytes whose hash is not the one in the signed header."""


class WrongMembers(PeerFault, code="wrong-members"):
    """A set of senders, recipients or shares that the phase before does not allow."""


class AliveAndDead(PeerFault, code="alive-and-dead"):
    """An unmasking that names one member as surviving and as dropped: both its secrets would come out."""


class TooFewSurvivors(PeerFault, code="too-few-survivors", status=409):
    """Fewer members than the threshold or the minimum cohort are left; the attempt aborts."""


class AlreadyUnmasked(PolicyRefusal, code="already-unmasked", status=409):
    """This answer was unmasked once, for one set of survivors, and never will be for another."""


class BelowMinimumCohort(PolicyRefusal, code="below-minimum-cohort"):
    """The sum would hide a member among too few companies."""


class ThresholdTooLow(PolicyRefusal, code="threshold-too-low"):
    """Colluders could obtain two different sums (2t <= n + c)."""


class DifferencingRefused(PolicyRefusal, code="differencing-refused"):
    """Two released sums would differ by fewer companies than the policy allows."""


class SuiteNotAllowed(PolicyRefusal, code="suite-not-allowed"):
    """The node's policy does not list the suite of this round: a downgrade, or an upgrade it did not agree to."""


class SuiteUnavailable(AltroveError, code="suite-unavailable", fault=Fault.INPUT, status=422):
    """A suite is asked for that needs a primitive which the libraries of this machine lack."""


class QuestionNotAllowed(PolicyRefusal, code="question-not-allowed"):
    """The node's policy does not list this question, or not with these parameters."""


class Stopped(PolicyRefusal, code="stopped"):
    """The officer pressed STOP, or the state of STOP cannot be read: the door is closed."""


class Restored(Stopped, code="restored"):
    """The database is older than what this node has sent: it answers nothing until peers have attested."""


class TooFewAttestations(PolicyRefusal, code="too-few-attestations", status=409):
    """Not enough members have said what they saw of this node before its restore."""


class MustAbandon(PolicyRefusal, code="must-abandon", status=409):
    """Peers saw more of this node than it remembers: its officer has to give those answers up."""


class OutOfBounds(AltroveError, code="out-of-bounds", fault=Fault.INPUT, status=422):
    """A number beyond the bound its question declares, or not finite."""


class RingOverflow(AltroveError, code="ring-overflow", fault=Fault.INPUT, status=422):
    """No scale fits: the sum of n bounded answers would wrap around the ring."""


# Roster, audit, release
class BrokenChain(PeerFault, code="broken-chain"):
    """A roster version that does not follow from the one before, or lacks signatures."""


class RolledBack(PeerFault, code="rolled-back", status=409):
    """A roster or audit log shorter than one already seen, or of equal length with another hash."""


class BadProof(PeerFault, code="bad-proof"):
    """An inclusion or consistency proof that does not lead to the signed tree head."""


class WrongVocabulary(PeerFault, code="wrong-vocabulary", status=409):
    """The vocabulary's hash is not the one that the round or the release names."""


class BadRelease(PeerFault, code="bad-release"):
    """A release whose bytes, signature or round do not agree."""


class BelowZero(BadRelease, code="below-zero"):
    """A sum in which something that can only be counted is below zero: no true answers add up to it."""


class NotTheSum(PeerFault, code="not-the-sum"):
    """A released sum that is not the sum of the survivors' answers."""


class StaleRelease(PeerFault, code="stale-release", status=409):
    """A release that is older than the one in use."""


class NoiseRequired(PolicyRefusal, code="noise-required"):
    """The node's policy asks for differential privacy, and the question has none."""


class UnboundedSensitivity(PolicyRefusal, code="unbounded-sensitivity"):
    """One customer could change the answer by more than the noise of this question can hide."""


class BudgetSpent(PolicyRefusal, code="budget-spent"):
    """This answer would cost more epsilon than the company's budget has left."""


class TooManyUnreleased(PolicyRefusal, code="too-many-unreleased"):
    """Answers that were paid for keep coming to nothing; no other one is given this quarter."""


class TooMuchTraining(PolicyRefusal, code="too-much-training"):
    """A training, or an evaluation, that would keep a company's machine busy for longer than its policy allows."""


class TooFewCustomers(PolicyRefusal, code="too-few-customers"):
    """A company with fewer customers than its own floor would describe single people."""


class BehindRoster(AltroveError, code="behind-roster", fault=Fault.OURS, status=409):
    """A round names a roster or an audit log that this node has not yet fetched and checked."""
