"""Takes a guard out of the code that lets launches in: the raise of one fault, wherever it stands, does nothing any more."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from enum import StrEnum
from types import FunctionType, ModuleType
from typing import Any

import jwt
import pytest

from lms.lti import claims, deep_linking, id_tokens, messages
from lms.services import launches
from lms.web import launches as pages

MODULES: tuple[ModuleType, ...] = (id_tokens, claims, messages, deep_linking, launches, pages)


class _Pass(ast.NodeTransformer):
    """Puts ``pass`` in place of ``raise SomethingRefused(Fault.NAME, …)``; where the fault is an argument, asks for it."""

    def __init__(self, faults: tuple[StrEnum, ...]) -> None:
        self.faults = faults
        self.found: set[StrEnum] = set()
        """Those that the function names."""
        self.is_changed = False

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.found.update(self._named(node))
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        arguments = node.exc.args if isinstance(node.exc, ast.Call) else []
        if any(isinstance(each, ast.Name) and each.id == "fault" for each in arguments):
            self.is_changed = True
            codes = ast.Tuple([ast.Constant(each.value) for each in self.faults], ast.Load())
            is_another = ast.Compare(ast.Name("fault", ast.Load()), [ast.NotIn()], [codes])
            return ast.copy_location(ast.If(is_another, [node], []), node)
        named = {fault for each in ast.walk(node) for fault in self._named(each)}
        self.found |= named
        self.is_changed = self.is_changed or bool(named)
        return ast.copy_location(ast.Pass(), node) if named else node

    def _named(self, node: ast.AST) -> list[StrEnum]:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return []
        return [each for each in self.faults if (type(each).__name__, each.name) == (node.value.id, node.attr)]


def functions() -> Iterator[FunctionType]:
    """The functions of the modules that decide about launches."""
    for module in MODULES:
        for each in vars(module).values():
            if inspect.isfunction(each) and each.__module__ == module.__name__:
                yield inspect.unwrap(each)


def take_out(patch: pytest.MonkeyPatch, *faults: StrEnum) -> None:
    """Let every raise of these faults do nothing until the test ends; a fault that no function names is an error."""
    found: set[StrEnum] = set()
    for function in functions():
        without = _Pass(faults)
        tree = without.visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
        found |= without.found
        if without.is_changed:
            patch.setattr(function, "__code__", _compiled(function, ast.fix_missing_locations(tree)))
    assert found == set(faults)


def _compiled(function: FunctionType, tree: ast.Module) -> Any:
    [definition] = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    scratch: dict[str, Any] = {}
    exec(compile(tree, "<without a guard>", "exec", dont_inherit=True), dict(function.__globals__), scratch)  # noqa: S102 - our own source
    made: Callable[..., Any] = scratch[function.__name__]
    return made.__code__


def believe_any_signature(patch: pytest.MonkeyPatch) -> None:
    """Let no signature be checked."""
    patch.setattr(id_tokens, "_JWS", _Unchecked())


def take_any_message(patch: pytest.MonkeyPatch) -> None:
    """Let a message of an unknown type be one that opens an activity."""
    patch.setattr(messages, "_KINDS", _Open())


class _Open:
    def get(self, _message_type: str) -> messages.MessageKind:
        return messages.MessageKind.RESOURCE_LINK


class _Unchecked:
    def decode(self, token: str, *_key: object, **_how: object) -> bytes:
        return jwt.PyJWS().decode(token, options={"verify_signature": False})  # type: ignore[no-any-return]
