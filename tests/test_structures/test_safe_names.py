"""A file cannot choose where we write or read."""
import pytest

from mmpose_gss.datasets.body.clip_table import place_images
from mmpose_gss.datasets.converters.sub_jhmdb import read_splits
from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_frames import FrameLayout
from mmpose_gss.structures.safe_names import inside, safe_name

LAYOUT = FrameLayout('%06d.jpg', 0)


@pytest.mark.parametrize('name', ['../X', '..', '.', '', '/tmp/x', 'a/b', 'a\\b', '.hidden', 'x.', 'C:x',
                                  'a\x00b', 'a\n', None, 3, 'x' * 300])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(UserError, match='field is .*which cannot be the name of a file') as caught:
        safe_name(name, 'field')
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize('name', ['000342_mpii_test', '#1_How_To', 'Über (2)', 'clip.v2'])
def test_names_of_videos_are_kept(name):
    assert safe_name(name, 'field') == name


@pytest.mark.parametrize('name', ['/etc/passwd', '../0.jpg', 'images/../../0.jpg', 'images/../0.jpg',
                                  'C:\\x.jpg', '\\\\host\\x', '', None, 5, 'a\x00.jpg'])
def test_paths_that_leave_the_folder_are_refused(name):
    with pytest.raises(UserError, match='field is'):
        inside(name, 'field')


def test_paths_in_the_folder_are_kept():
    assert inside('images/val/a..b/000000.jpg', 'field') == 'images/val/a..b/000000.jpg'


@pytest.mark.parametrize('name', ['/x/000000.jpg', '../x/000000.jpg', 'images/../../000000.jpg'])
def test_a_data_set_reads_below_its_root_unless_told_otherwise(name):
    images = [dict(id=1, file_name=name, nframes=1, width=4, height=4)]
    with pytest.raises(UserError, match=r'"ann.json": file_name of image 1 is .*outside_root=True'):
        place_images(images, 'ann.json', '/data', LAYOUT, 'annotation')
    assert len(place_images(images, 'ann.json', '/data', LAYOUT, 'annotation', outside_root=True)[1]) == 1


def test_image_ids_that_stand_twice_are_refused():
    images = [dict(id=1, file_name=f'x/00000{i}.jpg', nframes=2, width=4, height=4) for i in range(2)]
    with pytest.raises(UserError, match=r'"ann.json": image id 1 stands more than once'):
        place_images(images, 'ann.json', '/data', LAYOUT, 'annotation')


def test_a_list_of_clips_cannot_name_the_file_to_write(tmp_path):
    (tmp_path / 'run_test_split_1.txt').write_text('../../X.avi 1\n')
    with pytest.raises(UserError, match=r'run_test_split_1\.txt": a clip is .*cannot be the name of a file'):
        read_splits(tmp_path)
