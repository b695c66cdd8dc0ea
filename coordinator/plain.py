"""Values of the protocol as what fits into JSON."""

from dataclasses import fields, is_dataclass

import numpy as np

Plain = str | int | float | bool | list["Plain"] | dict[str, "Plain"]
"""What fits into JSON."""


def plain(value: object) -> Plain:
    """A reading as JSON: fields and computed numbers by name, arrays beyond 64 cells by their shape.

    >>> plain(np.array([1.5, 2.0]))
    [1.5, 2.0]
    >>> plain(np.zeros((100, 100)))
    {'shape': [100, 100]}
    """
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= 64 else {"shape": list(value.shape)}  # see docstring
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value):
        kind = type(value)
        names = [field.name for field in fields(value)]
        names += [name for name, each in vars(kind).items() if isinstance(each, property)]
        return {name: plain(getattr(value, name)) for name in names}
    return str(value)
