"""Counts of parameters and multiply-adds: the paper's table, and by hand on small modules."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmpose_gss.engine.complexity import count_complexity, default_shape
from mmpose_gss.engine.config import load_config
from mmpose_gss.registry import MODELS


def config(name: str):
    return load_config(f'td-hm_GLSMamba-{name}_1xb16-20e_posetrack17-256x192')


@pytest.fixture(scope='module')
def rows():
    """Paper's rows, counted from the shipped configs."""
    found = {}
    for name in ('base', 'base-unified', 'base-unified-spatial', 'base-sum', 'blr', 'base-no-lrm'):
        cfg = config(name)
        with torch.device('meta'):
            model = MODELS.build(cfg.model)
        found[name] = count_complexity(model, default_shape(cfg))
    return found


PAPER = {'base': (9.8, 138.9), 'base-unified': (9.1, 137.4), 'base-unified-spatial': (9.4, 138.1),
         'base-sum': (9.1, 137.4), 'blr': (9.8, 85.1)}


@pytest.mark.parametrize('name', list(PAPER))
def test_papers_table(rows, name):
    params, gmacs = PAPER[name]
    assert abs(rows[name].trainable[''] / 1e6 - params) <= (0.15 if name == 'blr' else 0.1)
    assert abs(rows[name].paper[''] / 1e9 - gmacs) <= 0.01 * gmacs


def test_papers_order(rows):
    paper = {name: row.paper[''] for name, row in rows.items()}
    assert paper['blr'] < paper['base-unified'] == paper['base-sum']
    assert paper['base-sum'] < paper['base-unified-spatial'] < paper['base']
    assert rows['base-unified'].complete[''] < rows['base-sum'].complete[''] < rows['base'].complete['']
    assert paper['base-no-lrm'] < paper['base-sum']


def test_parts_add_up(rows):
    base = rows['base']
    for counts in (base.paper, base.complete, base.params):
        assert counts[''] == counts['backbone'] + counts['neck'] + counts['head']
        assert counts['neck'] == sum(counts[f'neck.{part}'] for part in (
            'embed', 'encoding', 'global_blocks', 'local_blocks', 'norm', 'readout', 'skip'))
    assert base.trainable['backbone'] == 0
    # Five images through ViT-B: 12 blocks of 12·768² per token and the 16×16 patches.
    assert base.paper['backbone.backbone'] == 5 * 192 * (12 * 12 * 768**2 + 768 * 768)
    attention = 5 * 12 * 2 * 192**2 * 768
    assert base.complete['backbone.backbone'] - base.paper['backbone.backbone'] == attention


def test_scan_and_deformable_convolution_by_hand():
    from mmpose_gss.models.glsmamba.stmm import ModulationBranch
    from mmpose_gss.models.layers.selective_scan import SelectiveScan
    x = (2, 3, 4, 5, 8)
    tokens = 2 * 3 * 4 * 5
    s6 = SelectiveScan(8, ('spatial', 'temporal'), merge=(0, 0), d_state=4, dt_rank=2)
    result = count_complexity(s6, x)
    projections = tokens * 8 * (2 + 2 * 4 + 2)
    assert result.paper[''] == projections
    assert result.complete[''] == projections + tokens * 2 * 8 * (4 * 4 + 1)
    s6 = SelectiveScan(8, ('spatial', ) * 2, merge=(0, 0), d_state=4, dt_rank=2, conv='causal1d')
    conv = count_complexity(s6, x)
    assert conv.paper[''] == 2 * projections + tokens * 2 * 8 * 4

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = ModulationBranch(8)

        def forward(self, x):
            return self.branch(x, x)
    result = count_complexity(Twice(), x)
    gain = 2 * 3 * 2 * 8 * 4
    assert result.paper['branch'] == tokens * (25 * 8 + 27 * 8) + gain
    assert result.complete['branch'] - result.paper['branch'] == tokens * 9 * 8 * 5


def test_layers_by_hand():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 8, 3, padding=1, groups=2)
            self.up = nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1)
            self.linear = nn.Linear(6, 5)

        def forward(self, x):
            x = self.linear(self.up(self.conv(x)).permute(0, 2, 3, 1)).flatten(1, 2)
            return F.scaled_dot_product_attention(x, x, x)
    result = count_complexity(Net(), (2, 4, 6, 5))
    assert result.paper == {'': 2 * 30 * 8 * 2 * 9 + 2 * 30 * 8 * 6 * 16 + 2 * 120 * 6 * 5,
                            'conv': 2 * 30 * 8 * 2 * 9, 'up': 2 * 30 * 8 * 6 * 16, 'linear': 2 * 120 * 6 * 5}
    assert result.complete[''] - result.paper[''] == 2 * 2 * 120 * 120 * 5


def test_config_that_tells_no_size():
    cfg = config('base')
    cfg.model.head.pop('decoder')
    with pytest.raises(ValueError, match='--shape'):
        default_shape(cfg)


#: Linear layers and convolutions as in the paper; all with the scans and the projections of each order.
POSEMAMBA = {'s': (3.48, 7.92), 'b': (13.73, 23.29), 'l': (27.46, 46.58)}


@pytest.mark.parametrize('size', list(POSEMAMBA))
def test_posemamba_is_counted_by_the_same_counter(size):
    cfg = load_config(f'posemamba-{size}-243frm_8xb4-120e_h36m')
    model = MODELS.build(cfg.model)
    layers = sum(m.weight.numel() for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d)))
    mixers = [block.mixer.scan for block in (*model.backbone.spatial_blocks, *model.backbone.temporal_blocks)]
    projections = sum(m.x_proj_weight.numel() + m.dt_proj_weight.numel() for m in mixers)
    scans = sum(4 * m.A_log.numel() + m.D.numel() for m in mixers)
    result = count_complexity(model, default_shape(cfg))
    tokens = 243 * 17
    assert result.paper[''] == tokens * layers
    assert result.complete[''] == tokens * (layers + projections + scans)
    paper, complete = POSEMAMBA[size]
    assert result.paper[''] / 1e9 == pytest.approx(paper, abs=0.006)
    assert result.complete[''] / 1e9 == pytest.approx(complete, abs=0.006)
    published = dict(s=3.6, b=13.9, l=27.9)[size]
    assert abs(result.paper[''] / 1e9 / published - 1) < 0.04
