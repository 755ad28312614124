"""The dialect: which of Python's syntax programs may use, checked before anything is evaluated."""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hone.tasks.programs.faults import ProgramFault, Reason, forbidden, too_much
from hone.tasks.programs.library import ATTRIBUTES, MATH
from hone.tasks.programs.limits import Limits
from hone.tasks.programs.operations import OPERATORS

# What of a node is evaluated; nodes of other types are outside the dialect. Annotations are never
# evaluated. Functions are at the top level alone, and looked at there.
_PARTS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.AnnAssign: ("target", "value"),
    ast.Assign: ("targets", "value"),
    ast.Attribute: ("value",),
    ast.AugAssign: ("target", "op", "value"),
    ast.BinOp: ("left", "op", "right"),
    ast.BoolOp: ("values",),
    ast.Break: (),
    ast.Call: ("func", "args", "keywords"),
    ast.Compare: ("left", "ops", "comparators"),
    ast.Constant: (),
    ast.Continue: (),
    ast.Dict: ("keys", "values"),
    ast.Expr: ("value",),
    ast.For: ("target", "iter", "body", "orelse"),
    ast.FormattedValue: ("value",),
    ast.GeneratorExp: ("elt", "generators"),
    ast.If: ("test", "body", "orelse"),
    ast.IfExp: ("test", "body", "orelse"),
    ast.Import: (),
    ast.ImportFrom: (),
    ast.JoinedStr: ("values",),
    ast.List: ("elts",),
    ast.ListComp: ("elt", "generators"),
    ast.Name: (),
    ast.Pass: (),
    ast.Return: ("value",),
    ast.Slice: ("lower", "upper", "step"),
    ast.Subscript: ("value", "slice"),
    ast.Tuple: ("elts",),
    ast.UnaryOp: ("op", "operand"),
    ast.While: ("test", "body", "orelse"),
    ast.comprehension: ("target", "iter", "ifs"),
    ast.keyword: ("value",),
    **dict.fromkeys(OPERATORS, ()),
}
_FORMAT = re.compile(r"[<>^]?0?\d{0,2},?(?:\.\d{1,2})?[dfegs%]?", re.ASCII)


@dataclass(frozen=True)
class Program:
    """A program that is in the dialect.

    Attributes:
        statements: of its top level.
        height: levels of the statements that are not functions.
        heights: levels of each function.
    """

    statements: Sequence[ast.stmt]
    height: int
    heights: dict[ast.FunctionDef, int]


def parse(source: str, limits: Limits) -> Program:
    """Read a program.

    Raises:
        ProgramFault: it is too long or too deep, no Python, or not in the dialect.
    """
    if len(source) > limits.source:
        raise too_much("characters of source", limits.source)
    statements = _tree(source).body
    functions = [part for part in statements if isinstance(part, ast.FunctionDef)]
    heights = {part: _height(_function_parts(part), limits) for part in functions}
    others = [part for part in statements if not isinstance(part, ast.FunctionDef)]
    height = _height(others, limits)
    for part in functions:
        _check_flow(part.body, in_function=True, in_loop=False)
    _check_flow(others, in_function=False, in_loop=False)
    return Program(statements, height, heights)


def _tree(source: str) -> ast.Module:
    with warnings.catch_warnings():  # an invalid escape is worth a warning, which may be an error
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source, "<program>")
        except (SyntaxError, ValueError) as error:  # a null byte, a surrogate
            raise ProgramFault(Reason.SYNTAX, str(error)) from None
        except (MemoryError, RecursionError):  # how the parser says that this is nested too deep
            raise ProgramFault(Reason.LIMIT, "nested too deep for Python's parser") from None


def _height(level: Sequence[Any], limits: Limits) -> int:
    """How many levels of nodes there are, each of which is in the dialect."""
    for height in range(limits.nesting + 1):
        if not level:
            return height
        level = [part for node in level for part in _parts(node, limits)]
    raise too_much("levels", limits.nesting)


def _parts(node: ast.AST, limits: Limits) -> Iterable[Any]:
    kind = type(node)
    if kind not in _PARTS:
        raise forbidden(kind.__name__)
    if kind in _CHECKS:
        _CHECKS[kind](node, limits)
    found = []
    for name in _PARTS[kind]:
        part = getattr(node, name)
        if type(part) is list:
            found += part
        elif part is not None:
            found.append(part)
    return found


def _function_parts(node: ast.FunctionDef) -> list[ast.AST]:
    given = node.args
    if node.decorator_list:
        raise forbidden("a decorator")
    if given.posonlyargs or given.vararg or given.kwonlyargs or given.kwarg:
        raise forbidden("a parameter with *, ** or /")
    names = [parameter.arg for parameter in given.args]
    for name in (node.name, *names):
        _check_name(name)
    if len(set(names)) < len(names):
        raise ProgramFault(Reason.SYNTAX, "two parameters of one name")
    return [*node.body, *given.defaults]


def _check_flow(body: Sequence[ast.stmt], in_function: bool, in_loop: bool) -> None:
    """Refuse what Python's parser accepts and its compiler does not."""
    for node in body:
        if isinstance(node, ast.Return) and not in_function:
            raise ProgramFault(Reason.SYNTAX, "return outside a function")
        if isinstance(node, ast.Break | ast.Continue) and not in_loop:
            raise ProgramFault(Reason.SYNTAX, "break or continue outside a loop")
        if isinstance(node, ast.For | ast.While):
            _check_flow(node.body, in_function, in_loop=True)
            _check_flow(node.orelse, in_function, in_loop)
        elif isinstance(node, ast.If):
            _check_flow(node.body, in_function, in_loop)
            _check_flow(node.orelse, in_function, in_loop)


# ------------------------------------------------------------------------- checks of one node


def _check_name(name: str) -> None:
    if name.startswith("__"):
        raise forbidden(name)


def _check_attribute(node: ast.Attribute, _: Limits) -> None:
    if node.attr not in ATTRIBUTES or not isinstance(node.ctx, ast.Load):
        raise forbidden(f"the attribute {node.attr}")


def _check_annotated(node: ast.AnnAssign, _: Limits) -> None:
    if not isinstance(node.target, ast.Name):
        raise forbidden("an annotation of what is not a name")


def _check_call(node: ast.Call, _: Limits) -> None:
    names = [keyword.arg for keyword in node.keywords]
    if None in names:
        raise forbidden("an argument with **")
    if len(set(names)) < len(names):
        raise ProgramFault(Reason.SYNTAX, "two arguments of one name")


def _check_comprehension(node: ast.comprehension, _: Limits) -> None:
    if node.is_async:
        raise forbidden("async")


def _check_constant(node: ast.Constant, limits: Limits) -> None:
    value = node.value
    if type(value) is int and value.bit_length() > limits.integer_bits:
        raise too_much("bits", limits.integer_bits)
    if type(value) is str and len(value) > limits.characters:
        raise too_much("characters", limits.characters)
    if isinstance(value, complex | bytes) or value is Ellipsis:
        raise forbidden(f"the constant {value!r}")


def _check_dict(node: ast.Dict, _: Limits) -> None:
    if None in node.keys:
        raise forbidden("a dict within a dict by **")


def _check_format(node: ast.FormattedValue, _: Limits) -> None:
    if node.conversion != -1 or _FORMAT.fullmatch(format_of(node)) is None:
        raise forbidden("this format")


def format_of(node: ast.FormattedValue) -> str:
    """The format that an f-string gives for a value.

    Raises:
        ProgramFault: it is computed.
    """
    pieces = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else []
    if not all(isinstance(piece, ast.Constant) for piece in pieces):
        raise forbidden("a computed format")
    return "".join(str(piece.value) for piece in pieces if isinstance(piece, ast.Constant))


def _check_import(node: ast.Import, _: Limits) -> None:
    for each in node.names:
        if each.name != "math":
            raise forbidden(f"the module {each.name}")
        _check_name(each.asname or each.name)


def _check_import_from(node: ast.ImportFrom, _: Limits) -> None:
    for each in node.names:
        if node.module != "math" or node.level or each.name not in MATH:
            raise forbidden(f"{each.name} of {node.module}")
        _check_name(each.asname or each.name)


def _check_keyword(node: ast.keyword, _: Limits) -> None:
    _check_name(node.arg or "")


def _check_named(node: ast.Name, _: Limits) -> None:
    _check_name(node.id)


def _check_subscript(node: ast.Subscript, _: Limits) -> None:
    if isinstance(node.slice, ast.Slice) and not isinstance(node.ctx, ast.Load):
        raise forbidden("the assignment to a slice")


_CHECKS: dict[type[ast.AST], Callable[[Any, Limits], None]] = {
    ast.AnnAssign: _check_annotated,
    ast.Attribute: _check_attribute,
    ast.Call: _check_call,
    ast.Constant: _check_constant,
    ast.Dict: _check_dict,
    ast.FormattedValue: _check_format,
    ast.Import: _check_import,
    ast.ImportFrom: _check_import_from,
    ast.Name: _check_named,
    ast.Subscript: _check_subscript,
    ast.comprehension: _check_comprehension,
    ast.keyword: _check_keyword,
}
