"""Works out the texts and objects in a Python script without running it, as far as its source alone shows them.

It knows constants, names with a single value, f-strings, joined and formatted texts, and what Flask and the standard
library do with them. Everything else is :data:`UNKNOWN`. It may be in the middle of a text: the name of a file
is still known if the host before it is computed. Pure.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping

UNKNOWN = "\ufffd"  # stands for what only a run would show
_DEEPEST = 40
_MOST_STEPS = 10_000  # for one value
_LONGEST = 1 << 16
_MOST_DIGITS = 9  # of a place in a list

Value = str | dict[str, "Value"] | None
Function = ast.FunctionDef | ast.AsyncFunctionDef
_OWN_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

# calls whose result has the same text as their first argument: json.dumps(x), Response(x), make_response(x), Path(x)
_WRAPPERS = {"dumps", "Response", "make_response", "bytes", "Path", "PurePosixPath", "JSONResponse"}
_METHODS = {"encode", "decode", "as_posix", "resolve", "absolute"}  # methods that keep the text of their object
_STRIPPING: Mapping[str, Callable[[str], str]] = {"strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip}


class Source:
    """The source of a script.

    Args:
        text: The text of the script.

    Raises:
        ValueError: It is not Python 3.
    """

    def __init__(self, text: str) -> None:
        self._steps = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's warnings about the script
                self.tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(type(error).__name__) from None
        self._functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}
        self._names = dict(_assigned(_nodes(self.tree)))

    def functions(self) -> Iterable[Function]:
        """All functions."""
        return self._functions.values()

    def value(self, node: ast.expr, inside: Function | None = None, depth: int = 0) -> Value:
        """The value of an expression.

        Args:
            node: The expression.
            inside: The function that contains it. Its own names count first.
            depth: How deeply this call is nested, because a script may go round in a circle.
        """
        self._steps = self._steps + 1 if depth else 0
        if depth > _DEEPEST or self._steps > _MOST_STEPS:
            return UNKNOWN

        def of(other: ast.expr) -> Value:
            return self.value(other, inside, depth + 1)

        match node:
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=bytes() as octets):
                return octets.decode("latin-1")
            case ast.Constant():
                return str(node.value)
            case ast.Name():
                return self._named(node.id, inside, depth)
            case ast.IfExp():  # a notice, and another answer for other callers
                return next((each for each in (of(node.body), of(node.orelse)) if each not in (None, UNKNOWN)), UNKNOWN)
            case ast.Call():
                return self._called(node, of, depth)
            case ast.BinOp() | ast.JoinedStr() | ast.FormattedValue():
                return _text_of(node, of)
        return _object_of(node, of)

    def _named(self, name: str, inside: Function | None, depth: int) -> Value:
        own = dict(_assigned(_nodes(inside))) if inside is not None else {}
        found = own.get(name, self._names.get(name, []))
        values = [self.value(each, inside, depth + 1) for each in found]
        if not values or any(each != values[0] for each in values):
            return UNKNOWN
        children = _children_set(_nodes(inside if name in own and inside is not None else self.tree), name)
        return (
            _together([values[0], *({key: self.value(each, inside, depth + 1)} for key, each in children)])
            if children
            else values[0]
        )

    def _called(self, call: ast.Call, of: Callable[[ast.expr], Value], depth: int) -> Value:
        name = called_name(call)
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        merged = [of(keyword.value) for keyword in call.keywords if keyword.arg is None]  # f(**these)
        if name == "format" and receiver is not None:
            return _braces(as_text(of(receiver)), [as_text(of(each)) for each in call.args], named, of)
        if name in ("jsonify", "dict") and not call.args:
            return _together([*merged, {key: of(value) for key, value in named.items()}])
        if name in _STRIPPING and receiver is not None:
            return UNKNOWN if call.args else _STRIPPING[name](as_text(of(receiver)))
        if name == "join" and receiver is not None and len(call.args) > 1:  # os.path.join
            return _joined(f"/{as_text(of(each))}" for each in call.args)
        first = call.args[0] if call.args else named.get("response", named.get("content"))
        if name in _WRAPPERS | {"jsonify", "dict"} and first is not None:
            return of(first)
        if name == "str" and first is not None:  # the text of an object is Python's, not JSON
            return str(of(first))
        if name in _METHODS and receiver is not None:
            return of(receiver)
        function = self._functions.get(name) if receiver is None else None
        if function is not None and not call.args and not call.keywords:
            given = [self.value(each, function, depth + 1) for each in returned(function) if each is not None]
            return given[0] if len(given) == 1 else UNKNOWN
        return UNKNOWN


def as_text(value: Value) -> str:
    """A value as part of a text."""
    return value if isinstance(value, str) else UNKNOWN


def called_name(call: ast.Call) -> str:
    """The last part of the name that is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def returned(function: Function) -> list[ast.expr | None]:
    """What a function can return, in order; None for a ``return`` without a value, and for the end of the function.

    Statements after a ``return`` in the function's own block are never reached.
    """
    found: list[ast.expr | None] = []
    for statement in function.body:
        if not isinstance(statement, _OWN_SCOPES):
            found += [each.value for each in _nodes(statement) if isinstance(each, ast.Return)]
        if isinstance(statement, ast.Return):
            return found
    return [*found, None]


def _nodes(top: ast.AST) -> Iterator[ast.AST]:
    """A node and all nodes below it in the order of the source, except the contents of nested functions and classes."""
    left = [top]
    while left:
        node = left.pop()
        yield node
        children = [each for each in ast.iter_child_nodes(node) if not isinstance(each, _OWN_SCOPES)]
        left += reversed(children)


def _assigned(nodes: Iterable[ast.AST]) -> Mapping[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets = [node.target]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.expr):
                found.setdefault(target.id, []).append(value)
    return found


def _children_set(nodes: Iterable[ast.AST], name: str) -> list[tuple[str, ast.expr]]:
    """The children in ``name["hash"] = value``, which are added to an object after it was made."""
    return [
        (str(target.slice.value), node.value)
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and target.value.id == name
        and isinstance(target.slice, ast.Constant)
    ]


def _text_of(node: ast.expr, of: Callable[[ast.expr], Value]) -> str:
    """A text that is put together from others, or a path."""
    match node:
        case ast.JoinedStr():
            return _joined(as_text(of(part)) for part in node.values)
        case ast.FormattedValue(format_spec=None):
            return as_text(of(node.value))
        case ast.BinOp(op=ast.Add()):
            return _joined((as_text(of(node.left)), as_text(of(node.right))))
        case ast.BinOp(op=ast.Div()):
            return _joined((as_text(of(node.left)), "/", as_text(of(node.right))))
        case ast.BinOp(op=ast.Mod()):
            return _percent(as_text(of(node.left)), node.right, of)
    return UNKNOWN


def _object_of(node: ast.expr, of: Callable[[ast.expr], Value]) -> Value:
    """An object, one of its children, or the body that a view returns with a status."""
    match node:
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            return _together([of(value) if key is None else {as_text(of(key)): of(value)} for key, value in pairs])
        case ast.Tuple(elts=[first, *_]) | ast.List(elts=[first]):
            return of(first)
        case ast.Subscript():
            whole = of(node.value)
            return whole.get(as_text(of(node.slice)), UNKNOWN) if isinstance(whole, dict) else UNKNOWN
    return UNKNOWN


def _together(objects: Iterable[Value]) -> Value:
    """Merge objects into one. Later ones override earlier ones. UNKNOWN if one of them is unknown."""
    whole: dict[str, Value] = {}
    for each in objects:
        if not isinstance(each, dict):
            return UNKNOWN
        whole |= each
    return whole


def _joined(parts: Iterable[str]) -> str:
    text = "".join(parts)
    return text if len(text) <= _LONGEST else UNKNOWN


def _percent(template: str, right: ast.expr, of: Callable[[ast.expr], Value]) -> str:
    """The result of ``template % values``, for texts and whole numbers."""
    values = of(right) if not isinstance(right, ast.Tuple) else None
    ordered = iter(right.elts if isinstance(right, ast.Tuple) else [right])

    def one(found: re.Match[str]) -> str:
        if found["sign"] == "%":
            return "%"
        if found["name"]:
            return as_text(values.get(found["name"], UNKNOWN)) if isinstance(values, dict) else UNKNOWN
        following = next(ordered, None)
        return UNKNOWN if following is None else as_text(of(following))

    return _joined((re.sub(r"%(?:\((?P<name>\w+)\))?(?P<sign>[sdr%])", one, template),))


def _braces(template: str, ordered: list[str], named: Mapping[str, ast.expr], of: Callable[[ast.expr], Value]) -> str:
    """The result of ``template.format(...)``, for fields without a format specification."""
    following = iter(ordered)

    def one(found: re.Match[str]) -> str:
        field = found["field"]
        if field is None:
            return found[0][0]
        if field == "":
            return next(following, UNKNOWN)
        if field.isdecimal():
            place = int(field) if len(field) < _MOST_DIGITS else len(ordered)
            return ordered[place] if place < len(ordered) else UNKNOWN
        return as_text(of(named[field])) if field in named else UNKNOWN

    return _joined((re.sub(r"\{\{|\}\}|\{(?P<field>\w*)\}", one, template),))
