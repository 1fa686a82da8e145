"""Write what was found in a video: an mp4 with skeletons and a JSON file."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import cv2
import numpy as np
from mmengine.logging import MMLogger
from mmpose.structures import PoseDataSample, split_instances

from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.errors import UserError
from mmpose_gss.structures.pose_results import STREAM_SUFFIX, ResultStream, free_stem
from mmpose_gss.structures.safe_names import safe_name


class ResultsNotWritten(UserError):
    """Results could not be written to the end, as the disk is full or has gone.

    Args:
        message (str): The sentence.
        predictions (list[list[dict]]): What was predicted until then, per frame the people.
    """

    def __init__(self, message: str, predictions: List[List[Dict]]) -> None:
        super().__init__(message)
        self.predictions = predictions


class ResultWriter:
    """Collect the predictions; write each as it comes, and the files whole at the end, whatever the end is.

    Every finished frame is on the disk at once (:class:`~mmpose_gss.structures.pose_results.ResultStream`),
    so a kill or a full disk loses none. The mp4 is written aside and gets its name when it is closed.

    Args:
        frames (VideoFrames): The source; its ``name``, ``size``, ``fps`` and ``source`` are read.
        out_dir (str | Path, optional): Folder of the files; None writes none.
        draw (bool): Whether to write an mp4.
        dataset_meta (dict): Metainfo of the poses.
        inputs (Sequence[str | Path]): Further files that are read and must not be replaced. Defaults to none.

    Attributes:
        predictions (list[list[dict]]): Per frame the people.
        draws (bool): Whether :meth:`add` wants pictures.

    Raises:
        UserError: If the files cannot be written.
    """

    def __init__(self, frames: VideoFrames, out_dir: Optional[Union[str, Path]], draw: bool,
                 dataset_meta: Dict, inputs: Sequence[Union[str, Path]] = ()) -> None:
        self.frames, self.dataset_meta = frames, dataset_meta
        self.predictions: List[List[Dict]] = []
        self.draws = draw and out_dir is not None
        self.video_path: Optional[Path] = None
        self.json_path: Optional[Path] = None
        self._stream: Optional[ResultStream] = None
        self._video: Optional[cv2.VideoWriter] = None
        if out_dir is not None:
            self._open(_folder(out_dir), inputs)

    def _open(self, out_dir: Path, inputs: Sequence[Union[str, Path]]) -> None:
        source = self.frames.source
        stem = free_stem(
            out_dir, safe_name(self.frames.name, f'the name of {source}'), Path(source).suffix.lstrip('.'),
            source, [source, *inputs], ('.json', STREAM_SUFFIX, '.mp4'))
        self.json_path = out_dir / f'{stem}.json'
        self._stream = ResultStream(self.json_path, self._header())
        if not self.draws:
            return
        self.video_path = out_dir / f'{stem}.mp4'
        self._part = out_dir / f'.{stem}.part.mp4'
        self._video = cv2.VideoWriter(
            str(self._part), cv2.VideoWriter_fourcc(*'mp4v'), self.frames.fps, self.frames.size)
        if not self._video.isOpened():
            self._stream.stream_path.unlink(missing_ok=True)
            raise UserError(f'cannot write a video of {self.frames.size} at {self.video_path}; choose '
                            'another --out-dir')

    def add(self, drawn: Optional[np.ndarray], sample: PoseDataSample) -> None:
        """Take the next frame's result.

        Args:
            drawn (ndarray, optional): ``(H,W,3)`` uint8, BGR: the picture of the frame, if an mp4 is written.
            sample (PoseDataSample): The people in it.

        Raises:
            ResultsNotWritten: If the disk is full; the frames before are readable.
        """
        people = split_instances(sample.pred_instances) if len(sample.pred_instances) else []
        self.predictions.append(people)
        if self._stream is not None:
            try:
                self._stream.add(people)
            except UserError as error:
                raise ResultsNotWritten(str(error), self.predictions) from error
        if self._video is not None:
            self._video.write(np.ascontiguousarray(drawn))

    def close(self, partial: bool = False) -> None:
        """Finish the files.

        Args:
            partial (bool): Whether the video did not come to its end. Defaults to False.

        Raises:
            ResultsNotWritten: If the disk is full; the lines of the frames are readable.
        """
        try:
            if self._stream is not None:                  # first, as it matters more
                self._stream.close(self.predictions, partial)
        except UserError as error:
            raise ResultsNotWritten(str(error), self.predictions) from error
        finally:
            if self._video is not None:
                self._close_video()

    def _close_video(self) -> None:
        self._video.release()
        written = cv2.VideoCapture(str(self._part))       # OpenCV does not say that the disk is full
        count = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if self.predictions and count < len(self.predictions):
            MMLogger.get_current_instance().warning(
                f'{self.video_path} has {count} of {len(self.predictions)} frames: the disk is full or the '
                'codec has failed; the poses themselves are in the JSON file')
        if self._part.is_file():
            os.replace(self._part, self.video_path)

    def _header(self) -> Dict:
        keys = 'dataset_name', 'num_keypoints', 'skeleton_links'
        meta = {key: self.dataset_meta.get(key) for key in keys}
        names = self.dataset_meta.get('keypoint_id2name') or {}
        meta['keypoint_names'] = [names[index] for index in sorted(names)]
        return dict(meta_info=meta, video=dict(
            source=self.frames.source, fps=self.frames.fps, width=self.frames.size[0],
            height=self.frames.size[1]))

    def result(self) -> Dict[str, object]:
        """Return ``predictions``, and ``video`` and ``json``: the paths written, or None."""
        return dict(predictions=self.predictions, video=self.video_path and str(self.video_path),
                    json=self.json_path and str(self.json_path))


def _folder(path: Union[str, Path]) -> Path:
    """Make the folder of the results.

    Raises:
        UserError: If it is a file, or cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot make the folder "{path}" for the results ({error.strerror}); name another '
                        '--out-dir') from error
    return path
