"""What a mutant is: one small change of a source file that some test ought to notice.

Each operator replaces the text of one node of the syntax tree and leaves every other byte alone, so that a
survivor can be read as a line of the file. What only words an error (inside ``raise``, ``expected=``,
``came=``, ``do=``, docstrings, annotations, texts with a space) is not mutated.

>>> [mutant.after for mutant in mutants("m.py", "def f(a):\\n    return a < 3\\n")]
['a <= 3', 'a >= 3', '4', '2']
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
WORDS = {"expected", "came", "do"}
"""Keywords of an error's three sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``before`` at ``line`` of ``path``, inside ``where``, becomes ``after``; ``source`` is the whole file then.

    ``text`` is the line as it stands, for a reader and for a key that survives edits elsewhere.
    """

    path: str
    where: str
    line: int
    text: str
    operator: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> str:
        """What it is called wherever it is spoken of."""
        return f"{self.path}::{self.where} | {self.text} | {self.operator}: {self.before} -> {self.after}"


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of the file ``path`` with the text ``source``, in the order of its lines."""
    raw, starts, lines = source.encode(), _line_starts(source), source.splitlines()
    found = []
    for where, node, operator, after in _changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        before = raw[start:end].decode()
        text = f"({after})" if isinstance(node, ast.expr) and not isinstance(node, ast.Constant) else after
        changed = (raw[:start] + text.encode() + raw[end:]).decode()
        found.append(
            Mutant(
                path=path,
                where=where,
                line=node.lineno,
                text=lines[node.lineno - 1].strip(),
                operator=operator,
                before=_one_line(before.split("\n")[0] if operator.endswith("removed") else before),
                after=_one_line(after),
                source=changed,
            )
        )
    return sorted(found, key=lambda mutant: mutant.line)


def _changes(tree: ast.Module) -> Iterator[tuple[str, ast.AST, str, str]]:
    """(function or class, node, operator, new text) of every change."""
    stack: list[tuple[str, ast.AST]] = [("module", tree)]
    while stack:
        where, node = stack.pop()
        for operator, after in _of_node(node):
            yield where, node, operator, after
        inner = _inside(where, node)
        stack += [(inner, child) for child in _children(node)]


def _of_node(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            for other in COMPARISONS.get(type(operation), ()):
                yield "comparison", ast.unparse(ast.Compare(left=left, ops=[other()], comparators=[right]))
        case ast.BoolOp(op=operation, values=values):
            other = ast.Or() if isinstance(operation, ast.And) else ast.And()
            yield "and or", ast.unparse(ast.BoolOp(op=other, values=values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", ast.unparse(operand)
        case ast.BinOp(op=operation, left=left, right=right) if type(operation) in ARITHMETIC:
            other = ARITHMETIC[type(operation)]()
            yield "arithmetic", ast.unparse(ast.BinOp(left=left, op=other, right=right))
        case ast.Constant(value=value):
            yield from _of_constant(value)
        case ast.Call(func=func, args=[first, second, *rest]) if not any(
            isinstance(each, ast.Starred) for each in (first, second)
        ):
            swapped = ast.Call(func=func, args=[second, first, *rest], keywords=node.keywords)
            yield "swapped arguments", ast.unparse(swapped)
        case ast.If(orelse=[], body=[ast.Raise()]):
            yield "guard removed", "pass"
        case ast.Expr(value=ast.Call()):
            yield "call removed", "pass"


def _of_constant(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool):
        yield "constant", str(not value)
    elif isinstance(value, int):
        yield "boundary", str(value + 1)
        yield "boundary", str(value - 1)
    elif isinstance(value, bytes) or (isinstance(value, str) and " " not in value):
        yield "constant", repr(value + (b"X" if isinstance(value, bytes) else "X"))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of ``node`` that may change what the program does."""
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if not isinstance(part, ast.AST) or name in ("annotation", "returns", "decorator_list"):
                continue
            worded = isinstance(part, ast.keyword) and part.arg in WORDS
            if not (
                worded or isinstance(part, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom))
            ) and not (
                isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)  # a docstring
            ):
                yield part


def _inside(where: str, node: ast.AST) -> str:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name if where == "module" else f"{where}.{node.name}"
    return where


def _line_starts(source: str) -> list[int]:
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _one_line(text: str) -> str:
    return " ".join(text.split())
