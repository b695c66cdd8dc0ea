from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from starlette.testclient import TestClient

from protocols.service.app import create_app
from protocols.service.clock import ManualClock
from protocols.service.tokens import Token, TokenRecord, digest_of, mint, require

NOW = 1_760_000_000


class Tokens:
    """A token store that knows what a test issued."""

    def __init__(self) -> None:
        self.records: dict[bytes, TokenRecord] = {}

    def issue(self, scope: str, number: int, *, expires_at: int = 0, revoked: bool = False) -> str:
        token = mint(scope, bytes([number]) * 32)
        self.records[token.sha256] = TokenRecord(
            token_id=str(number), label="test", scope=scope, expires_at=expires_at, revoked=revoked
        )
        return token.text

    def find(self, sha256: bytes) -> TokenRecord | None:
        return self.records.get(sha256)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ask(tokens, clock):
    router = APIRouter()

    @router.get("/secret")
    async def secret(
        bearer: Annotated[TokenRecord, Depends(require("admin", tokens, clock))],
    ) -> dict[str, str]:
        return {"who": bearer.token_id}

    http = TestClient(create_app("test", routers=[router]))
    return lambda header: http.get("/secret", headers={} if header is None else {"Authorization": header})


def test_a_token_of_the_right_scope_opens_the_door(ask, tokens):
    assert ask(f"Bearer {tokens.issue('admin', 1)}").json() == {"who": "1"}


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer alt_admin_short", f"Bearer alt_admin_{'a' * 52}"],
)
def test_a_missing_malformed_or_unknown_token_is_refused_with_what_to_do(ask, header):
    response = ask(header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:altrove:problem:unknown-token"
    assert response.json()["do"]


def test_a_token_of_another_scope_is_refused(ask, tokens):
    response = ask(f"Bearer {tokens.issue('recommend', 2)}")
    assert response.status_code == 403
    assert response.json()["type"] == "urn:altrove:problem:wrong-scope"


def test_a_revoked_token_and_one_that_ran_out_look_like_an_unknown_one(ask, tokens, clock):
    revoked = ask(f"Bearer {tokens.issue('admin', 3, revoked=True)}")
    text = tokens.issue("admin", 4, expires_at=NOW + 60)
    assert ask(f"Bearer {text}").status_code == 200
    clock.advance(60)
    expired = ask(f"Bearer {text}")
    unknown = ask(f"Bearer alt_admin_{'a' * 52}")
    assert revoked.json() == expired.json() == unknown.json()


def test_only_the_hash_of_a_token_is_kept_and_its_text_is_not_printed():
    token = mint("admin", bytes(range(32)))
    assert token.sha256 == digest_of(token.text)
    assert token.text not in repr(token)
    assert isinstance(token, Token)


@pytest.mark.parametrize(
    ("scope", "rand"), [("Admin", bytes(32)), ("x", bytes(32)), ("admin", bytes(31)), ("a_b", bytes(32))]
)
def test_a_scope_that_would_blur_the_format_and_short_randomness_are_refused(scope, rand):
    with pytest.raises(ValueError, match=r"scope|bytes"):
        mint(scope, rand)
