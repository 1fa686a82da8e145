"""The command that converts the authors' checkpoints."""
import importlib.util

import pytest
import torch

from mmpose_gss.errors import UserError


def test_other_files_are_refused_for_every_method(root, tmp_path):
    spec = importlib.util.spec_from_file_location('official', root / 'tools/model_converters/official.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    torch.save(dict(model_state_dict={'backbone.pos_embed': torch.ones(1)}), tmp_path / 'bad.pth')
    assert tool.methods()
    for method in tool.methods():
        with pytest.raises(UserError, match='the checkpoint has no entry'):
            tool.main([method, str(tmp_path / 'bad.pth'), str(tmp_path / 'out.pth')])
        assert not (tmp_path / 'out.pth').exists()
