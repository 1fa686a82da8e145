"""The head of the video systems: taking over the head of a single-frame estimator."""
import pytest
import torch

from mmpose_gss.errors import UserError
from mmpose_gss.models import TemporalHeatmapHead


def head(**changes) -> TemporalHeatmapHead:
    built = TemporalHeatmapHead(8, 5, **changes)
    built.init_weights()
    return built


@pytest.fixture
def checkpoint(tmp_path):
    """An estimator's checkpoint, and the head in it."""
    torch.manual_seed(1)
    trained = head()
    state = {f'head.{name}': value for name, value in trained.state_dict().items()}
    torch.save(dict(state_dict={**state, 'backbone.weight': torch.ones(3)}), tmp_path / 'single.pth')
    return str(tmp_path / 'single.pth'), trained


def test_takes_over_the_head_of_an_estimator(checkpoint):
    path, trained = checkpoint
    torch.manual_seed(2)
    taken = head(init_cfg=dict(type='Pretrained', prefix='head.', checkpoint=path))
    x = (torch.randn(2, 8, 6, 4), )
    torch.testing.assert_close(taken(x), trained(x))
    torch.manual_seed(2)
    assert not torch.allclose(head()(x), trained(x))


def test_refuses_another_head_and_names_the_remedy(checkpoint):
    init_cfg = dict(type='Pretrained', prefix='head.', checkpoint=checkpoint[0])
    with pytest.raises(UserError, match='init_cfg'):
        head(init_cfg=init_cfg, deconv_out_channels=(8, ), deconv_kernel_sizes=(4, ))
    with pytest.raises(FileNotFoundError):
        head(init_cfg=dict(init_cfg, checkpoint='nowhere.pth'))
