"""Numbers in addresses: what the integer columns of every database hold, and nothing larger."""

from typing import Annotated

from fastapi import Path, Query

from protocols.limits import NUMBER_MAX

Number = Annotated[int, Path(ge=0, le=NUMBER_MAX)]
"""A round, an attempt or a height in the path."""

Position = Annotated[int, Query(ge=0, le=NUMBER_MAX)]
"""A place in the log or in the sequence of changes, in the query."""
