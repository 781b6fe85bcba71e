"""A watched module is seen when it is executed, and is imported as it would be without the watch."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_cloudtasks._clients.import_watch import ImportWatch, import_watch
from tests.patience import PATIENCE

WATCHED = "made_up_clients"
BYSTANDER = "made_up_bystander"
SOURCE = "loader_while_executed = __spec__.loader\nvalue = 42\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder on the import path, with a module to watch and another one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in (WATCHED, BYSTANDER):
        (tmp_path / f"{name}.py").write_text(SOURCE)
    yield tmp_path
    for name in (WATCHED, BYSTANDER):
        sys.modules.pop(name, None)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> ImportWatch:
    """A watch of its own, which is forgotten with the test."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    return ImportWatch()


class Shared:
    """A finder and loader in one object, as pytest's assertion rewriter is one."""

    def __init__(self) -> None:
        self.executed: list[str] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in (WATCHED, BYSTANDER):
            return None
        return importlib.util.spec_from_loader(name, self)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        assert spec.loader is self

    def exec_module(self, module: ModuleType) -> None:
        self.executed.append(module.__name__)


def test_a_module_is_seen_the_moment_it_is_executed(watch: ImportWatch, folder: Path) -> None:
    """The callback gets the complete module, once; others are not seen."""
    loaded: list[tuple[ModuleType, int]] = []
    watch.add(WATCHED, lambda module: loaded.append((module, module.value)))
    importlib.import_module(BYSTANDER)
    assert loaded == []
    module = importlib.import_module(WATCHED)
    assert loaded == [(module, 42)]
    importlib.import_module(WATCHED)
    watch.look_again()
    assert loaded == [(module, 42)]


def test_a_module_keeps_its_own_loader(watch: ImportWatch, folder: Path) -> None:
    """While it is executed and afterwards, the loader is the one that found it; its source can be read."""
    watch.add(WATCHED, lambda module: None)
    module: Any = importlib.import_module(WATCHED)
    assert type(module.__loader__) is SourceFileLoader
    assert module.__spec__.loader is module.__loader__
    assert module.loader_while_executed is module.__loader__
    assert type(module.__spec__) is ModuleSpec
    assert inspect.getsource(module) == SOURCE
    assert module.__file__ == str(folder / f"{WATCHED}.py")


def test_a_spec_that_is_not_executed_has_a_loader_like_the_other(watch: ImportWatch, folder: Path) -> None:
    """The loader of a watched module that is only looked up has the same type and reads the same."""
    watch.add(WATCHED, lambda module: None)
    spec: Any = importlib.util.find_spec(WATCHED)
    assert isinstance(spec.loader, SourceFileLoader)
    assert spec.loader.get_source(WATCHED) == SOURCE
    assert spec.loader.path == spec.origin == str(folder / f"{WATCHED}.py")


def test_a_loader_of_many_modules_is_left_as_it_is(watch: ImportWatch, folder: Path) -> None:
    """A loader that all modules share executes the watched one and the next, and has no attribute more."""
    shared, loaded = Shared(), []
    sys.meta_path.insert(0, shared)  # type: ignore[arg-type]
    before = dict(vars(shared))
    watch.add(WATCHED, lambda module: loaded.append(module.__name__))
    for name in (WATCHED, BYSTANDER):
        assert importlib.import_module(name).__loader__ is shared
    assert shared.executed == [WATCHED, BYSTANDER]
    assert loaded == [WATCHED]
    assert vars(shared) == before


def test_a_spec_that_a_finder_keeps_is_left_as_it_is(watch: ImportWatch, folder: Path) -> None:
    """A finder may give the same spec again; its loader stays."""
    kept: Any = PathFinder.find_spec(WATCHED, [str(folder)])

    class Keeping:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return kept if name == WATCHED else None

    loader = kept.loader
    sys.meta_path.insert(0, Keeping())  # type: ignore[arg-type]
    watch.add(WATCHED, lambda module: None)
    module = importlib.import_module(WATCHED)
    assert kept.loader is loader
    assert module.__spec__ is not kept
    assert module.__spec__ == kept


def test_a_module_that_is_there_is_seen_at_once(watch: ImportWatch, folder: Path) -> None:
    """A watch that begins after the import calls back, and a second time only for another callback."""
    module = importlib.import_module(WATCHED)
    first: list[ModuleType] = []
    second: list[ModuleType] = []
    for callback in (first.append, first.append, second.append):
        watch.add(WATCHED, callback)
    assert (first, second) == ([module], [module])
    assert sys.meta_path.count(watch) == 1  # type: ignore[arg-type]


def test_reloading_is_seen(watch: ImportWatch, folder: Path) -> None:
    """A module that is executed again is seen again, and has its own loader."""
    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    module = importlib.import_module(WATCHED)
    assert importlib.reload(module) is module
    assert loaded == [module, module]
    assert type(module.__loader__) is SourceFileLoader


def test_a_removed_watch_sees_nothing(watch: ImportWatch, folder: Path) -> None:
    """After the last one the finder is removed, and a spec from before calls back no more."""
    before, loaded, other = list(sys.meta_path), list[ModuleType](), list[ModuleType]()
    watch.add(WATCHED, loaded.append)
    watch.add(WATCHED, other.append)
    spec: Any = importlib.util.find_spec(WATCHED)
    watch.remove(WATCHED, loaded.append)
    assert sys.meta_path == [watch, *before]
    watch.remove(WATCHED, other.append)
    assert sys.meta_path == before
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    importlib.import_module(WATCHED)
    assert (loaded, other) == ([], [])


def test_watches_do_not_chase_each_other(watch: ImportWatch, folder: Path) -> None:
    """Of two finders that both ask all others, each is called once."""
    loaded: list[str] = []
    watches = [ImportWatch(), ImportWatch()]
    for who, one in enumerate(watches):
        one.add(WATCHED, lambda module, who=who: loaded.append(who))
    module = importlib.import_module(WATCHED)
    assert sorted(loaded) == [0, 1]
    assert type(module.__loader__) is SourceFileLoader


def test_a_finder_that_asks_all_finders(watch: ImportWatch, folder: Path) -> None:
    """As wrapt's does; the module is found, and seen once."""

    class Asking:
        asked = False

        def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            if self.asked or name != WATCHED:
                return None
            self.asked = True
            return importlib.util.find_spec(name)

    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    sys.meta_path.insert(1, Asking())  # type: ignore[arg-type]
    assert loaded == [importlib.import_module(WATCHED)]


@pytest.mark.parametrize("executes", [True, False], ids=["used", "not used"])
def test_a_lazy_load_stays_lazy(watch: ImportWatch, folder: Path, executes: bool) -> None:
    """A module that a lazy loader has put off is seen when it is executed, and not executed in order to be seen."""

    class Lazy:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            spec = PathFinder.find_spec(name, path, target) if name == WATCHED else None
            if spec is not None and spec.loader is not None:
                spec.loader = importlib.util.LazyLoader(spec.loader)
            return spec

    loaded: list[Any] = []
    sys.meta_path.insert(0, Lazy())  # type: ignore[arg-type]
    watch.add(WATCHED, loaded.append)
    module = importlib.import_module(WATCHED)
    watch.look_again()
    assert loaded == []
    assert "value" not in object.__getattribute__(module, "__dict__")
    if executes:
        assert module.value == 42
        assert loaded == [module]
        assert type(module.__spec__.loader) is type(module.__loader__) is SourceFileLoader  # type: ignore[union-attr]


@pytest.mark.parametrize("begins", ["before", "between"])
def test_a_module_that_is_made_lazy_by_hand(watch: ImportWatch, folder: Path, begins: str) -> None:
    """The recipe of Python's documentation works, whether the watch begins before it or before the module is used."""
    loaded: list[Any] = []
    if begins == "before":
        watch.add(WATCHED, loaded.append)
    spec: Any = importlib.util.find_spec(WATCHED)
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[WATCHED] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if begins == "between":
        watch.add(WATCHED, loaded.append)
    assert loaded == []
    assert module.value == 42
    assert loaded == [module]
    assert type(module.__spec__.loader) is type(module.__loader__) is SourceFileLoader  # type: ignore[union-attr]


def test_a_module_in_a_zip_file(watch: ImportWatch, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen, and its data can be read by its loader."""
    (folder / f"{WATCHED}.py").unlink()
    with zipfile.ZipFile(folder / "modules.zip", "w") as file:
        file.writestr(f"{WATCHED}.py", SOURCE)
        file.writestr("data.txt", "inside")
    monkeypatch.syspath_prepend(str(folder / "modules.zip"))
    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    module: Any = importlib.import_module(WATCHED)
    assert loaded == [module]
    assert module.__loader__.get_data("data.txt") == b"inside"


def test_several_threads_import_at_once(watch: ImportWatch, folder: Path) -> None:
    """All get the module after its callback, which is called once; nothing is found past the watch."""
    loaded: list[ModuleType] = []

    def patch(module: Any) -> None:
        loaded.append(module)
        module.value = "patched"

    watch.add(WATCHED, patch)
    together, seen = threading.Barrier(8), list[object]()

    def run() -> None:
        together.wait()
        seen.append(importlib.import_module(WATCHED).value)

    in_threads([run] * 8)
    assert seen == ["patched"] * 8
    assert len(loaded) == 1


def in_threads(functions: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_module_that_another_thread_is_importing(watch: ImportWatch, folder: Path) -> None:
    """A watch that begins meanwhile waits until the module is complete."""
    (folder / f"{WATCHED}.py").write_text("from made_up_gate import step\nstep()\nvalue = 42\n")
    gate: Any = ModuleType("made_up_gate")
    is_importing, watches = threading.Event(), threading.Event()
    gate.step = lambda: (is_importing.set(), watches.wait(PATIENCE))
    sys.modules["made_up_gate"] = gate
    values: list[int] = []

    def begin() -> None:
        is_importing.wait(PATIENCE)
        threading.Timer(0.05, watches.set).start()
        watch.add(WATCHED, lambda module: values.append(module.value))

    try:
        in_threads([lambda: importlib.import_module(WATCHED), begin])
    finally:
        del sys.modules["made_up_gate"]
    assert values == [42]


def test_a_module_found_by_an_earlier_finder(watch: ImportWatch, folder: Path) -> None:
    """A finder that was put before the watch hides a module, until the watch looks again and is the first."""
    loaded: list[str] = []
    for name in (WATCHED, BYSTANDER):
        watch.add(name, lambda module: loaded.append(module.__name__))
    shared = Shared()
    sys.meta_path.insert(0, shared)  # type: ignore[arg-type]
    importlib.import_module(WATCHED)
    assert loaded == []
    watch.look_again()
    assert loaded == [WATCHED]
    assert sys.meta_path[:2] == [watch, shared]
    importlib.import_module(BYSTANDER)
    watch.look_again()
    assert loaded == [WATCHED, BYSTANDER]


@pytest.mark.parametrize("stub", [ModuleType(WATCHED), None, object()], ids=["module", "blocked", "object"])
def test_what_a_test_has_put_into_sys_modules(watch: ImportWatch, monkeypatch: pytest.MonkeyPatch, stub: Any) -> None:
    """It is the test's own, and isn't looked at."""
    monkeypatch.setitem(sys.modules, WATCHED, stub)
    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    watch.look_again()
    assert loaded == []


def test_a_module_that_another_took_the_place_of(
    watch: ImportWatch, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that was away from sys.modules for a while is not seen again; the one that took its place is."""
    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    first = importlib.import_module(WATCHED)
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, WATCHED)
        second = importlib.import_module(WATCHED)
        watch.look_again()
    watch.look_again()
    assert loaded == [first, second]


def test_a_module_that_fails(watch: ImportWatch, folder: Path) -> None:
    """Its error is the importer's, and nobody is called."""
    (folder / f"{WATCHED}.py").write_text("1 / 0\n")
    loaded: list[ModuleType] = []
    watch.add(WATCHED, loaded.append)
    with pytest.raises(ZeroDivisionError):
        importlib.import_module(WATCHED)
    assert loaded == []


def test_a_module_that_is_not_there(watch: ImportWatch) -> None:
    """If no finder has the module, the watch finds none either."""
    watch.add("no_such_clients", lambda module: None)
    assert watch.find_spec("no_such_clients", None) is None
    assert watch.find_spec("json", None) is None


def test_a_namespace_is_found_as_it_is(watch: ImportWatch, folder: Path) -> None:
    """A folder without code has nothing to execute."""
    (folder / "made_up_space").mkdir()
    watch.add("made_up_space", lambda module: None)
    spec: Any = importlib.util.find_spec("made_up_space")
    assert list(spec.submodule_search_locations) == [str(folder / "made_up_space")]


def test_the_plugin_watches() -> None:
    """The process has one watch, which is among the finders while the plugin runs."""
    assert import_watch in sys.meta_path
