"""The import rules of the project, held for every file.

Rooms are top-level packages. A command file (one that ends in `if __name__ == "__main__"`) puts
rooms together: it may import any room, and nothing imports it. So does the Python API of a command,
which only command files and the package's `__init__` import.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("datasets", "faces", "fer_models", "attacks", "evaluation", "reports", "live")

EVERYWHERE = (
    "datasets.base.atomic",
    "datasets.base.commands",
    "datasets.base.errors",
    "datasets.base.npz",
    "datasets.base.options",
    "datasets.base.percentages",
    "datasets.base.workers",
    "datasets.labels",
)
"""Modules of ours that any room may import."""

ALLOWED: dict[str, tuple[str, ...]] = {
    "datasets": (),
    "faces": ("datasets",),
    "fer_models": ("datasets", "faces"),
    "attacks": (
        "datasets",
        "faces",
        "fer_models.classifier",
        "fer_models.identity",
        "fer_models.keras_wrapper",
        "fer_models.loss_slopes",
        "fer_models.losses",
        "fer_models.reduced_precision",
        "fer_models.smoothing",
        "fer_models.wrapped_classifier",
    ),
    "evaluation": ("datasets", "fer_models", "attacks"),
    "reports": (
        "evaluation.checks.rules",
        "evaluation.comparing.ranking",
        "evaluation.metrics.metric",
        "evaluation.metrics.table",
        "evaluation.results.image_rows",
        "evaluation.results.label_names",
        "evaluation.results.model_notes",
        "evaluation.results.reading",
        "evaluation.results.run",
        "evaluation.results.schema",
        "evaluation.results.select",
        "evaluation.statistics",
    ),
    "live": ("datasets", "faces", "fer_models", "attacks", "evaluation.statistics"),
}
"""Other rooms, or modules of them, that a room may import."""

NUMPY_ONLY = (
    "evaluation.figures",
    "evaluation.metrics",
    "evaluation.results",
    "evaluation.statistics",
)
"""Rooms that know no models: of ours they import each other, what any room may, and `UNITS`."""

UNITS = ("attacks.threat_model",)
"""What eps and norms mean: numpy only, though it lies in a room that knows models."""

KNOW_MORE = (
    "evaluation.figures.models",
    "evaluation.figures.status",
    "evaluation.figures.score_run",
    "evaluation.results.outside",
    "evaluation.results.run",
)
"""Modules of `NUMPY_ONLY` that the rule does not bind: they read a configuration or ask a model."""

DEEP_LEARNING = ("tensorflow", "keras", "torch")
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "datasets": DEEP_LEARNING,
    "faces": DEEP_LEARNING,
    "fer_models": ("tensorflow", "torch"),
    "attacks": ("torch",),
    "evaluation": ("torch",),
    "live": ("torch",),
    "reports": DEEP_LEARNING,
}
"""Third-party packages that a room or module may not import."""

PYTHON_API = ("evaluation.api",)
"""Modules that do the work of a command as a function."""

BACKEND_FILES = ("fer_models.gradients", "fer_models.training.fused_normalization")
TORCH_ROOM = "fer_models.pytorch"
"""The only folder that may import PyTorch."""
ART_ROOM = "attacks.art_bridge"
"""The only folder that may import ART."""
HEAVY = (
    "tensorflow",
    "keras",
    "torch",
    "pandas",
    "matplotlib",
    "seaborn",
    "scipy",
    "sklearn",
    "skimage",
    "cv2",
)
VAGUE_NAMES = ("utils", "util", "common", "helpers", "misc")


def module_name(path: PurePosixPath) -> str:
    """`evaluation/run.py` is `evaluation.run`, `evaluation/__init__.py` is `evaluation`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(name: str, modules: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the modules or lies inside one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def is_numpy_only(module: str) -> bool:
    """Whether the module must know neither models nor frameworks."""
    return is_within(module, NUMPY_ONLY) and not is_within(module, KNOW_MORE)


def is_command(tree: ast.Module) -> bool:
    """Whether the file ends in `if __name__ == "__main__"`."""
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in tree.body
    )


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def top_level(tree: ast.Module) -> ast.Module:
    """The file without its functions and what only type checkers read: what runs on import."""
    body = [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef)
        and not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.Module(body, [])


def violations(path: str, source: str, commands: tuple[str, ...] = ()) -> list[str]:
    """Broken import rules of one file.

    Args:
        path: of the file, from the project's root, with slashes.
        source: its text.
        commands: dotted names of all command files.
    """
    tree, file = ast.parse(source), PurePosixPath(path)
    module, is_init = module_name(file), file.name == "__init__.py"
    package = module if is_init else module.rpartition(".")[0]
    command = is_command(tree)
    found = [f"{path}: a vague name" for part in module.split(".") if part in VAGUE_NAMES]
    for line, name in imports(tree, package):
        if is_within(name, commands) and not is_init:
            found.append(f"{path}:{line}: imports {name}, a command file")
        elif is_within(name, PYTHON_API) and not (is_init or command):
            found.append(f"{path}:{line}: imports {name}, a command as a function")
        elif not (_may_import(module, name, command) and _may_use(module, name)):
            found.append(f"{path}:{line}: imports {name}, which {module} may not")
    if is_init:
        at_import = imports(top_level(tree), package)
        found += [
            f"{path}:{line}: imports {name} at once; a package's __init__ imports lazily"
            for line, name in at_import
            if name.partition(".")[0] not in sys.stdlib_module_names
        ]
    return found


def _may_import(module: str, name: str, command: bool) -> bool:
    """Rules between our own rooms."""
    room = module.partition(".")[0]
    if name.partition(".")[0] not in ROOMS or is_within(name, EVERYWHERE) or command:
        return True
    if module in PYTHON_API:
        return True
    if is_numpy_only(module):
        return is_within(name, (*NUMPY_ONLY, *UNITS)) and not is_within(name, KNOW_MORE)
    return is_within(name, (room, *ALLOWED[room]))


def _may_use(module: str, name: str) -> bool:
    """Rules on third-party packages; they bind command files too."""
    room, top = module.partition(".")[0], name.partition(".")[0]
    if top == "art":
        return is_within(module, (ART_ROOM,))
    if top == "torch" and is_within(module, (TORCH_ROOM,)):
        return True
    forbidden = (*FORBIDDEN.get(room, ()), *(DEEP_LEARNING if is_numpy_only(module) else ()))
    return top not in forbidden or (module in BACKEND_FILES and top != "torch")


@cache
def project_files(rooms: tuple[str, ...] = ROOMS) -> dict[str, str]:
    """Path and text of every Python file in the rooms."""
    files = sorted(file for room in rooms for file in (ROOT / room).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}


@cache
def command_modules() -> tuple[str, ...]:
    """Dotted names of all command files."""
    return tuple(
        module_name(PurePosixPath(path))
        for path, source in project_files().items()
        if is_command(ast.parse(source))
    )


@pytest.mark.parametrize("path", project_files())
def test_file_keeps_the_import_rules(path):
    assert violations(path, project_files()[path], command_modules()) == []


def import_graph(files: dict[str, str]) -> dict[str, set[str]]:
    """Modules of ours that each module imports, wherever in the file.

    Package `__init__`s are left out: what they offer, they import when asked.
    """
    sources = {
        module_name(PurePosixPath(path)): source
        for path, source in files.items()
        if not path.endswith("__init__.py")
    }
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, source in sources.items():
        for _, name in imports(ast.parse(source), module.rpartition(".")[0]):
            found = name if name in sources else name.rpartition(".")[0]
            if found in sources and found != module:
                graph[module].add(found)
    return graph


def test_no_module_imports_itself_through_others():
    order = TopologicalSorter(import_graph(project_files((*ROOMS, "benchmarks"))))
    order.prepare()  # raises CycleError, which names the modules of a circle


def test_a_circle_is_found():
    circle = {"live/a.py": "import live.b", "live/b.py": "def f():\n    from live.a import x"}
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(circle)).prepare()


MOST_FILES = 25


def test_no_folder_holds_more_files_than_a_reader_can_survey():
    files: dict[PurePosixPath, int] = {}
    for path, source in project_files().items():
        if not (path.endswith("__init__.py") or is_command(ast.parse(source))):
            folder = PurePosixPath(path).parent
            files[folder] = files.get(folder, 0) + 1
    assert {str(folder): n for folder, n in files.items() if n > MOST_FILES} == {}


MOST_LINES = 350


def test_no_file_is_too_long():
    """Tests and benchmarks included."""
    files = [
        file for room in (*ROOMS, "benchmarks", "tests") for file in (ROOT / room).rglob("*.py")
    ]
    long = {file.relative_to(ROOT).as_posix(): file.read_text().count("\n") for file in files}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}
    assert len(long) > len(project_files())


def test_no_sound_or_clip_lies_in_the_project():
    endings = {".wav", ".mp3", ".flac", ".mp4", ".mov", ".avi", ".mkv", ".webm"}
    folders = (ROOT / name for name in (*ROOMS, "docs", "tests", "benchmarks"))
    files = [*ROOT.iterdir(), *(file for folder in folders for file in folder.rglob("*"))]
    assert [str(file) for file in files if file.suffix.lower() in endings] == []


def test_importing_a_command_loads_nothing_heavy():
    """So `--help` answers at once: heavy imports wait until the arguments are parsed."""
    script = f"""
import importlib, json, sys
found = {{}}
for name in {command_modules()}:
    before = set(sys.modules)
    importlib.import_module(name)
    found[name] = sorted((set(sys.modules) - before) & set({HEAVY}))
print(json.dumps(found))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(answer.stdout)
    assert loaded == {name: [] for name in command_modules()}
    assert loaded
