from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_cloudtasks
from pytest_cloudtasks._clients import router
from tests.each import each

ROOT = Path(pytest_cloudtasks.__file__).parent
LAYERS = [
    "_text",
    "_attributes",
    "_arguments",
    "_units",
    "_ledger",
    "_service",
    "_time",
    "_messages",
    "_targets",
    "_clients",
    "_strategies",
    "strategies",
    "_simulation",
    "_diagnostics",
    "_report",
    "_api",
    "_stateful",
    "stateful",
    "_server",
    "_pytest",
    "plugin",
    "__main__",
]
"""From the bottom to the top. A module imports from its own room and from those below."""
KNOWN_IN = {
    "google": {"_messages", "_clients", "_server"},
    "grpc": {"_messages", "_clients", "_server"},
    "requests": {"_clients"},
    "googleapiclient": {"_clients/http/api_discovery.py"},
    "aiohttp": {"_server", "_clients/http/aiohttp_connections.py"},
    "httpcore": {"_clients/http/httpcore_pools.py"},
    "time_machine": {"_time"},
    "freezegun": set(),
    "hypothesis": {"_strategies", "_stateful"},
    "pytest": {"plugin", "_pytest", "_simulation/exceptions.py"},
    "yaml": {"_messages/queue_yaml.py"},
}
"""Where each third party may be imported; the time module reads freezegun from sys.modules only."""
FILES = sorted(ROOT.rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module's syntax tree."""
    return tuple(ast.walk(tree_of(path)))


@pytest.fixture(scope="module", autouse=True)
def _trees_are_forgotten() -> Iterator[None]:
    """Free the trees after the last test here: their 200,000 objects would slow every later garbage collection."""
    yield
    for cached in (tree_of, nodes_of, imports_of):
        cached.cache_clear()


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


@functools.cache
def imports_of(path: Path) -> list[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each imported module: its absolute name, or the layer for one of the package's own."""
    return list(found_imports(path))


def found_imports(path: Path) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    package = ("pytest_cloudtasks", *path.relative_to(ROOT).parts[:-1])
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            if node.module or node.level == 0:
                yield node, ".".join([*base, node.module or ""])
            else:
                for alias in node.names:
                    yield node, ".".join([*base, alias.name])


@each("path", FILES)
def test_imports_go_downwards_only(path: Path) -> None:
    """No module imports from a layer above its own."""
    own = layer_of(path)
    if own == "__init__":
        return  # the root hands out names of all layers, lazily
    for _, name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "pytest_cloudtasks" or len(parts) == 1:
            continue
        other = parts[1]
        assert LAYERS.index(other) <= LAYERS.index(own), f"{path.name} of {own} imports {name}, which lies above"


@each("path", FILES)
def test_each_third_party_is_known_in_one_place(path: Path) -> None:
    """google, grpc, pytest, time-machine and the rest are imported in their own layer only."""
    relative = path.relative_to(ROOT).as_posix()
    own = layer_of(path)
    for node, name in imports_of(path):
        top = name.split(".")[0]
        if top in KNOWN_IN and not is_for_types_only(path, node):
            allowed = KNOWN_IN[top]
            assert own in allowed or relative in allowed, f"{relative} imports {name}; it belongs in {allowed}"


def is_for_types_only(path: Path, node: ast.AST) -> bool:
    for block in nodes_of(path):
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
            lines = {inner.lineno for inner in ast.walk(block) if isinstance(inner, (ast.Import, ast.ImportFrom))}
            if node.lineno in lines:  # type: ignore[attr-defined]
                return True
    return False


def test_the_service_imports_the_standard_library_only() -> None:
    """The service imports only Python's own modules, and neither a clock nor randomness."""
    import sys

    for path in FILES:
        if layer_of(path) != "_service":
            continue
        for _, name in imports_of(path):
            top = name.split(".")[0]
            if top != "pytest_cloudtasks":
                assert top in sys.stdlib_module_names, f"{path.name} imports {name}"
                assert top not in {"time", "random", "secrets", "threading", "asyncio", "socket", "os"}, path.name


def test_the_wall_clock_is_read_in_one_place() -> None:
    """Only the clock asks what time it is, and one module what it really is, for connections."""
    readers = set()
    for path in FILES:
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and (
                (node.attr in {"time_ns", "time"} and isinstance(node.value, ast.Name) and node.value.id == "time")
                or (
                    node.attr in {"now", "utcnow", "today"}
                    and isinstance(node.value, ast.Name)
                    and node.value.id in {"datetime", "date"}
                )
            ):
                readers.add(path.relative_to(ROOT).as_posix())
    assert readers == {"_time/clock.py", "_time/real.py"}


def test_a_folder_has_at_most_16_modules() -> None:
    """A reader surveys a room, or a part of it, at a glance."""
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in FILES if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > 16} == {}


def test_architecture_draws_every_room() -> None:
    """The diagram of the rooms has all of them but the ledger, which no room reads."""
    diagram = (ROOT.parent / "ARCHITECTURE.md").read_text("utf-8").split("```text")[1].split("```")[0]
    rooms = [layer for layer in LAYERS if (ROOT / layer).is_dir() and layer != "_ledger"]
    assert sorted(re.findall(r"(_[a-z]+)/", diagram)) == sorted(rooms)


def test_every_public_name_has_one_home() -> None:
    """The root's table of names, its __all__ and the modules agree."""
    for name in pytest_cloudtasks.__all__:
        public = getattr(pytest_cloudtasks, name)
        assert public is not None
        home = pytest_cloudtasks._HOMES[name]
        defined = ROOT / (home.replace(".", "/") + ".py")
        names = {node.name for node in tree_of(defined).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        assert name in names, f"{name} is not defined in {home}"
    assert set(pytest_cloudtasks._HOMES) == set(pytest_cloudtasks.__all__)
    assert set(pytest_cloudtasks.__all__) <= set(dir(pytest_cloudtasks))


def test_an_unknown_name_of_the_root_is_an_attribute_error() -> None:
    """Asking the lazy root for what it does not have fails as on any module."""
    with pytest.raises(AttributeError) as refusal:
        _ = pytest_cloudtasks.nonsense
    assert str(refusal.value) == "module 'pytest_cloudtasks' has no attribute 'nonsense'"


def test_objects_of_the_process_are_listed_in_one_place() -> None:
    """The router's module names every object that a module makes of a class of its own, and that changes."""
    found = set()
    for path in FILES:
        body = tree_of(path).body
        classes = {node.name for node in body if isinstance(node, ast.ClassDef)}
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and not node.value.args:
                made, (target,) = ast.unparse(node.value.func), node.targets
                if made in classes and isinstance(target, ast.Name) and target.id.islower():
                    found.add(f"{module}.{target.id}")
    listed = re.findall(r"^- `(.*)`:", router.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == sorted(found)


NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
PRIVATE_OF_OTHERS = {
    "_clients/client_patches.py",
    "_clients/http/http_client.py",
    "_clients/interception.py",
    "_diagnostics/call_sites.py",
    "_messages/proto.py",
    "_simulation/driving/awaiting.py",
}
"""Modules that use a private attribute of a third party or of Python, and say so at their heads or where they do."""


def test_no_private_attribute_crosses_a_room() -> None:
    """What a module reads or sets of an object that is not its own is public, or of its own room."""
    defined: dict[str, set[str]] = {}
    for path in FILES:
        names = defined.setdefault(layer_of(path), set())
        for node in nodes_of(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            ):
                names.add(node.attr)
    crossing = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}: {ast.unparse(node)}"
        for path in FILES
        if path.relative_to(ROOT).as_posix() not in PRIVATE_OF_OTHERS
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if node.attr not in NAMED_TUPLES | defined[layer_of(path)]
    ]
    assert crossing == []


def test_reporting_rooms_take_no_simulation() -> None:
    """Diagnostics, report and state machine get the history, the service or the clock."""
    rooms = ("_diagnostics", "_report", "_stateful")
    importing = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if layer_of(path) in rooms
        for _, name in imports_of(path)
        if name == "pytest_cloudtasks._simulation.simulation"
    ]
    assert importing == []


@each("path", FILES)
def test_an_import_within_a_function_says_why(path: Path) -> None:
    """A comment on its line, or on the line above, has the reason: mostly what it loads, and when that is needed."""
    lines = path.read_text(encoding="utf-8").splitlines()
    functions = [node for node in nodes_of(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    within = {
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    unexplained = [
        lines[at - 1].strip() for at in within if "#" not in lines[at - 1] and lines[at - 2].lstrip()[:1] != "#"
    ]
    assert unexplained == []


def test_what_architecture_names_exists() -> None:
    """Every function, class, table and module that a walk or a table of the page names is there."""
    page = (ROOT.parent / "ARCHITECTURE.md").read_text("utf-8")
    walks = page.split("## What is used beyond")[0]
    names = re.findall(r"`([A-Za-z_.]+)`", walks)
    source = "\n".join(path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py")))
    missing = [
        name
        for name in names
        if not name.endswith(".py") and not re.search(rf"\b{re.escape(name.rpartition('.')[2])}\b", source)
    ]
    assert missing == []
    modules = re.findall(r"`((?:_[a-z]+/)?[a-z_]+\.py)`", page)
    assert [name for name in modules if not (ROOT / name).is_file() and not list(ROOT.rglob(name))] == []


def test_what_architecture_places_in_a_module_is_there() -> None:
    """After "in" comes the module that defines the name before it, be it a function, a method, a class or a table."""
    page = (ROOT.parent / "ARCHITECTURE.md").read_text("utf-8")
    misplaced = []
    for name, module in re.findall(r"`([A-Za-z_.]+)` in `((?:_[a-z]+/)(?:[a-z_]+/)*[a-z_]+\.py)`", page):
        defined = {
            node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else node.id
            for node in nodes_of(ROOT / module)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        }
        misplaced += [f"{name} in {module}"] if not set(name.split(".")) <= defined else []
    assert misplaced == []


def test_a_walk_names_at_most_ten_functions() -> None:
    """A newcomer follows each of the four walks in the code."""
    page = (ROOT.parent / "ARCHITECTURE.md").read_text("utf-8")
    walks = page.split("## Four walks")[1].split("## What is used beyond")[0].split("\n**")[1:]
    functions = {
        node.name
        for path in FILES
        for node in nodes_of(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    named = [
        {name for name in re.findall(r"`([A-Za-z_.]+)`", steps) if name.rpartition(".")[2] in functions}
        for steps in (walk.partition("\n1. ")[2] for walk in walks)
    ]
    assert len(walks) == 4
    assert [sorted(names) for names in named if len(names) > 10] == []
