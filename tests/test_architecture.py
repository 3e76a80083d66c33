"""The plan of the house: which folder may import which, and how large its rooms are.

``FLOORS`` is the one place where the order stands. A module may import from its own
floor and from lower ones, never from a higher one; and there is no circle of imports.
``DOORS`` are the exceptions: methods that lead upwards, and import when called.
"""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from subprocess import run

import pytest

import sklearn_emma

PACKAGE = Path(sklearn_emma.__file__).parent

# From the lowest floor to the highest.
FLOORS = [
    {"_version", "_caching", "_validation", "_statistics", "_losses"},
    {"_inputs", "_optim"},
    {"corruption", "_attention", "_energies", "_predictors"},
    {"_model"},
    {"_training"},
    {"_estimators"},
    {
        "attention",
        "predictors",
        "metrics",
        "losses",
        "energies",
        "datasets",
        "robustness",
        "model_selection",
        "exceptions",
        "monitoring",
        "inspection",
        "alignment",
        "windows",
    },
    {"plotting"},
    {"report"},
    {"__init__", "_show_versions"},
]
# A method of an estimator is where users look for what stands upon estimators.
DOORS = {"sklearn_emma._estimators.reporting": {"sklearn_emma.report"}}
FLOOR = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def part_of(module):
    """Folder, or file at the top, in which a module lies."""
    _, _, rest = module.partition(".")
    return rest.partition(".")[0] or "__init__"


def imports_of(tree, this):
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{this} imports relatively"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else module for name in names]
        else:
            continue
        found |= {name for name in names if name in FILES and name != this}
    return found


IMPORTS = {
    module: imports_of(ast.parse(path.read_text("utf-8")), module)
    - DOORS.get(module, set())
    for module, path in FILES.items()
}


def test_every_folder_has_its_floor():
    assert {part_of(module) for module in FILES} == set(FLOOR)


@pytest.mark.parametrize("module", FILES)
def test_no_import_runs_from_a_lower_floor_to_a_higher_one(module):
    here = FLOOR[part_of(module)]
    upwards = {other for other in IMPORTS[module] if FLOOR[part_of(other)] > here}
    assert not upwards, f"{module} imports from a higher floor"


def test_folders_and_modules_import_each_other_in_no_circle():
    folders = {}
    for module, others in IMPORTS.items():
        # A folder's __init__ only hands on what its modules have.
        between = {part_of(other) for other in others} - {part_of(module)}
        folders.setdefault(part_of(module), set()).update(between)
    TopologicalSorter(folders).prepare()  # raises CycleError, and names the circle
    TopologicalSorter(IMPORTS).prepare()


def test_what_lies_behind_a_door_is_not_imported_before_it_is_opened():
    behind = set().union(*DOORS.values())
    code = f"import sys, sklearn_emma; sys.exit(not {behind}.isdisjoint(sys.modules))"
    run([sys.executable, "-c", code], check=True)


def test_private_names_stay_in_their_module():
    borrowed = [
        f"{module}: {node.module}.{alias.name}"
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "") in FILES
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
        if f"{node.module}.{alias.name}" not in FILES
    ]
    assert not borrowed


def parameters(function):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [a.arg for a in named if a.arg not in ("self", "cls")]


def functions(tree):
    """All functions with the names of the classes and functions around them."""
    stack = [((), tree)]
    while stack:
        around, node = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                yield around, child
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            stack.append(((*around, child.name) if named else around, child))


def is_exempt(module, around, name):
    """Whether many parameters are the user's: public ones, constructors."""
    public = not any(part.startswith("_") for part in module.split(".")[1:-1])
    seen = public and not name.startswith("_")
    return name == "__init__" or name.startswith("from_") or (seen and bool(around))


@pytest.mark.parametrize("module", FILES)
def test_no_private_function_takes_more_than_eight_parameters(module):
    many = {
        ".".join((*around, function.name)): parameters(function)
        for around, function in functions(ast.parse(FILES[module].read_text("utf-8")))
        if len(parameters(function)) > 8
        and not is_exempt(module, around, function.name)
        and function.name not in getattr(sklearn_emma, "__all__", ())
        and not _is_public_function(module, function.name)
    }
    assert not many


def _is_public_function(module, name):
    folder = ".".join(module.split(".")[:2])
    tree = ast.parse(FILES[folder].read_text("utf-8"))
    exported = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    ]
    return bool(exported) and name in exported[0]


def test_files_are_short_enough_to_be_read_at_once():
    lengths = {
        module: path.read_text("utf-8").count("\n") for module, path in FILES.items()
    }
    assert {module: n for module, n in lengths.items() if n > 300} == {}


@pytest.mark.parametrize(
    "folder",
    sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()),
)
def test_the_tests_of_a_folder_have_a_file_for_each_of_its_modules(folder):
    modules = {path.stem.lstrip("_") for path in (PACKAGE / folder).glob("*.py")}
    tests = {path.stem for path in (Path(__file__).parent / folder).glob("test_*.py")}
    without = {m for m in modules - {"init__"} if f"test_{m}" not in tests}
    assert not without
