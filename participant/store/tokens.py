"""Bearer tokens that this node issued: digests only, as ``protocols.service.tokens`` asks for them."""

from sqlalchemy import Engine, insert, select, update

from participant.store.exchange_tables import tokens
from protocols.errors import BadInput
from protocols.service.tokens import Token, TokenRecord
from protocols.service.unit_of_work import reading, transaction


class Tokens:
    """Issued tokens; each call is a transaction of its own."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    def find(self, sha256: bytes) -> TokenRecord | None:
        """The record of the token with this digest, or None."""
        with reading(self._db) as connection:
            row = connection.execute(select(tokens).where(tokens.c.sha256 == sha256)).one_or_none()
        if row is None:
            return None
        return TokenRecord(
            token_id=row.token_id,
            label=row.label,
            scope=row.scope,
            expires_at=row.expires_at,
            revoked=row.revoked_at is not None,
        )

    def add(self, token: Token, *, label: str, at: int, expires_at: int) -> str:
        """Keep a new token's digest; returns the id by which it can be revoked."""
        token_id = token.sha256.hex()[:12]
        with transaction(self._db) as connection:
            connection.execute(
                insert(tokens).values(
                    sha256=token.sha256,
                    token_id=token_id,
                    label=label,
                    scope=token.scope,
                    created_at=at,
                    expires_at=expires_at,
                )
            )
        return token_id

    def revoke(self, token_id: str, *, at: int) -> None:
        """Make a token worthless at once.

        Raises:
            BadInput: no such token.
        """
        with transaction(self._db) as connection:
            found = connection.execute(
                update(tokens).where(tokens.c.token_id == token_id).values(revoked_at=at)
            )
            if found.rowcount == 0:
                raise BadInput(
                    expected="the id of an issued token", came=token_id[:40], do="list them with `token list`"
                )

    def all(self) -> tuple[TokenRecord, ...]:
        """All issued tokens, oldest first."""
        with reading(self._db) as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.created_at)).all()
        return tuple(
            TokenRecord(
                token_id=row.token_id,
                label=row.label,
                scope=row.scope,
                expires_at=row.expires_at,
                revoked=row.revoked_at is not None,
            )
            for row in rows
        )
