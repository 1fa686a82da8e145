"""Metafiles are what the tool makes of the configs, and the READMEs' tables agree with them."""
import importlib.util
import re
import shutil

import pytest
import yaml
from shipped_configs import CONFIGS, ROOT

from mmpose_gss.errors import UserError

METAFILES = sorted((ROOT / 'configs').rglob('metafile.yml'))


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('make_metafiles', ROOT / 'tools/misc/make_metafiles.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """A checkout with one method's configs."""
    root = tmp_path_factory.mktemp('checkout')
    for folder in ('_base_', 'body_3d_keypoint'):
        shutil.copytree(ROOT / 'configs' / folder, root / 'configs' / folder)
    return root


def test_metafiles_are_up_to_date(tool):
    assert len(METAFILES) == len(list((ROOT / 'configs').rglob('published.yml'))) >= 3
    tool.main(['--check'])


def test_what_is_out_of_date_is_found_and_written(tool, copy):
    options = ['--root', str(copy)]
    tool.main(options)
    tool.main([*options, '--check'])
    metafile, = (copy / 'configs').rglob('metafile.yml')
    written = metafile.read_text()
    config = next(path for path in (copy / 'configs').rglob('posemamba-s-27frm*h36m.py'))
    config.write_text(config.read_text().replace('num_frames = 27', 'num_frames = 9'))
    with pytest.raises(UserError, match='metafile.yml differ'):
        tool.main([*options, '--check'])
    assert metafile.read_text() == written  # a check writes nothing
    tool.main(options)
    lines = zip(written.splitlines(), metafile.read_text().splitlines())
    changes = [pair for pair in lines if len(set(pair)) > 1]
    assert changes == [('    Frames: 27', '    Frames: 9')] * 3  # S, and B and L, which build on it


@pytest.mark.parametrize('change, words', [
    (('posemamba-s-243frm_8xb4-120e_h36m:', 'posemamba-s-244frm_8xb4-120e_h36m:'), 'no such config'),
    (('Metrics:', 'Metric:'), r"the fields are \['Alias', 'Metrics', 'Weights'\]"),
])
def test_a_wrong_published_file_is_one_sentence(tool, copy, change, words):
    published, = (copy / 'configs').rglob('published.yml')
    text = published.read_text()
    try:
        published.write_text(text.replace(*change, 1))
        with pytest.raises(UserError, match=words) as error:
            tool.main(['--root', str(copy), '--check'])
    finally:
        published.write_text(text)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_every_config_of_a_method_is_listed(path):
    models = yaml.safe_load(path.read_text())['Models']
    own = {p.stem for p in CONFIGS if path.parent in p.parents}
    assert {model['Name'] for model in models} == own and len(models) == len(own)
    for model in models:
        width_of_name = re.search(r'(\d+x\d+)(?:_[\w-]+)?$', model['Name'])
        assert model['Metadata'].get('Input Size') == (width_of_name[1] if width_of_name else None)
        assert (ROOT / model['Config']).stem == model['Name']


def short(name):
    """What a README calls a config: the part that tells it from the method's others."""
    part = re.sub(r'^td-hm_[A-Za-z]+-', '', name).split('_')[0]
    return {part, part.replace('base-', '', 1), re.sub(r'^posemamba-(\w)-.*', lambda m: m[1].upper(), part)}


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_published_figures_stand_in_the_readme(path):
    """For every figure there is a line of the README that has it and the config's name."""
    text = (path.parent / 'README.md').read_text(encoding='utf-8')
    lines = [set(re.findall(r'[\w.-]*\w', line)) for line in text.splitlines()]
    published = yaml.safe_load((path.parent / 'published.yml').read_text())['Models']
    for name, fields in published.items():
        for metric, value in fields['Metrics'].items():
            names = short(name) | {name, f'{name}.py'}
            found = any(str(value) in words and words & names for words in lines)
            assert found, f"{name}: README has no line with {value} ({metric})"


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_readme_names_configs_that_are_there(path):
    text = (path.parent / 'README.md').read_text(encoding='utf-8')
    for name in re.findall(r'(?<![\w/])(?:td-hm_|posemamba-)[\w.-]*\d[\w-]*', text):
        stem = re.sub(r'\.(py|pth)$', '', name)
        if 'coco' not in stem and '.pth' not in name:
            assert stem in {p.stem for p in CONFIGS}, f'{path.parent.name}/README.md names {name}'
    for target in re.findall(r'\]\(((?!http)[^)#]+)\)', text):
        assert (path.parent / target).exists(), f'{path.parent.name}/README.md links {target}'


def test_model_index_names_all_metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert {ROOT / entry for entry in index['Import']} == set(METAFILES)
