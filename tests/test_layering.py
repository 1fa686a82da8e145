"""The house rules that a reader relies on: who may import whom, how long files and functions are."""
from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'mmpose_gss'
FILES = sorted(PACKAGE.rglob('*.py'))
SOURCES = sorted(path for folder in ('mmpose_gss', 'projects', 'tools', 'tests')
                 for path in (ROOT / folder).rglob('*.py') if '.mim' not in path.parts)
METHODS = sorted(path.name for path in (PACKAGE / 'models').iterdir()
                 if (path / '__init__.py').is_file() and path.name != 'layers')

#: What each part may import of the package, beside itself.
BASE = {'errors', 'version'}
ALLOWED: Dict[str, Set[str]] = {
    'errors': set(), 'version': set(), 'registry': set(),
    'structures': BASE,
    'ops': BASE,
    'evaluation': BASE | {'registry', 'structures'},
    'datasets': BASE | {'registry', 'structures'},
    'engine': BASE | {'registry', 'structures', 'ops'},
    'models': BASE | {'registry', 'structures', 'ops', 'engine'},
    'visualization': BASE | {'registry', 'structures', 'ops', 'evaluation'},
    'apis': BASE | {'registry', 'structures', 'ops', 'evaluation', 'datasets', 'engine', 'models',
                    'visualization'},
}
STANDARD = set(sys.stdlib_module_names)
#: The one file of the operators that needs Triton; its backend loads it when it is first used.
LOADED_LAZILY = 'triton_kernels.py'


def imports(path: Path, whole: bool) -> Iterator[str]:
    """Modules that a file imports: all, or only those imported when it is itself imported."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    nodes = ast.walk(tree) if whole else _at_import(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import in line {node.lineno}'
            yield node.module
            if node.module.startswith('mmpose_gss'):
                yield from (f'{node.module}.{alias.name}' for alias in node.names
                            if _file(f'{node.module}.{alias.name}') is not None)


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        for_checkers = isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING'
        if not for_checkers and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from _at_import(node)


def _file(module: str):
    path = ROOT / module.replace('.', '/')
    candidates = (path / '__init__.py', path.with_suffix('.py'))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def part(path: Path) -> str:
    """First folder or module below the package."""
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def own(module: str) -> bool:
    return module.split('.')[0] == 'mmpose_gss'


@pytest.mark.parametrize('name', sorted(ALLOWED))
def test_imports_point_down(name):
    wrong = [f'{path.relative_to(ROOT)} imports {module}' for path in FILES if part(path) == name
             for module in imports(path, whole=True)
             if own(module) and '.' in module and module.split('.')[1] not in ALLOWED[name] | {name}]
    assert not wrong, '\n'.join(wrong)


def test_every_part_has_a_rule():
    assert {part(path) for path in FILES} - {'__init__', '__main__'} <= set(ALLOWED)


@pytest.mark.parametrize('name,allowed,lazily', [
    ('structures', {'numpy', 'scipy'}, set()),
    ('ops', {'torch'}, {'numpy', 'torchvision', 'triton', 'mamba_ssm', 'causal_conv1d'}),
])
def test_outside_imports(name, allowed, lazily):
    for whole, may in ((False, allowed), (True, allowed | lazily)):
        files = [path for path in FILES if part(path) == name and (whole or path.name != LOADED_LAZILY)]
        wrong = [f'{path.relative_to(ROOT)} imports {module}'
                 for path in files for module in imports(path, whole)
                 if not own(module) and module.split('.')[0] not in STANDARD | may]
        assert not wrong, '\n'.join(wrong)


def test_evaluation_needs_no_torch():
    """Only files that register a metric import MMEngine; MMPose's NMS is imported where it is asked for."""
    for path in (path for path in FILES if part(path) == 'evaluation'):
        registers = 'register_module' in path.read_text(encoding='utf-8')
        allowed = STANDARD | {'numpy', 'scipy', 'mmpose_gss'} | ({'mmengine'} if registers else set())
        for whole, may in ((False, allowed), (True, allowed | {'mmpose'})):
            modules = {module.split('.')[0] for module in imports(path, whole)}
            assert modules <= may, f'{path.relative_to(ROOT)} imports {sorted(modules - may)}'


def test_methods_do_not_import_each_other():
    assert {'glsmamba', 'sdtc', 'posemamba'} <= set(METHODS)
    wrong = [f'{path.relative_to(ROOT)} imports {module}' for method in METHODS
             for path in (PACKAGE / 'models' / method).rglob('*.py') for module in imports(path, whole=True)
             if any(module.startswith(f'mmpose_gss.models.{other}') for other in METHODS if other != method)]
    assert not wrong, '\n'.join(wrong)


def test_layers_import_no_method():
    wrong = [f'{path.relative_to(ROOT)} imports {module}'
             for path in (PACKAGE / 'models' / 'layers').rglob('*.py') for module in imports(path, whole=True)
             if any(module.startswith(f'mmpose_gss.models.{method}') for method in METHODS)]
    assert not wrong, '\n'.join(wrong)


def test_no_cycles():
    """By what is imported when a module is; an import inside a function may look back up."""
    graph = {path: [file for file in map(_file, filter(own, imports(path, whole=False)))
                    if file not in (None, path) and file.name != '__init__.py'] for path in FILES}
    state: Dict[Path, int] = {}

    def visit(path: Path, trail: List[Path]) -> None:
        state[path] = 1
        for target in graph[path]:
            loop = ' -> '.join(str(p.relative_to(PACKAGE)) for p in [*trail, path, target])
            assert state.get(target) != 1, f'import cycle: {loop}'
            if target not in state:
                visit(target, [*trail, path])
        state[path] = 2

    for path in FILES:
        if path not in state:
            visit(path, [])


def long_functions(path: Path) -> Iterator[Tuple[str, int]]:
    """Functions of over 60 lines, the docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            has_docstring = ast.get_docstring(node, clean=False) is not None
            lines = node.end_lineno - node.lineno + 1
            lines -= first.end_lineno - first.lineno + 1 if has_docstring else 0
            if lines > 60:
                yield node.name, lines


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    assert len(path.read_text(encoding='utf-8').splitlines()) <= 400
    assert not list(long_functions(path))


@pytest.mark.parametrize(
    'path', [path for ending in ('h', 'cpp') for path in sorted((PACKAGE / 'ops').rglob(f'*.{ending}'))],
    ids=lambda path: path.name)
def test_kernel_files_are_short(path):
    assert len(path.read_text(encoding='utf-8').splitlines()) <= 400
