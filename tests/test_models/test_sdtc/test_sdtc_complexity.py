"""The paper's setting has the paper's size (table 10): 10.4 M trainable parameters, 177 G multiply-adds."""
import pytest
from mmengine.config import Config

from mmpose_gss.engine.complexity import count_complexity
from mmpose_gss.registry import MODELS

ABLATIONS = ('', '-optical-add', '-optical-conv', '-mlsme-add', '-mlsme-conv', '-plain', '-patch-level',
             '-mask25', '-mask75', '-refine', '-refine-propagate', '-no-encoding', '-spatial-encoding',
             '-lambda0.1', '-lambda1', '-delta1', '-delta3')


def config(root, name=''):
    folder = root / 'configs/body_2d_keypoint/sdtc/posetrack17'
    return Config.fromfile(str(folder / f'td-hm_SDTC-base{name}_1xb16-50e_posetrack17-256x192.py'))


def test_size_of_the_papers_setting(root):
    result = count_complexity(MODELS.build(config(root).model), (1, 5, 3, 256, 192))
    assert result.trainable[''] == pytest.approx(10.4e6, rel=0.05)
    assert result.paper[''] == pytest.approx(177e9, rel=0.05)
    # The reading: encoder and deconvolutions are frozen, the decoder costs nothing in inference.
    assert result.trainable['backbone'] == 0 and result.paper['backbone'] == pytest.approx(89.15e9, rel=0.01)
    assert result.trainable['neck.reconstruction'] > 0 and result.paper['neck.reconstruction'] == 0
    # By hand: two levels of one joint (4 D²) and two divided layers (8 D² + FFN 8 D²) on 15,360 tokens.
    assert result.paper['neck.motion_encoder'] == 2 * (4 + 2 * 16) * 256**2 * 15360
    # Attention's products on top, joint: 2·(T·L)²·D, space: 2·T·L²·D, time: 2·T²·L·D.
    tokens, places = 15360, 3072
    products = 2 * 256 * (2 * tokens**2 + 4 * (5 * places**2 + 25 * places))
    assert result.complete['neck.motion_encoder'] == result.paper['neck.motion_encoder'] + products


def test_ablations_differ_where_they_should(root):
    necks = {name: MODELS.build(config(root, name).model.neck) for name in ABLATIONS}
    sizes = {name: sum(p.numel() for p in neck.parameters()) for name, neck in necks.items()}
    for same in ('-mask25', '-mask75', '-lambda0.1', '-lambda1'):
        assert sizes[same] == sizes['']
    assert sizes['-no-encoding'] == sizes['-spatial-encoding'] == sizes[''] - 5 * 256
    for smaller, larger in zip(ABLATIONS[1:4], ABLATIONS[2:5]):
        assert sizes[smaller] < sizes[larger] < sizes['']
    assert sizes['-mlsme-add'] < sizes['-refine'] < sizes['-refine-propagate'] < sizes['']
    decoder = sum(p.numel() for p in necks[''].reconstruction.parameters())
    assert sizes['-plain'] == pytest.approx(sizes[''] - decoder, rel=1e-2)
    assert sizes['-patch-level'] < sizes[''] and sizes['-delta1'] < sizes[''] < sizes['-delta3']
