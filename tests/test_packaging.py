"""The wheel: what is in it, and `mim train` from it."""
import os
import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope='module')
def wheel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    # A copy, so that the build leaves nothing in the checkout.
    source = folder / 'source'
    source.mkdir()
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=root, capture_output=True)
    if listed.returncode:
        pytest.skip('the sources are not a git checkout, so what belongs in the wheel is not known')
    names = [name for name in listed.stdout.decode().split('\0') if name and (root / name).is_file()]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((root / name).read_bytes())
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check',
                    '--no-deps', '--no-build-isolation', '-w', str(folder), str(source)], check=True)
    return next(folder.glob('*.whl')), names


@pytest.mark.slow
def test_wheel_holds_configs_tools_and_kernels(wheel):
    path, names = wheel
    held = set(zipfile.ZipFile(path).namelist())
    for name in names:
        if name.startswith(('configs/', 'tools/')) or name in ('model-index.yml', 'dataset-index.yml'):
            assert f'mmpose_gss/.mim/{name}' in held
        elif name.startswith('mmpose_gss/') and name.endswith('.py'):
            assert name in held
    assert not [name for name in held if name.startswith(('tests/', 'projects/')) or '__pycache__' in name]
    assert [name for name in held if name.startswith('mmpose_gss/ops/native/_C') and name.endswith('.so')]


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """Environment in which the wheel, unpacked into an empty folder, comes before everything else."""
    target = tmp_path_factory.mktemp('site')
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
                    '--no-deps', '--target', str(target), str(wheel[0])], check=True)
    return target, dict(os.environ, PYTHONPATH=str(target), PYTHONWARNINGS='ignore')


@pytest.mark.slow
def test_package_imports_without_torch(installed):
    target, env = installed
    code = ("import sys, mmpose_gss; "
            "assert mmpose_gss.__file__.startswith(sys.argv[1]), mmpose_gss.__file__; "
            "assert not {'torch', 'mmengine', 'mmpose'} & set(sys.modules)")
    subprocess.run([sys.executable, '-c', code, str(target)], env=env, cwd=target, check=True)


@pytest.mark.slow
def test_mim_trains_two_iterations_and_tests(installed, toy_clips, tmp_path):
    target, env = installed
    env = dict(env, SYNTHETIC_POSETRACK=str(toy_clips), OMP_NUM_THREADS='1')
    config = 'td-hm_GLSMamba-tiny_synthetic-posetrack-128x96'
    options = ['--cfg-options', 'model.backbone.init_cfg=None', 'train_cfg.max_epochs=1',
               'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
               'train_dataloader.persistent_workers=False',
               'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
               'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
               'train_dataloader.dataset.indices=4', 'train_cfg.val_interval=1',
               'default_hooks.logger.interval=1']
    command = [sys.executable, '-m', 'mim']
    trained = subprocess.run(
        [*command, 'train', 'mmpose_gss', f'{config}.py', '--gpus', '0', '--work-dir', str(tmp_path),
         *options],
        env=env, cwd=tmp_path, capture_output=True, text=True)
    assert trained.returncode == 0, trained.stdout[-2000:] + trained.stderr[-2000:]
    assert str(target) in trained.stdout
    assert trained.stdout.count('Epoch(train)') + trained.stderr.count('Epoch(train)') == 2
    tested = subprocess.run(
        [*command, 'test', 'mmpose_gss', f'{config}.py', '--checkpoint', str(tmp_path / 'epoch_1.pth'),
         '--gpus', '0', '--work-dir', str(tmp_path / 'test'), *options],
        env=env, cwd=tmp_path, capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout[-2000:] + tested.stderr[-2000:]
    assert 'posetrack/AP' in tested.stdout + tested.stderr
