"""Tables of labelled frames: both layouts, and faults named by file and row."""
import json

import numpy as np
import pytest

from mmpose_gss.errors import UserError
from mmpose_gss.structures.folds import fold_of_groups, group_folds
from mmpose_gss.structures.labelled_frames import (
    labelled_metainfo,
    mirrored_names,
    read_labelled_frames,
    read_point_settings,
)

GOOD = ['video,frame,group,leftEye_x,leftEye_y,rightEye_x,rightEye_y',
        'a.mp4,3,anna,10,20,30,20.5',
        'a.mp4,7,anna,11,21,,',
        'b.mp4,0,ben,5,6,7,8']


def write(folder, lines, videos=('a.mp4', 'b.mp4')):
    """A table and empty files for its videos."""
    folder.mkdir(exist_ok=True)
    for video in videos:
        (folder / video).touch()
    (folder / 'index.csv').write_text('\n'.join(lines) + '\n')
    return str(folder)


def test_rows_are_read(tmp_path):
    table = read_labelled_frames(write(tmp_path, GOOD))
    assert table.names == ('leftEye', 'rightEye') and not table.left_out
    assert [(f.frame, f.group) for f in table.frames] == [(3, 'anna'), (7, 'anna'), (0, 'ben')]
    assert {f.box for f in table.frames} == {None}
    np.testing.assert_array_equal(table.frames[1].points, [[11, 21], [np.nan, np.nan]])
    assert table.frames[2].where.endswith('index.csv row 4')
    assert read_labelled_frames(str(tmp_path / 'index.csv')).names == table.names


def test_people_and_boxes(tmp_path):
    lines = ['video,frame,person,x1,y1,x2,y2,nose_x,nose_y', 'a.mp4,1,p,0,0,10,20,3,4',
             'a.mp4,1,q,5,5,9,9,6,7']
    table = read_labelled_frames(write(tmp_path, lines))
    assert [f.person for f in table.frames] == ['p', 'q'] and table.frames[0].box == (0, 0, 10, 20)
    assert table.frames[0].group == 'a'


@pytest.mark.parametrize('change, message', [
    ({0: 'frame,nose_x,nose_y'}, "no column 'video'"),
    ({0: 'video,number,group,leftEye_x,leftEye_y,rightEye_x,rightEye_y'}, "no column 'frame'"),
    ({0: 'video,frame,group,leftEye_x,leftEye_y,rightEye_x,q'}, "'rightEye_x' and none 'rightEye_y'"),
    ({0: 'video,frame,group,leftEye_x,leftEye_y,q,rightEye_y'}, "'rightEye_y' and none 'rightEye_x'"),
    ({0: 'video,frame,group,a,b,c,d'}, 'has no points'),
    ({0: 'video,frame,frame,leftEye_x,leftEye_y,rightEye_x,rightEye_y'}, "'frame' twice"),
    ({2: 'a.mp4,7,anna,11,21'}, 'row 3: 5 cells, but the first line names 7'),
    ({2: 'a.mp4,seven,anna,11,21,3,4'}, "row 3: frame is 'seven'"),
    ({2: 'a.mp4,-1,anna,11,21,3,4'}, "row 3: frame is '-1'"),
    ({2: 'a.mp4,7,anna,11,21,nan,4'}, "row 3: rightEye_x is 'nan'"),
    ({2: 'a.mp4,7,anna,11,21,3,inf'}, "row 3: rightEye_y is 'inf'"),
    ({2: 'a.mp4,7,anna,11,21,3,'}, "row 3: rightEye_y is ''"),
    ({2: 'a.mp4,7,anna,,,,'}, 'row 3: no point is labelled'),
    ({2: 'a.mp4,3,anna,1,2,3,4'}, 'row 3: frame 3 of .*a.mp4 stands in row 2 already'),
    ({3: 'c.mp4,0,ben,5,6,7,8'}, 'row 4: there is no video c.mp4'),
    ({3: '../b.mp4,0,ben,5,6,7,8'}, "row 4: '../b.mp4' may lie outside"),
    ({3: '/etc/b.mp4,0,ben,5,6,7,8'}, "row 4: '/etc/b.mp4' may lie outside"),
    ({3: ',0,ben,5,6,7,8'}, "row 4: the column 'video' is empty"),
])
def test_faults_name_file_and_row(tmp_path, change, message):
    lines = [change.get(i, line) for i, line in enumerate(GOOD)]
    with pytest.raises(UserError, match=message) as error:
        read_labelled_frames(write(tmp_path, lines))
    assert 'index.csv' in str(error.value) and '\n' not in str(error.value)


def test_faults_of_the_file(tmp_path):
    with pytest.raises(UserError, match='index.csv does not exist'):
        read_labelled_frames(str(tmp_path))
    write(tmp_path, GOOD[:1])
    with pytest.raises(UserError, match='no row that can be used'):
        read_labelled_frames(str(tmp_path))
    (tmp_path / 'index.csv').write_bytes(b'\xff\xfe\x00video')
    with pytest.raises(UserError, match='not a CSV file in UTF-8'):
        read_labelled_frames(str(tmp_path))
    write(tmp_path, ['video,frame,x1,nose_x,nose_y', 'a.mp4,1,0,1,2'])
    with pytest.raises(UserError, match='a box needs all of x1, y1, x2 and y2'):
        read_labelled_frames(str(tmp_path))
    write(tmp_path, ['video,frame,person,nose_x,nose_y', 'a.mp4,1,p,1,2'])
    with pytest.raises(UserError, match="'person' and no boxes"):
        read_labelled_frames(str(tmp_path))
    write(tmp_path, ['video,frame,x1,y1,x2,y2,nose_x,nose_y', 'a.mp4,1,5,5,5,9,1,2'])
    with pytest.raises(UserError, match='row 2: the box .* has no area'):
        read_labelled_frames(str(tmp_path))


DLC = ['scorer,AW,AW,AW,AW', 'bodyparts,tail,tail,nose,nose', 'coords,x,y,x,y',
       r'labeled-data\one\img004.png,1,2,3,4', 'labeled-data/one/img009.png,,,7,8']


def write_deeplabcut(folder, lines=DLC, rows=('one,train,img004.png,4,exact', 'one,train,img009.png,9,near')):
    """The layout of a folder that DeepLabCut's labels were collected in."""
    (folder / 'labels/train').mkdir(parents=True, exist_ok=True)
    (folder / 'videos').mkdir(exist_ok=True)
    (folder / 'videos/one.avi').touch()
    (folder / 'labels/train/one.csv').write_text('\n'.join(lines) + '\n')
    (folder / 'index.csv').write_text('\n'.join(['clip,authors_split,image,frame,match', *rows]) + '\n')
    return str(folder)


def test_deeplabcut_tables(tmp_path):
    rows = ('one,train,img004.png,4,exact', 'one,train,img009.png,9,near', 'one,train,img010.png,10,mismatch')
    table = read_labelled_frames(write_deeplabcut(tmp_path, rows=rows))
    assert table.names == ('tail', 'nose') and [f.frame for f in table.frames] == [4, 9]
    np.testing.assert_array_equal(table.frames[1].points, [[np.nan, np.nan], [7, 8]])
    assert table.left_out == {"rows whose match is 'mismatch'": 1} and table.frames[0].split == 'train'
    newer = [DLC[0].replace('scorer,', 'scorer,,,'), DLC[1].replace('bodyparts,', 'bodyparts,,,'),
             DLC[2].replace('coords,', 'coords,,,'), 'labeled-data,one,img004.png,1,2,3,4']
    table = read_labelled_frames(write_deeplabcut(tmp_path, newer, ('one,train,img004.png,4,exact', )))
    np.testing.assert_array_equal(table.frames[0].points, [[1, 2], [3, 4]])


@pytest.mark.parametrize('lines, rows, message', [
    (DLC, ('one,train,img005.png,5,exact', ), 'row 2: .*one.csv has no row for img005.png'),
    (DLC, ('two,train,img005.png,5,exact', ), 'row 2: there is no video two'),
    (DLC[1:], None, 'not a table of DeepLabCut'),
    ([*DLC[:3], 'img004.png,1,2,3'], None, 'one.csv row 4: 4 cells, but 5 columns'),
    ([*DLC[:3], 'img004.png,1,2,x,3'], None, "one.csv row 4: 'x' is not a number"),
    ([*DLC[:3], 'img004.png,1,2,,3'], None, 'one.csv row 4: a point has only one of x and y'),
    ([*DLC, DLC[3]], None, 'one.csv row 6: img004.png stands in row 4 already'),
    ([DLC[0], DLC[1], 'coords,x,y,x,z'], None, 'rows 2 and 3 must name'),
])
def test_faults_of_deeplabcut_tables(tmp_path, lines, rows, message):
    folder = write_deeplabcut(tmp_path, lines, rows or ('one,train,img004.png,4,exact', ))
    with pytest.raises(UserError, match=message):
        read_labelled_frames(folder)


def test_mirror_and_settings(tmp_path):
    names = ['leftLip', 'rightLip', 'tongue', 'topleftinner', 'toprightinner']
    assert dict(mirrored_names(names)) == {'leftLip': 'rightLip', 'rightLip': 'leftLip',
                                           'topleftinner': 'toprightinner', 'toprightinner': 'topleftinner'}
    assert read_point_settings(str(tmp_path), names) == {}
    (tmp_path / 'points.json').write_text(json.dumps(
        dict(links=[['leftLip', 'tongue']], scale=['leftLip', 'rightLip'], swap=[['tongue', 'leftLip']])))
    info = labelled_metainfo(names, 'lips', read_point_settings(str(tmp_path), names))
    assert info['keypoint_info'][2]['swap'] == 'leftLip'
    assert info['skeleton_info'][0]['link'] == ('leftLip', 'tongue')
    for text, message in (('{', 'is not JSON'), ('{"unit": 3}', "has the entry 'unit'"),
                          ('[]', "entry 'a list'"),
                          ('{"scale": ["a", "b"]}', "'scale' is .* must be pairs of point names")):
        (tmp_path / 'points.json').write_text(text)
        with pytest.raises(UserError, match=message):
            read_point_settings(str(tmp_path), names)


def test_folds_keep_groups_whole():
    groups = [name for name, count in zip('abcdefg', (7, 7, 7, 3, 7, 1, 7)) for _ in range(count)]
    folds = group_folds(groups, 3, seed=1)
    assert sorted(name for fold in folds for name in fold) == sorted(set(groups))
    sizes = [sum(group in fold for group in groups) for fold in folds]
    assert max(sizes) - min(sizes) <= 7 and folds == group_folds(groups, 3, seed=1)
    assert len({tuple(map(tuple, map(sorted, group_folds(groups, 3, seed)))) for seed in range(5)}) > 1
    assert fold_of_groups(groups, 2, 3, 1) == folds[2]
    for count in (1, 8):
        with pytest.raises(UserError, match='7 groups cannot be dealt'):
            group_folds(groups, count)
    with pytest.raises(UserError, match='numbered from 0 to 2'):
        fold_of_groups(groups, 3, 3)


def test_real_table(testdata):
    folder = testdata / 'lips_video'
    if not folder.is_dir():
        pytest.skip('this sample is not there')
    table = read_labelled_frames(str(folder))
    assert len(table.frames) == 230 and len({f.group for f in table.frames}) == 33
    assert sum(f.split == 'test' for f in table.frames) == 42
    assert np.isfinite([f.points for f in table.frames]).all()
