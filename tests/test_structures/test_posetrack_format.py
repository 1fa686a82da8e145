"""PoseTrack's files and tables of people: what is written is read again, other content is named."""
import numpy as np
import pytest

from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json, write_json
from mmpose_gss.structures.people_table import PeopleTable, PeopleVideo
from mmpose_gss.structures.posetrack_format import image_id, load_video, parse_video, video_content
from mmpose_gss.structures.skeletons import POSETRACK, POSETRACK17_JOINTS


def made_video(frames=4, people=6):
    """People with all 17 joints, some joints and track ids missing."""
    rng = np.random.default_rng(0)
    table = PeopleTable.blank(POSETRACK.names, people)
    table.frame = np.sort(rng.integers(0, frames, people))
    table.valid = rng.random(table.valid.shape) < 0.8
    table.xy = rng.normal(100, 40, table.xy.shape) * table.valid[..., None]
    table.score = rng.random(table.score.shape)
    table.person_score = rng.random(people)
    table.track, table.tracked = np.arange(people), rng.random(people) < 0.7
    keys = [image_id('000342_mpii_test', i) for i in range(frames)]
    return PeopleVideo('000342_mpii_test', 'made', keys, [None] * frames, [None] * frames, table)


def test_what_is_written_is_read_again(tmp_path):
    video = made_video()
    path = tmp_path / 'sub' / '000342_mpii_test.json'
    write_json(path, video_content(video))
    again = load_video(str(path), ground_truth=False)
    assert again.keys == video.keys and again.name == video.name and again.notes == ()
    assert again.file_names[1] == 'images/000342_mpii_test/000001.jpg' and again.numbers == [0, 1, 2, 3]
    evaluated = video.people.with_joints(POSETRACK17_JOINTS)
    for column in ('frame', 'xy', 'valid', 'score', 'tracked'):
        np.testing.assert_array_equal(getattr(again.people, column), getattr(evaluated, column), column)
    tracked = evaluated.tracked
    assert again.people.track[tracked].tolist() == evaluated.track[tracked].tolist()
    content = read_json(path)
    assert [entry['score'] for entry in content['annotations']] == video.people.person_score.tolist()
    assert not list(tmp_path.rglob('*.part'))


def test_tables_choose_join_and_know_their_joints():
    table = made_video().people
    halves = PeopleTable.joined([table.rows(slice(0, 3)), table.rows(np.arange(3, 6))])
    np.testing.assert_array_equal(halves.xy, table.xy)
    assert len(table.rows(table.tracked)) == table.tracked.sum()
    with pytest.raises(KeyError, match='tail'):
        table.with_joints(['nose', 'tail'])


@pytest.mark.parametrize('content, words', [
    ([], 'top level is a list'), ({}, 'no "images" entry'), ({'annolist': 7}, 'not in PoseTrack format'),
    ({'annolist': [{'annorect': [{'x1': ['a']}]}]}, 'not in PoseTrack format')])
def test_other_content_is_named(content, words):
    with pytest.raises(UserError, match=words) as caught:
        parse_video(content, 'v', 'v.json', ground_truth=True)
    assert str(caught.value).startswith('v.json: ') and '\n' not in str(caught.value)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.json'
    write_json(path, {'whole': 1})
    with pytest.raises(TypeError):
        write_json(path, {'not JSON': object()})
    assert read_json(path) == {'whole': 1}
