"""Any folder of hand-labelled video frames."""
from __future__ import annotations

import os.path as osp
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from mmengine.logging import MMLogger

from mmpose_gss.datasets.body.base_video_dataset import BaseVideoPoseDataset
from mmpose_gss.datasets.body.frame_store import LAYOUT, FrameStore, StoredClip
from mmpose_gss.errors import UserError
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.folds import fold_of_groups
from mmpose_gss.structures.labelled_frames import (
    LabelledFrame,
    LabelledFrames,
    labelled_metainfo,
    read_labelled_frames,
    read_point_settings,
)


@DATASETS.register_module()
class LabelledVideoDataset(BaseVideoPoseDataset):
    """Windows around the labelled frames of a table; ``docs/labelled_video.md`` describes the files.

    Points, their mirror and their skeleton come from the table (and ``points.json`` beside it), so that there
    is nothing to register for a new kind of animal or thing. The box of a sample is the whole frame, or the
    table's: never the extent of the labels, which would tell where the points are.

    Args:
        ann_file (str): The table, relative to ``data_root``. Defaults to 'index.csv'.
        data_root (str): Folder of the table and its videos.
        split (str, optional): Use the rows with this value in the column ``split``.
        fold (tuple[int, int], optional): (k, n): the groups (speakers, animals; videos by default) are dealt
            into n folds; fold k is what ``test_mode`` sees and training does not.
        fold_seed (int): Of the dealing.
        num_points (int, optional): How many points the table has to have, for a config whose model has as
            many. With ``lazy_init`` the table is read by ``full_init`` only, and points have no names until
            then.
        reach (int, optional): Frames on both sides of a labelled frame that are decoded. Defaults to the
            window's; temporal transforms that go further need more.
        frame_cache (str, optional): Folder for decoded frames. Defaults to ``frame_cache`` in ``data_root``.
        frame_offsets, temporal_jitter, metainfo, data_prefix, filter_cfg, indices, serialize_data, pipeline,
        test_mode, lazy_init, max_refetch: As in
            :class:`~mmpose_gss.datasets.body.base_video_dataset.BaseVideoPoseDataset`.

    Raises:
        UserError: If the table or a video is not as it should be; the message names file and row.
    """

    LAYOUTS = {'labelled_video': LAYOUT}
    table: Optional[LabelledFrames] = None
    point_settings: dict = {}

    def __init__(self,
                 ann_file: str = 'index.csv',
                 data_root: str = '',
                 split: Optional[str] = None,
                 fold: Optional[Tuple[int, int]] = None,
                 fold_seed: int = 0,
                 frame_offsets: Sequence[int] = (-2, -1, 0, 1, 2),
                 temporal_jitter: int = 0,
                 num_points: Optional[int] = None,
                 reach: Optional[int] = None,
                 frame_cache: Optional[str] = None,
                 metainfo: Optional[dict] = None,
                 data_prefix: Optional[dict] = None,
                 filter_cfg: Optional[dict] = None,
                 indices: Optional[Union[int, Sequence[int]]] = None,
                 serialize_data: bool = True,
                 pipeline: Sequence[Union[dict, Callable]] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 max_refetch: int = 1000) -> None:
        self.split, self.fold, self.fold_seed, self.num_points = split, fold, fold_seed, num_points
        self._own_metainfo = metainfo
        self._table_path = osp.join(data_root, ann_file)
        if not lazy_init or num_points is None:
            metainfo = self._read_table()
        elif metainfo is None:
            metainfo = labelled_metainfo([f'point_{i}' for i in range(num_points)], 'labelled_video')
        self.reach = max(abs(int(o)) for o in frame_offsets) + temporal_jitter if reach is None else reach
        self.frame_cache = frame_cache or osp.join(data_root, 'frame_cache')
        super().__init__(
            ann_file=ann_file, data_root=data_root, frame_offsets=frame_offsets,
            temporal_jitter=temporal_jitter, metainfo=metainfo, data_prefix=data_prefix,
            filter_cfg=filter_cfg, indices=indices, serialize_data=serialize_data, pipeline=pipeline,
            test_mode=test_mode, lazy_init=lazy_init, max_refetch=max_refetch,
            outside_root=True)  # the frames' names are the store's own, wherever it is

    def full_init(self) -> None:
        """Read the table, if that has not been done, and load the samples, once."""
        if not self._fully_initialized and self.table is None:
            self._metainfo = self._load_metainfo(self._read_table())
        super().full_init()

    def _read_table(self) -> dict:
        """Read table and settings; return the metainfo that is to be used."""
        path = self._table_path
        table = read_labelled_frames(path)
        folder = Path(path) if osp.isdir(path) else Path(path).parent
        if self.num_points not in (None, len(table.names)):
            raise UserError(f'{path} has {len(table.names)} points ({", ".join(table.names)}), but the data '
                            f'set was configured for num_points={self.num_points}; give the number of the '
                            'table')
        self.table = table
        self.point_settings = read_point_settings(str(folder), table.names)
        if self._own_metainfo is not None:
            return self._own_metainfo
        return labelled_metainfo(table.names, folder.resolve().name, self.point_settings)

    def load_data_list(self) -> List[dict]:
        """Decode what is needed and make one sample per row."""
        return self._samples(self._content())

    def _content(self) -> dict:
        """The chosen rows as a COCO-style dictionary, their frames decoded."""
        assert self.table is not None
        rows = self._chosen(self.table)
        by_video: Dict[str, List[LabelledFrame]] = {}
        for row in rows:
            by_video.setdefault(row.video, []).append(row)
        store = FrameStore(self.frame_cache)
        content: dict = dict(images=[], annotations=[], categories=[
            dict(id=1, name='thing', keypoints=list(self.table.names), skeleton=[])])
        for number, (video, members) in enumerate(by_video.items()):
            clip = store.prepare(video, {row.frame: row.where for row in members}, self.reach)
            images: Dict[int, int] = {}
            for row in sorted(members, key=lambda row: row.frame):
                if row.frame not in images:
                    images[row.frame] = len(content['images']) + 1
                    content['images'].append(self._image(images[row.frame], number, video, row.frame, clip))
                content['annotations'].append(
                    self._annotation(len(content['annotations']) + 1, images[row.frame], row, clip))
        for reason, count in self.table.left_out.items():
            MMLogger.get_current_instance().warning(f'"{self.ann_file}": left out {count} {reason}.')
        return content

    def _chosen(self, table: LabelledFrames) -> List[LabelledFrame]:
        rows = [row for row in table.frames if self.split in (None, row.split)]
        if not rows:
            known = sorted({row.split for row in table.frames} - {''})
            raise UserError(f'{self.ann_file} has no row of split {self.split!r}; '
                            + (f'it has {", ".join(known)}' if known else "it has no column 'split'"))
        if self.fold is None:
            return rows
        held = fold_of_groups([row.group for row in rows], *self.fold, self.fold_seed)
        return [row for row in rows if (row.group in held) == self.test_mode]

    @staticmethod
    def _image(identity: int, number: int, video: str, frame: int, clip: StoredClip) -> dict:
        return dict(id=identity, file_name=clip.frames.path(frame), nframes=clip.frames.count, frame_id=frame,
                    vid_id=str(number), video=video, is_labeled=True, width=clip.size[0], height=clip.size[1])

    @staticmethod
    def _annotation(identity: int, image: int, row: LabelledFrame, clip: StoredClip) -> dict:
        x1, y1, x2, y2 = row.box or (0, 0, *clip.size)
        points: List[float] = []
        for x, y in row.points:
            points += [0.0, 0.0, 0] if x != x else [float(x), float(y), 1]
        return dict(id=identity, image_id=image, category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1],
                    keypoints=points, group=row.group, where=row.where)
