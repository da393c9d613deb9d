"""Imports point one way, as the architecture says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SOURCES = [PROJECT / "app.py", *sorted((PROJECT / "chalicelib").rglob("*.py"))]

BASE = {"errors", "settings"}
STORE = {*BASE, "where", "dynamo", "schema"}
SERVICES = {*STORE, "collections", "access", "realtime", "gateway"}
MAY_IMPORT = {
    "errors": set(),
    "settings": set(),
    "where": BASE,
    "dynamo": {*BASE, "where"},
    "schema": {*BASE, "where", "dynamo"},
    "collections": SERVICES,
    "access": SERVICES,
    "realtime": SERVICES,
    "gateway": SERVICES,
    "http": SERVICES,
    "app": {*SERVICES, "http"},
}
"""A layer, and the other layers that it may import."""
FROM_DYNAMO_INTO_SCHEMA = {"chalicelib.dynamo.codec", "chalicelib.dynamo.errors"}
FROM_SCHEMA_INTO_DYNAMO = {"chalicelib.dynamo.json_schema.contracts": {"chalicelib.schema.compiled"}}
"""The one way back: models made of JSON Schemas validate as collections do, with the same compiled validator.

It is imported within functions, when the first document is validated, so that nothing else of the layer depends on it.
"""
MAY_TOUCH = {
    "botocore": {
        f"chalicelib/dynamo/{module}.py" for module in ("client", "session", "signing", "provisioning/__init__")
    },
    "boto3": set[str](),
    "chalice": {"app.py", *(str(path.relative_to(PROJECT)) for path in SOURCES if path.parent.name == "http")},
    "portico": set[str](),
}
"""A package, and the files that may import it."""
PURE_LAYERS = {"where", "schema"}
PURE_MODULES = {
    "chalicelib.errors",
    "chalicelib.access.leases",
    *(
        f"chalicelib.dynamo.{module}"
        for module in ("bindings", "codec", "expressions", "foresight", "keys", "layout", "ordering", "types")
    ),
    "chalicelib.dynamo.conditions",
    "chalicelib.dynamo.conditions.compiler",
    "chalicelib.dynamo.conditions.contents",
    "chalicelib.dynamo.conditions.terms",
    "chalicelib.dynamo.provisioning.changes",
    "chalicelib.dynamo.provisioning.differences",
    "chalicelib.realtime.messages",
    "chalicelib.realtime.protocol",
}
IMPURE = {"os", "time", "datetime", "random", "secrets", "socket", "threading"}


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def layer_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("chalicelib.") else module.split(".", maxsplit=1)[0]


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it; what a package is asked for counts as a module of it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            package = PROJECT.joinpath(*node.module.split("."))
            for alias in node.names:
                within = (package / alias.name).is_dir() or (package / f"{alias.name}.py").is_file()
                yield f"{node.module}.{alias.name}" if within else node.module


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_layer_imports_only_those_below_it(path: Path) -> None:
    layer = layer_of(module_of(path))
    if layer == "chalicelib":
        assert not list(imports(path))
        return
    assert layer in MAY_IMPORT, f"the layer {layer} is not in the architecture"
    ours = {module for module in imports(path) if module.startswith("chalicelib") or module == "app"}
    ours -= FROM_SCHEMA_INTO_DYNAMO.get(module_of(path), set())
    assert {module for module in ours if layer_of(module) not in {layer, *MAY_IMPORT[layer]}} == set()


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name == "schema"], ids=name_of)
def test_the_schema_knows_of_the_store_only_what_it_can_hold(path: Path) -> None:
    assert {module for module in imports(path) if layer_of(module) == "dynamo"} <= FROM_DYNAMO_INTO_SCHEMA


def test_the_store_loads_the_schema_only_when_it_validates() -> None:
    for module, imported in FROM_SCHEMA_INTO_DYNAMO.items():
        path = PROJECT.joinpath(*module.split(".")).with_suffix(".py")
        assert imported <= set(imports(path))
        assert imported.isdisjoint(_imports_at_load(path))


@pytest.mark.parametrize("package", MAY_TOUCH)
def test_a_package_is_touched_where_it_belongs(package: str) -> None:
    touching = {name_of(path) for path in SOURCES for module in imports(path) if module.split(".")[0] == package}
    assert touching <= MAY_TOUCH[package]


def test_what_is_pure_touches_neither_clock_nor_environment() -> None:
    for path in SOURCES:
        if layer_of(module_of(path)) in PURE_LAYERS or module_of(path) in PURE_MODULES:
            assert not IMPURE.intersection(module.split(".")[0] for module in imports(path)), path


def test_no_two_modules_import_each_other_when_they_are_loaded() -> None:
    loaded = {module_of(path): set(_imports_at_load(path)) for path in SOURCES}
    seen: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above, module])
        if module not in seen:
            for imported in sorted(loaded.get(module, ())):
                visit(imported, (*above, module))
            seen.add(module)

    for module in loaded:
        visit(module, ())


def _imports_at_load(path: Path) -> Iterator[str]:
    """The modules of ours that are imported when a file is, not only for type checkers or within a function."""
    tree = ast.parse(path.read_bytes())
    tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("chalicelib"):
            package = PROJECT.joinpath(*node.module.split("."))
            for alias in node.names:
                yield f"{node.module}.{alias.name}" if (package / f"{alias.name}.py").is_file() else node.module
