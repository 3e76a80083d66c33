"""The documentation site: its code runs, it names all that is public and nothing else.

None of this needs Sphinx; that the site builds without warnings is seen by building it.
"""

from __future__ import annotations

import builtins
import doctest
import importlib.util
import inspect
import re
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILT = {"_build", "auto_examples", "generated"}
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not BUILT.intersection(path.relative_to(DOCS).parts)
)
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w*")
# A row of the table of formulas: formulas, file within the package, names in the file.
FORMULA = re.compile(r"^\| (.+) \| `([\w/]+\.py)` \| (.+) \|$", re.MULTILINE)

# What the pages name and others define; each must be there.
OTHERS = {
    "BaggingClassifier": "sklearn.ensemble",
    "BaseEstimator": "sklearn.base",
    "CalibratedClassifierCV": "sklearn.calibration",
    "ColumnTransformer": "sklearn.compose",
    "DictionaryLearning": "sklearn.decomposition",
    "FeatureUnion": "sklearn.pipeline",
    "Generator": "torch",
    "GridSearchCV": "sklearn.model_selection",
    "KBinsDiscretizer": "sklearn.preprocessing",
    "MinMaxScaler": "sklearn.preprocessing",
    "Pipeline": "sklearn.pipeline",
    "RandomForestClassifier": "sklearn.ensemble",
    "SimpleImputer": "sklearn.impute",
    "StandardScaler": "sklearn.preprocessing",
    "TimeSeriesSplit": "sklearn.model_selection",
    "TransformedTargetRegressor": "sklearn.compose",
    "TunedThresholdClassifierCV": "sklearn.model_selection",
    "clone": "sklearn.base",
    "cross_validate": "sklearn.model_selection",
    "permutation_importance": "sklearn.inspection",
}
# Words that are no names: values of others' parameters, and a parameter of many.
WORDS = {"cuda", "f1", "n_jobs", "torch"}


def reference() -> ModuleType:
    """The extension that writes the API reference."""
    path = DOCS / "_ext" / "public_api.py"
    spec = importlib.util.spec_from_file_location("public_api", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public_modules() -> list[str]:
    """Names of the package and its public modules, as files tell."""
    package = ROOT / "sklearn_emma"
    found = [path.parent for path in package.glob("*/__init__.py")]
    found += [path.with_suffix("") for path in package.glob("*.py")]
    names = sorted(path.name for path in found if not path.name.startswith("_"))
    return ["sklearn_emma", *(f"sklearn_emma.{name}" for name in names)]


def code_of(page: Path) -> str:
    """Python on the page, each line where it stands; everything else is blank."""
    text = page.read_text(encoding="utf-8")
    kept = [""] * (text.count("\n") + 1)
    for block in FENCE.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for i, line in enumerate(block[1].splitlines()):
            kept[first + i] = line
    return "\n".join(kept)


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", [p for p in PAGES if ">>>" in code_of(p)], ids=name_of)
def test_code_on_the_pages_runs(page: Path) -> None:
    for module in re.findall(r"<!-- needs (\w+) -->", page.read_text("utf-8")):
        pytest.importorskip(module, reason=f"{name_of(page)} needs {module}")
    test = doctest.DocTestParser().get_doctest(
        code_of(page), {"__name__": "__main__"}, name_of(page), str(page), 0
    )
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    report: list[str] = []
    failed, attempted = runner.run(test, out=report.append)
    assert attempted > 0
    assert not failed, "".join(report)


@pytest.mark.parametrize("name", public_modules())
def test_every_public_name_is_in_the_reference(name: str) -> None:
    module = import_module(name)
    assert hasattr(module, "__all__"), f"{name} does not say what of it is public."
    assert name in reference().public_modules()
    listed = re.findall(r"^   (\w+)$", reference().reference_page(module), re.MULTILINE)
    assert sorted(listed) == sorted(module.__all__)


def resolve(dotted: str) -> Any:
    """Object of that name; AttributeError if there is none."""
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            found = getattr(found, part)
        return found
    raise AttributeError(dotted)


def public_words() -> set[str]:
    """Names, members, parameters, attributes and quoted values of everything public."""
    words = set(dir(builtins)) | WORDS
    for name in public_modules():
        module = import_module(name)
        words |= set(name.split(".")) | set(module.__all__)
        for public in module.__all__:
            words |= words_of(getattr(module, public))
    return words


def is_exception(thing: Any) -> bool:
    """Warnings and errors."""
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def words_of(thing: Any) -> set[str]:
    words: set[str] = set()
    if is_exception(thing):  # whose members are Python's
        return words
    members = [thing]
    if inspect.isclass(thing):
        words |= set(dir(thing))
        members += [getattr(thing, name) for name in dir(thing) if name[0] != "_"]
    for member in members:
        if callable(member):
            words |= set(inspect.signature(member).parameters)
        doc = inspect.getdoc(member) or ""
        words |= set(re.findall(r'"(\w+)"', doc)) | set(re.findall(r"``(\w+)``", doc))
        for line in re.findall(r"^([a-z]\w*_(?:, \w+_)*) : ", doc, re.MULTILINE):
            words |= set(line.split(", "))
    return words


def test_third_party_names_exist() -> None:
    for name, module in OTHERS.items():
        assert hasattr(import_module(module), name), f"{module}.{name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_mentions_a_name_that_does_not_exist(page: Path) -> None:
    text = ANY_FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\{(?:class|func|meth|data|mod)\}`~?([\w.]+)`", text):
        resolve(target)
    text = re.sub(r"\{\w+\}`[^`]+`", "", FORMULA.sub("", text))

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = public_words() | set(OTHERS) | set(WORD.findall(code_of(page)))
    known |= set(extras["project"]["optional-dependencies"])
    for folder in ("sklearn_emma", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            known |= set(re.findall(r"SKLEARN_EMMA_\w+", source))

    if page.name == "developing.md":  # those who change the package may read on
        for path in (ROOT / "sklearn_emma").rglob("*.py"):
            known |= set(WORD.findall(path.read_text(encoding="utf-8")))

    for term in re.findall(r"`([^`]+)`", text):
        if term.startswith("-") or (ROOT / term).exists():
            continue  # an option of a command; a file
        words = [w for word in WORD.findall(term) for w in nested(word, known)]
        unknown = [word for word in words if word not in known]
        assert not unknown, f"`{term}` names {unknown}, which is nowhere defined."


def test_every_formula_is_in_the_file_that_the_page_names() -> None:
    page = (DOCS / "mathematics.md").read_text(encoding="utf-8")
    _, heading, after = page.partition("\n## Which file computes what\n")
    assert heading
    listed, _, _ = after.partition("\n(sources)=")
    rows = FORMULA.findall(listed)
    for _, path, names in rows:
        source = (ROOT / "sklearn_emma" / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^ *(?:def|class) {name}\b", source, re.MULTILINE), name

    labels = re.findall(r"^:label: (\S+)$", page, re.MULTILINE)
    assert set(labels) == set(re.findall(r"\{eq\}`([^`]+)`", listed))


def nested(word: str, known: set[str]) -> list[str]:
    """Parts of ``outer__inner``, unless it is a name as it stands."""
    return [word] if word in known else word.split("__")


def test_the_ten_lines_of_the_readme_print_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Ten lines\n")[2]
    (code, *_), (said, *_) = (
        re.findall(rf"^```{kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        for kind in ("python", "text")
    )
    # Long training changes digits alone, and takes long.
    short = code.replace("random_state=0).fit(", "max_iter=5, random_state=0).fit(")
    assert short != code
    exec(compile(short, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    expected = said.splitlines()
    assert len(printed) == len(expected) == 11
    assert printed[0] == expected[0]
    assert printed[6:] == expected[6:]
    for line, of_readme in zip(printed[1:6], expected[1:6], strict=True):
        found, told = (
            [float(w) for w in re.findall(r"[\d.]+", x)] for x in (line, of_readme)
        )
        assert found == pytest.approx(told, abs=0.2)


def test_the_readme_installs_the_version_of_torch_that_the_tests_run_with() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"^torch==.*$", constraints, re.MULTILINE)
    before, demo, _ = readme.partition("<!-- demo -->")
    assert demo
    assert f"pip install {pinned} --index-url" in before


def test_each_example_has_a_number_of_its_own():
    names = [path.stem for path in (ROOT / "examples").glob("plot_*.py")]
    numbers = [name.split("_")[1] for name in names]
    assert len(set(numbers)) == len(numbers) > 0, sorted(names)


@pytest.mark.parametrize(("n_parameters", "first"), [(30, "Examples"), (3, "Notes")])
def test_examples_stand_above_parameters_that_are_many(
    n_parameters: int, first: str
) -> None:
    nodes = pytest.importorskip("docutils.nodes", reason="needs docutils")
    items = [nodes.definition_list_item() for _ in range(n_parameters)]
    fields = nodes.field_list("", nodes.definition_list("", *items))
    notes, examples = (nodes.rubric(text=title) for title in ("Notes", "Examples"))
    text, code = nodes.paragraph(text="So:"), nodes.doctest_block(text=">>> 1")
    after = nodes.container()  # the first method
    page = nodes.container("", text, fields, notes, examples, code, after)
    reference().examples_first(None, page)
    rubrics = [rubric.astext() for rubric in page.findall(nodes.rubric)]
    assert rubrics[0] == first and len(rubrics) == 2
    assert page[page.index(examples) + 1] is code and page[-1] is after
    assert (page.index(examples) < page.index(fields)) == (first == "Examples")
