"""What the package of structures needs."""
import subprocess
import sys


def test_structures_need_numpy_only():
    code = ('import pkgutil, importlib, sys, mmpose_gss.structures as s\n'
            'for module in pkgutil.walk_packages(s.__path__, s.__name__ + "."):\n'
            '    importlib.import_module(module.name)\n'
            "print(sorted({'torch', 'mmengine', 'mmcv', 'mmpose', 'scipy'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
