"""docs/add_a_method.md, followed to the letter: two folders and one import line make a method that trains."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

#: "`path/of/a/file`" on a line of its own, then a fenced block: the file's content.
BLOCK = re.compile(r'^`(?P<path>[\w./-]+)`[^\n]*\n\n````python\n(?P<code>.*?)^````$', re.M | re.S)
IMPORT_LINE = 'mmpose_gss/models/__init__.py'
COPIED = ('mmpose_gss', 'configs', 'tools')


def blocks(root: Path) -> Dict[str, str]:
    text = (root / 'docs' / 'add_a_method.md').read_text(encoding='utf-8')
    return {match['path']: match['code'] for match in BLOCK.finditer(text)}


def test_the_blocks_are_the_shipped_files(root):
    found = blocks(root)
    assert len(found) == 4 and IMPORT_LINE in found
    for path, code in found.items():
        shipped = (root / path).read_text(encoding='utf-8')
        assert code in shipped if path == IMPORT_LINE else code == shipped, f'{path} and its block differ'


def test_a_method_is_two_folders_and_a_line(root):
    """Nothing else in the package, the configs or the tools knows the method by name."""
    folders = {Path(path).parts[:3] for path in blocks(root) if path != IMPORT_LINE}
    assert folders == {('mmpose_gss', 'models', 'concat_conv'),
                       ('configs', 'body_2d_keypoint', 'concat_conv')}
    elsewhere = []
    for path in (path for name in COPIED for ending in ('py', 'yml')
                 for path in (root / name).rglob(f'*.{ending}')):
        lines = path.read_text(encoding='utf-8').splitlines()
        place = path.relative_to(root)
        if '.mim' not in place.parts and place.parts[:3] not in folders:
            elsewhere += [(str(place), line) for line in lines if re.search('concat_?conv', line, re.I)]
    assert [place for place, _ in elsewhere] == [IMPORT_LINE]


@pytest.mark.slow
def test_following_it_makes_a_method_that_trains(root, tmp_path, toy_clips):
    for name in COPIED:
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns('__pycache__', '.mim'))
    package = tmp_path / IMPORT_LINE
    found = blocks(root)
    for folder in ('mmpose_gss/models/concat_conv', 'configs/body_2d_keypoint/concat_conv'):
        shutil.rmtree(tmp_path / folder)
    package.write_text(package.read_text().replace(found[IMPORT_LINE], ''))
    config = next(path for path in found if path.startswith('configs/'))
    command = [
        sys.executable, 'tools/train.py', config, '--work-dir', 'work', '--cfg-options',
        'model.backbone.init_cfg=None', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=10',
        'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False', 'train_dataloader.dataset.indices=4']
    env = dict(os.environ, PYTHONPATH=str(tmp_path), SYNTHETIC_POSETRACK=str(toy_clips),
               PYTHONWARNINGS='ignore')

    def train() -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    assert train().returncode != 0  # the method is gone
    for path, code in found.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if path != IMPORT_LINE:
            (tmp_path / path).write_text(code, encoding='utf-8')
    package.write_text(package.read_text() + found[IMPORT_LINE])
    done = train()
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'work' / 'epoch_1.pth').is_file()
