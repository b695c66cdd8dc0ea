"""Repository of issued tokens; only their SHA-256 is stored."""

from sqlalchemy import Connection, Engine, insert, select, update

from coordinator.store.member_tables import tokens
from protocols.service.tokens import Token, TokenRecord
from protocols.service.unit_of_work import reading


class Tokens:
    """Reads and writes token records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, token: Token, record: TokenRecord, now: int) -> None:
        """Store the record of a new token."""
        self._connection.execute(
            insert(tokens).values(
                sha256=token.sha256,
                token_id=record.token_id,
                label=record.label,
                scope=record.scope,
                created_at=now,
                expires_at=record.expires_at,
                revoked=record.revoked,
            )
        )

    def find(self, sha256: bytes) -> TokenRecord | None:
        """The record of the token with this digest, or None."""
        row = self._connection.execute(select(tokens).where(tokens.c.sha256 == sha256)).first()
        if row is None:
            return None
        return TokenRecord(
            token_id=row.token_id,
            label=row.label,
            scope=row.scope,
            expires_at=row.expires_at,
            revoked=row.revoked,
        )

    def revoke(self, token_id: str) -> bool:
        """Refuse this token from now on; False where there is none."""
        done = self._connection.execute(
            update(tokens).where(tokens.c.token_id == token_id).values(revoked=True)
        )
        return done.rowcount == 1


class StoredTokens:
    """Tokens as the service layer looks them up: each look-up is its own snapshot."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    def find(self, sha256: bytes) -> TokenRecord | None:
        """The record of the token with this digest, or None."""
        with reading(self._db) as connection:
            return Tokens(connection).find(sha256)
