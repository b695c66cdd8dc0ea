"""The command line's way to the daemon: the same admin API as everybody's, with the local token."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter

from coordinator.api import shapes
from coordinator.errors import NotInitialised
from coordinator.home import Home
from coordinator.settings import load
from protocols.service.client import ServiceClient

T = TypeVar("T", bound=BaseModel)

POLL_S = 20


class Admin:
    """Calls of the admin API of the daemon whose home folder is ``home``."""

    def __init__(self, home: Path) -> None:
        settings = load(home)
        path = Home(folder=settings.home).admin_token
        if not path.exists():
            raise NotInitialised(
                expected=f"the file {path}",
                came="none",
                do="run `altrove-coordinator init`, or give the right --home",
            )
        host = f"[{settings.admin_host}]" if ":" in settings.admin_host else settings.admin_host
        self._client = ServiceClient(
            f"http://{host}:{settings.admin_port}",
            headers={"Authorization": f"Bearer {path.read_text().strip()}"},
        )

    def invite(self, name: str, days: int) -> shapes.InviteReply:
        """Make an invitation."""
        return self._post(shapes.InviteReply, "/invites", {"name": name, "days": days})

    def members(self) -> list[shapes.MemberReply]:
        """All members."""
        return self._list(shapes.MemberReply, "/members")

    def roster(self) -> shapes.RosterReply:
        """The roster in force and the proposal."""
        return self._get(shapes.RosterReply, "/roster")

    def change_roster(self, verb: str, member: str = "") -> shapes.RosterReply:
        """``found``, ``admit``, ``remove`` or ``withdraw``."""
        return self._post(shapes.RosterReply, f"/roster/{verb}", {"member": member} if member else {})

    def publish(self, name: str, concepts: list[str]) -> shapes.VocabularyReply:
        """Publish a vocabulary."""
        return self._post(shapes.VocabularyReply, "/vocabularies", {"name": name, "concepts": concepts})

    def ask(self, asked: shapes.AskRequest) -> int:
        """Open a round and return its number."""
        return self._post(shapes.Asked, "/rounds", asked.model_dump(exclude_none=True)).round

    def rounds(self, limit: int) -> list[shapes.RoundReply]:
        """The newest rounds, newest first."""
        return self._list(shapes.RoundReply, "/rounds", {"limit": limit})

    def round(self, number: int, after: int = 0, wait_s: int = 0) -> shapes.RoundReply:
        """One round; with ``wait_s``, once it changed after ``after`` or that time has passed."""
        return self._get(shapes.RoundReply, f"/rounds/{number}", {"after": after, "wait_s": wait_s})

    def abort(self, number: int, reason: str) -> shapes.RoundReply:
        """End a round by hand."""
        return self._post(shapes.RoundReply, f"/rounds/{number}/abort", {"reason": reason})

    def releases(self) -> list[shapes.ReleaseReply]:
        """All releases, oldest first."""
        return self._list(shapes.ReleaseReply, "/releases")

    def release(self, release: str) -> shapes.ReleaseReply:
        """One release with its readings."""
        return self._get(shapes.ReleaseReply, f"/releases/{release}")

    def landmarks(self, release: str, count: int) -> list[int]:
        """Places of the concepts that most customers buy by this release."""
        path = f"/releases/{release}/landmarks"
        return self._get(shapes.LandmarksReply, path, {"count": count}).landmarks

    def _get(self, kind: type[T], path: str, params: Mapping[str, str | int] | None = None) -> T:
        return kind.model_validate_json(self._client.get(f"/admin/v1{path}", params).content)

    def _list(self, kind: type[T], path: str, params: Mapping[str, str | int] | None = None) -> list[T]:
        response = self._client.get(f"/admin/v1{path}", params)
        return TypeAdapter(list[kind]).validate_json(response.content)  # type: ignore[valid-type]

    def _post(self, kind: type[T], path: str, content: object) -> T:
        return kind.model_validate_json(
            self._client.request("POST", f"/admin/v1{path}", json=content).content
        )
