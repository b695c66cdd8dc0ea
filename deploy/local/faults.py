"""What can stop the demo; each says in one line what to do."""

from protocols.errors import AltroveError, BadInput


class NotEnoughRoom(BadInput, code="demo-not-enough-room"):
    """Too little memory or disk for five companies and a coordinator."""


class NoFreePort(BadInput, code="demo-no-free-port"):
    """No free port on the loopback interface."""


class AlreadyThere(BadInput, code="demo-already-there"):
    """Another demo runs in the same folder."""


class CommandFailed(AltroveError, code="demo-command-failed"):
    """A public command of Altrove ended with an error; its last lines are in the message."""


class ProcessEnded(AltroveError, code="demo-process-ended"):
    """A daemon that should run has ended; its log says why."""


class TookTooLong(AltroveError, code="demo-took-too-long"):
    """Something that takes seconds did not happen within minutes."""
