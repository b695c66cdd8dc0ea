"""What can go wrong at the coordinator, each with who has to act."""

from protocols.errors import AltroveError, BadInput, Fault, PeerFault


class NotInitialised(AltroveError, code="not-initialised", fault=Fault.INPUT, status=503):
    """The home folder or the database has not been prepared by ``init``."""


class AlreadyInitialised(BadInput, code="already-initialised", status=409):
    """``init`` on a home folder that already holds a consortium."""


class UnknownInvite(PeerFault, code="unknown-invite", status=403):
    """An invitation that was never issued, has run out, or was used by somebody else."""


class NameTaken(BadInput, code="name-taken", status=409):
    """Another member or open invitation has this name."""


class KeyTaken(PeerFault, code="key-taken", status=409):
    """A key that another member already enrolled with."""


class NoRoster(AltroveError, code="no-roster", fault=Fault.INPUT, status=404):
    """There is no roster in force, or no proposal to approve."""


class ProposalOpen(BadInput, code="proposal-open", status=409):
    """A roster version already waits for approvals; one change a version."""


class NothingToPropose(BadInput, code="nothing-to-propose", status=409):
    """The proposed change is none, or founders are missing."""


class UnknownVocabulary(BadInput, code="unknown-vocabulary", status=404):
    """No vocabulary with this hash, or none published yet."""


class UnknownRound(BadInput, code="unknown-round", status=404):
    """No such round or attempt."""


class RoundFailed(AltroveError, code="round-failed", fault=Fault.INPUT, status=409):
    """A round of a training came to nothing."""


class UnknownRelease(BadInput, code="unknown-release", status=404):
    """No release with this hash."""


class UnknownMember(BadInput, code="unknown-member", status=404):
    """No member with this name or id."""


class RoundInProgress(BadInput, code="round-in-progress", status=409):
    """A round is open; rounds run one after another."""


class NotInCohort(PeerFault, code="not-in-cohort", status=403):
    """A member that this round does not ask, or no longer waits for."""


class PhaseClosed(PeerFault, code="phase-closed", status=409):
    """The phase that this message answers is over or has not begun."""


class DeadlinePassed(AltroveError, code="deadline-passed", fault=Fault.OURS, status=409):
    """The next phase would open after its own signed deadline: the daemon was down too long."""


class NoHeaderYet(PeerFault, code="no-header-yet", status=409):
    """Masked bytes came before the signed header against which they are verified."""


class StaleRun(PeerFault, code="stale-run", status=410):
    """A courier run that has been replaced; it should end itself."""


class AttemptGone(PeerFault, code="attempt-gone", status=404):
    """The attempt no longer takes vectors (not 410, which tells a courier that its whole run is stale)."""


class WrongSum(AltroveError, code="wrong-sum", fault=Fault.OURS, status=500):
    """Stored evidence does not recompute: the database or the spool was altered."""


class CheckNotReady(PeerFault, code="check-not-ready", status=409):
    """A linear answer before every survivor of the release has opened its part."""


class EvidenceGone(PeerFault, code="evidence-gone", status=404):
    """A masked vector that was kept as long as it is kept."""
