"""Write what was found in a video: an mp4 with skeletons and a JSON file."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Union

import cv2
import mmengine
import numpy as np
from mmpose.structures import PoseDataSample, split_instances

from mmpose_gss.apis.video_reader import VideoFrames
from mmpose_gss.errors import UserError


class ResultWriter:
    """Collect the predictions; write the mp4 as it goes and the JSON at the end, whatever the end is.

    Args:
        frames (VideoFrames): The source; its ``name``, ``size``, ``fps`` and ``source`` are read.
        out_dir (str | Path, optional): Folder of the files; None writes none.
        draw (bool): Whether to write an mp4.
        dataset_meta (dict): Metainfo of the poses.

    Attributes:
        predictions (list[list[dict]]): Per frame the people.
        draws (bool): Whether :meth:`add` wants pictures.

    Raises:
        UserError: If the mp4 cannot be written.
    """

    def __init__(self, frames: VideoFrames, out_dir: Optional[Union[str, Path]], draw: bool,
                 dataset_meta: Dict) -> None:
        self.frames, self.dataset_meta = frames, dataset_meta
        self.predictions: List[List[Dict]] = []
        self.draws = draw and out_dir is not None
        self.video_path: Optional[Path] = None
        self.json_path: Optional[Path] = None
        self._video: Optional[cv2.VideoWriter] = None
        if out_dir is None:
            return
        out_dir = Path(out_dir)
        out_dir.mkdir(parents=True, exist_ok=True)
        self.json_path = out_dir / f'{frames.name}.json'
        if self.draws:
            self.video_path = out_dir / f'{frames.name}.mp4'
            if self.video_path.resolve() == Path(frames.source).resolve():
                self.video_path = out_dir / f'{frames.name}_poses.mp4'
            self._video = cv2.VideoWriter(
                str(self.video_path), cv2.VideoWriter_fourcc(*'mp4v'), frames.fps, frames.size)
            if not self._video.isOpened():
                raise UserError(
                    f'cannot write a video of {frames.size} at {self.video_path}; choose another --out-dir')

    def add(self, drawn: Optional[np.ndarray], sample: PoseDataSample) -> None:
        """Take the next frame's result.

        Args:
            drawn (ndarray, optional): ``(H,W,3)`` uint8, BGR: the picture of the frame, if an mp4 is written.
            sample (PoseDataSample): The people in it.
        """
        self.predictions.append(split_instances(sample.pred_instances) if len(sample.pred_instances) else [])
        if self._video is not None:
            self._video.write(np.ascontiguousarray(drawn))

    def close(self) -> None:
        """Finish the files."""
        if self._video is not None:
            self._video.release()
        if self.json_path is not None:
            mmengine.dump(self._content(), str(self.json_path))

    def _content(self) -> Dict:
        keys = 'dataset_name', 'num_keypoints', 'skeleton_links'
        meta = {key: self.dataset_meta.get(key) for key in keys}
        names = self.dataset_meta.get('keypoint_id2name') or {}
        meta['keypoint_names'] = [names[index] for index in sorted(names)]
        return dict(
            meta_info=meta,
            video=dict(source=self.frames.source, fps=self.frames.fps, width=self.frames.size[0],
                       height=self.frames.size[1], num_frames=len(self.predictions)),
            instance_info=[dict(frame_id=index, instances=people)
                           for index, people in enumerate(self.predictions)])

    def result(self) -> Dict[str, object]:
        """Return ``predictions``, and ``video`` and ``json``: the paths written, or None."""
        return dict(predictions=self.predictions, video=self.video_path and str(self.video_path),
                    json=self.json_path and str(self.json_path))
