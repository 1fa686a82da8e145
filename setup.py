"""Installs mmpose_gss: the package, its `.mim` data for `mim`, and the C++ kernels if they compile.

The kernels are a plain C library called through ctypes, so neither torch nor its headers are needed here.
"""
import shutil
from glob import glob
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_DATA = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def read_version():
    """Read the version without importing the package."""
    scope = {}
    exec((ROOT / 'mmpose_gss' / 'version.py').read_text(), scope)
    return scope['__version__']


class BuildPyWithMim(build_py):
    """Adds `mmpose_gss/.mim`, where `mim` looks for configs and tools.

    A wheel gets copies; an editable install gets links, so that edits show at once.
    """

    def run(self):
        """Build as setuptools does, then add the data."""
        super().run()
        if getattr(self, 'editable_mode', False):
            self._link(ROOT / 'mmpose_gss' / '.mim')
        else:
            self._copy(Path(self.build_lib) / 'mmpose_gss' / '.mim')

    @staticmethod
    def _link(target):
        target.mkdir(exist_ok=True)
        for name in MIM_DATA:
            link = target / name
            if link.is_symlink():
                link.unlink()
            link.symlink_to(Path('..') / '..' / name)

    @staticmethod
    def _copy(target):
        shutil.rmtree(target, ignore_errors=True)  # a config deleted since the last build must not survive
        target.mkdir(parents=True)
        for name in MIM_DATA:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, target / name, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy2(source, target / name)

    def get_outputs(self, include_bytecode=True):
        """The files of setuptools and those of the data."""
        outputs = super().get_outputs(include_bytecode)
        mim = Path(self.build_lib) / 'mmpose_gss' / '.mim'
        return outputs + [str(path) for path in mim.rglob('*') if path.is_file()]


class BuildKernels(build_ext):
    """Compiles the kernels with portable flags; faster variants are chosen at run time."""

    def build_extension(self, ext):
        """Compile one extension, optimised where the compiler takes Unix options."""
        if self.compiler.compiler_type == 'unix':
            ext.extra_compile_args = ['-O3', '-std=c++17', '-pthread', '-fvisibility=hidden']
            ext.extra_link_args = ['-pthread']
        super().build_extension(ext)


def kernels():
    """The C++ kernels of `mmpose_gss.ops`; optional, as pure torch code stands in for them."""
    folder = 'mmpose_gss/ops/native/csrc'
    sources = sorted(glob(f'{folder}/*.cpp'))
    headers = sorted(glob(f'{folder}/*.h'))
    if not sources:
        return []
    return [Extension(
        'mmpose_gss.ops.native._C', sources, include_dirs=[folder], depends=headers, language='c++',
        optional=True)]


setup(
    name='mmpose_gss',
    version=read_version(),
    description='Poses in video for MMPose: GLSMamba, SDTC and PoseMamba',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmpose_gss authors',
    license='Apache-2.0',
    python_requires='>=3.9',
    packages=find_packages(include=['mmpose_gss', 'mmpose_gss.*']),
    package_data={'mmpose_gss.ops.native': ['csrc/*']},
    install_requires=[
        'torch>=2.6', 'torchvision', 'numpy', 'scipy', 'mmengine>=0.10.5,<1.0', 'mmcv>=2.0.1,<2.2',
        'mmdet>=3.2,<3.4', 'mmpose>=1.3.1', 'mmpretrain>=1.2', 'xtcocotools>=1.12', 'opencv-python',
        'matplotlib',
    ],
    extras_require={
        'cuda': ['mamba-ssm', 'causal-conv1d'],
        'test': ['pytest', 'hypothesis'],
    },
    ext_modules=kernels(),
    cmdclass={'build_py': BuildPyWithMim, 'build_ext': BuildKernels},
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    zip_safe=False,
)
