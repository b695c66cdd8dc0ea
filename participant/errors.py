"""Errors of a node that are no part of the protocol: set-up, the coordinator's API, the local disk."""

from protocols.errors import AltroveError, BadInput, Fault, PeerFault, PolicyRefusal


class SecretsErased(AltroveError, code="secrets-erased", fault=Fault.OURS, status=409):
    """The secrets of this attempt are gone for good; the attempt ends without this node."""


class AnswerMissing(AltroveError, code="answer-missing", fault=Fault.OURS, status=409):
    """The round needs an answer that has not been sealed yet."""


class RecordsChanged(AltroveError, code="records-changed", fault=Fault.OURS, status=409):
    """Purchases were read in while an answer was filled in; nothing of it was sealed, and it is filled in again."""


class PriceRose(PolicyRefusal, code="price-rose", status=409):
    """The answer was filled in from more customers than it was priced for; nothing of it was sealed."""


class AnswerVoided(PolicyRefusal, code="answer-voided", status=409):
    """This answer was closed (an opt-out, an erasure, or a lost file) and is never recomputed."""


class NotInCohort(PeerFault, code="not-in-cohort", status=409):
    """A configuration that does not list this company, or lists it outside the roster's order."""


class NotJoined(BadInput, code="not-joined"):
    """This node's home holds no membership yet."""


class AlreadyJoined(BadInput, code="already-joined"):
    """This node's home already belongs to a consortium."""


class BadSettings(BadInput, code="bad-settings"):
    """``node.toml`` or an environment variable does not hold what it should."""


class NoRoster(PolicyRefusal, code="no-roster", status=409):
    """The officer has not accepted a roster yet, or it lacks signatures."""


class WrongRosterHash(BadInput, code="wrong-roster-hash"):
    """The hash that the officer typed is not the one of the roster on offer."""


class NoData(BadInput, code="no-data"):
    """No customer has been read in yet."""
