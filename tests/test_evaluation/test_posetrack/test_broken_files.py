"""Files that are not as they should be: one sentence each, and nothing silently misaligned."""
import copy
import json
import re

import numpy as np
import pytest
from made_videos import figures_of, make_tidy

from mmpose_gss.errors import UserError
from mmpose_gss.evaluation.posetrack import load_directories, load_frames, load_video, posetrack_figures


@pytest.fixture
def videos():
    return make_tidy(np.random.default_rng(3), 1)


def edit(videos, role, change):
    """Apply ``change`` to the ground truth (0) or prediction (1) of the one video."""
    changed = copy.deepcopy(next(iter(videos.values()))[role])
    change(changed)
    name, pair = next(iter(videos.items()))
    return {name: (changed, pair[1]) if role == 0 else (pair[0], changed)}


def first(data):
    return data['annotations'][0]


def noted(figures, words):
    """Whether exactly one of the notes says so."""
    return len([note for note in figures['notes'] if re.search(words, note)]) == 1


def repeat_track(data):
    twin = copy.deepcopy(first(data))
    data['annotations'].append(twin)


BROKEN = {
    'categories': (lambda d: d.pop('categories'), 'no "categories"'),
    'images': (lambda d: d.pop('images'), 'no "images"'),
    'frame count': (lambda d: d['images'].pop(), r'\d+ frames in "images", but \d+ in the ground truth'),
    'duplicate track': (repeat_track, r'has track_id \d+ more than once'),
    'short keypoints': (lambda d: first(d).update(keypoints=[1.0] * 45), '45 values in "keypoints".*51'),
    'joint lacks': (lambda d: d['categories'][0]['keypoints'].remove('nose'), 'lacks nose'),
    'nan': (lambda d: first(d)['keypoints'].__setitem__(0, float('nan')), 'NaN or infinite'),
    'null': (lambda d: first(d)['keypoints'].__setitem__(0, None), 'NaN or infinite'),
    'text': (lambda d: first(d)['keypoints'].__setitem__(0, 'x'), 'no number'),
    'short scores': (lambda d: first(d)['scores'].pop(), '16 "scores"'),
    'nan score': (lambda d: first(d)['scores'].__setitem__(8, float('nan')), '"scores"'),
    'no image_id': (lambda d: first(d).pop('image_id'), 'no "image_id"'),
    'repeated frame': (lambda d: d['images'].__setitem__(1, d['images'][0]), 'more than once in "images"'),
    'track id': (lambda d: first(d).update(track_id='a'), 'no whole number'),
    'structure': (lambda d: first(d).update(keypoints=7), 'not in PoseTrack format'),
    'two videos': (lambda d: d['images'][1].update(file_name='images/val/other/000001.jpg'), 'frames of 2 '
                                                                                             'videos'),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_prediction_is_named_in_one_sentence(videos, kind):
    change, sentence = BROKEN[kind]
    with pytest.raises(UserError, match=sentence) as caught:
        figures_of(edit(videos, 1, change))
    message = str(caught.value)
    assert message.startswith('pred/') and message.endswith('.') and '\n' not in message


@pytest.mark.parametrize('kind', ['categories', 'duplicate track', 'nan', 'short keypoints', 'repeated '
                                                                                             'frame'])
def test_broken_ground_truth_is_named_in_one_sentence(videos, kind):
    change, sentence = BROKEN[kind]
    with pytest.raises(UserError, match=sentence) as caught:
        figures_of(edit(videos, 0, change))
    assert str(caught.value).startswith('gt/')


def test_ground_truth_needs_head_boxes(videos):
    with pytest.raises(UserError, match='no "bbox_head"'):
        figures_of(edit(videos, 0, lambda d: first(d).pop('bbox_head')))


@pytest.mark.parametrize('box, sentence', [
    ([0, 0, float('nan'), 5], 'NaN or infinite'), ([0, 0, float('inf'), 5], 'NaN or infinite'),
    ([0, 0, 5], 'four numbers'), ('abcd', 'four numbers'), ([0, 0, None, 1], 'four numbers'),
    (7, 'four numbers')])
def test_unusable_head_boxes_are_refused(videos, box, sentence):
    with pytest.raises(UserError, match=f'"bbox_head".*{sentence}|{sentence}.*bbox_head') as caught:
        figures_of(edit(videos, 0, lambda d: first(d).update(bbox_head=box)))
    assert str(caught.value).startswith('gt/')


def test_head_boxes_of_no_size_are_said(videos):
    figures = figures_of(edit(videos, 0, lambda d: first(d).update(bbox_head=[3, 4, 0, 0])))
    assert noted(figures, '1 of .* have a "bbox_head" of no size')


def test_a_head_box_that_measures_nothing_may_be_missing(videos):
    whole = figures_of(edit(videos, 0, lambda d: first(d).update(keypoints=[0] * 51)))
    figures = figures_of(edit(videos, 0, lambda d: first(d).update(keypoints=[0] * 51)
                            or first(d).pop('bbox_head')))
    assert noted(figures, '1 people without joints have no "bbox_head"') and figures['AP'] == whole['AP']


@pytest.mark.parametrize('remove', [lambda entry: entry.pop('scores'), lambda entry: entry.update(scores=[])])
def test_missing_scores_count_as_lowest_with_a_note(videos, remove):
    figures = figures_of(edit(videos, 1, lambda d: remove(first(d))))
    assert noted(figures, '1 of .* have no "scores".*-9999')
    ranked_last = figures_of(edit(videos, 1, lambda d: first(d).update(scores=[-9999.0] * 17)))
    assert figures['AP'] == ranked_last['AP']


@pytest.mark.parametrize('role', [0, 1])
def test_without_track_ids_there_is_no_mota(videos, role):
    def drop(data):
        for entry in data['annotations']:
            del entry['track_id']

    figures = figures_of(edit(videos, role, drop))
    assert noted(figures, 'have no track_id')
    assert figures['MOTA'] is figures['MOTP'] is figures['corrected']['MOTA'] is None
    assert figures['AP'] == figures_of(videos)['AP']


def test_frames_pair_by_id_with_a_note_if_the_order_differs(videos):
    expected = figures_of(videos)
    figures = figures_of(edit(videos, 1, lambda d: d['images'].reverse()))
    assert noted(figures, 'another order.*paired by frame id')
    assert figures['AP'] == expected['AP'] and figures['MOTA'] == expected['MOTA']


def test_frames_with_ids_of_their_own_pair_by_image_name(videos):
    def renumber(data):
        new = {entry['id']: i for i, entry in enumerate(data['images'])}
        for entry in data['images']:
            entry['id'] = new[entry['id']]
        for entry in data['annotations']:
            entry['image_id'] = new[entry['image_id']]
        data['images'].reverse()

    figures = figures_of(edit(videos, 1, renumber))
    assert figures['AP'] == figures_of(videos)['AP'] and noted(figures, 'another order')


def test_frames_that_cannot_be_paired_are_an_error(videos):
    def alienate(data):
        for entry in data['images']:
            entry['id'] += 5000
            entry['file_name'] = 'images/val/000001_mpii_test/1%05d.jpg' % (entry['id'] % 1000)
        for entry in data['annotations']:
            entry['image_id'] += 5000

    with pytest.raises(UserError, match='is not in the ground truth'):
        figures_of(edit(videos, 1, alienate))


def test_annotations_of_unknown_frames_are_left_out_with_a_note(videos):
    figures = figures_of(edit(videos, 1, lambda d: first(d).update(image_id=-7)))
    assert noted(figures, 'image_id that is not in "images"')


def write(folder, videos):
    for role, number in (('gt', 0), ('pred', 1)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        for name, pair in videos.items():
            (folder / role / f'{name}.json').write_text(json.dumps(pair[number]))
    return folder / 'gt', folder / 'pred'


def test_folders_must_hold_the_same_videos(tmp_path, videos):
    gt, pred = write(tmp_path, videos)
    assert len(load_directories(str(gt), str(pred))) == 1
    (pred / 'stranger.json').write_text('{}')
    with pytest.raises(UserError, match='stranger.json: prediction of an unknown video'):
        load_directories(str(gt), str(pred))
    (gt / 'stranger.json').write_text('{}')
    (pred / 'stranger.json').unlink()
    with pytest.raises(UserError, match='no prediction file stranger.json'):
        load_directories(str(gt), str(pred))
    with pytest.raises(UserError, match='no such folder'):
        load_directories(str(tmp_path / 'nowhere'), str(pred))


def test_what_is_not_json_is_named(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"images": [')
    with pytest.raises(UserError, match='is not JSON'):
        load_video(str(path), ground_truth=False)


def test_missing_frames_can_be_filled(tmp_path, videos):
    def lose_frame(data):
        gone = data['images'].pop(1)['id']
        data['annotations'] = [entry for entry in data['annotations'] if entry['image_id'] != gone]

    gt, pred = write(tmp_path / 'a', edit(videos, 1, lose_frame))
    with pytest.raises(UserError, match='list every frame'):
        load_frames(str(gt), str(pred))
    filled = posetrack_figures(load_frames(str(gt), str(pred), fill_missing=True))

    def nobody(data):
        gone = data['images'][1]['id']
        data['annotations'] = [entry for entry in data['annotations'] if entry['image_id'] != gone]

    assert filled['AP'] == figures_of(edit(videos, 1, nobody))['AP']


# The ids of PoseTrack17's points are the public evaluator's order of joints.
IDS17 = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
         'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'head_bottom', 'nose',
         'head_top']


def to_posetrack17(data):
    """The same content in PoseTrack17's form: images count from 1, absent joints are not listed."""
    names = data['categories'][0]['keypoints']
    annolist = []
    for number, entry in enumerate(data['images'], 1):
        rects = []
        for ann in (a for a in data['annotations'] if a['image_id'] == entry['id']):
            points = []
            for j, (x, y, flag) in enumerate(np.reshape(ann['keypoints'], (-1, 3)).tolist()):
                if names[j] in IDS17 and (x, y, flag) != (0, 0, 0):
                    points.append({'id': [IDS17.index(names[j])], 'x': [x], 'y': [y], 'is_visible': [1]})
                    if 'scores' in ann:
                        points[-1]['score'] = [ann['scores'][j]]
            rects.append({'track_id': [ann['track_id']], 'annopoints': [{'point': points}]})
            if 'bbox_head' in ann:
                x, y, w, h = ann['bbox_head']
                rects[-1].update(x1=[x], y1=[y], x2=[x + w], y2=[y + h])
        annolist.append({'image': [{'name': f'images/bonn_5sec/000001_mpii/{number:08d}.jpg'}],
                         'annorect': rects, 'imgnum': [number], 'is_labeled': [1]})
        if 'ignore_regions_x' in entry:
            annolist[-1]['ignore_regions'] = [
                {'point': [{'x': [x], 'y': [y]} for x, y in zip(xs, ys)]}
                for xs, ys in zip(entry['ignore_regions_x'], entry['ignore_regions_y'])]
    return {'annolist': annolist}


@pytest.mark.parametrize('convert_prediction', [True, False])
@pytest.mark.parametrize('seed', range(3))
def test_posetrack17_files_give_the_same(seed, convert_prediction):
    from made_videos import make_hard
    made = make_hard(np.random.default_rng(seed), 3)
    converted = {name: (to_posetrack17(gt), to_posetrack17(pred) if convert_prediction else pred)
                 for name, (gt, pred) in made.items()}
    expected, figures = figures_of(made), figures_of(converted)
    assert json.dumps(figures['AP']) == json.dumps(expected['AP'])
    assert json.dumps(figures['corrected']['MOTA']) == json.dumps(expected['corrected']['MOTA'])


def test_posetrack17_people_without_points_keep_their_frame():
    videos = make_tidy(np.random.default_rng(5), 1)
    (name, (gt, pred)), = videos.items()
    gt17 = to_posetrack17(gt)
    for rect in gt17['annolist'][0]['annorect']:
        rect['annopoints'] = []
    kept = figures_of({name: (gt17, pred)})
    gt17['annolist'][0]['annorect'] = []
    dropped = figures_of({name: (gt17, pred)})
    assert kept['frames'] == dropped['frames'] + 1
    # The predictions of the frame are false positives.
    assert kept['precision']['mean'] < dropped['precision']['mean']
    assert kept['recall'] == dropped['recall']
