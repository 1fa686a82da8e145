"""The results of a video as files: a stream of lines while it runs, one JSON file when it is done.

```
name.json               the whole result, or what there was when the run ended early ("partial": true)
name.partial.jsonl      while it runs: a line with "meta_info", "video" and "partial": true, then one a frame
```
"""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any, Dict, List, Optional, Sequence, Union

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.whole_file import cannot_write, whole_file

STREAM_SUFFIX = '.partial.jsonl'


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f'{type(value).__name__} cannot be written as JSON')


class ResultStream:
    """Results of frames, each on the disk as soon as it is known.

    Args:
        path (str | Path): The JSON file; the stream lies beside it.
        header (dict): ``meta_info`` and ``video``.

    Attributes:
        stream_path (Path): The file of lines.

    Raises:
        UserError: If it cannot be written.
    """

    def __init__(self, path: Union[str, Path], header: Dict[str, Any]) -> None:
        self.path, self.header = Path(path), header
        self.stream_path = self.path.with_suffix(STREAM_SUFFIX)
        self._frames = 0
        with whole_file(self.stream_path) as file:     # so that a stream always has its first line
            file.write(json.dumps(dict(header, partial=True), default=_plain) + '\n')
        try:
            self._file: IO[str] = open(self.stream_path, 'a', encoding='utf-8')
        except OSError as error:
            raise cannot_write(self.stream_path, error) from error

    def add(self, people: List[dict]) -> None:
        """Write the people of the next frame.

        Args:
            people (list[dict]): Each with ``keypoints``, ``keypoint_scores``, ``bbox``, ``bbox_score``.

        Raises:
            UserError: If the disk is full; the frames before stay readable.
        """
        self._write(dict(frame_id=self._frames, instances=people))
        self._frames += 1

    def _write(self, entry: dict) -> None:
        try:
            self._file.write(json.dumps(entry, default=_plain) + '\n')
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.stream_path, error) from error

    def close(self, predictions: Sequence[List[dict]], partial: bool) -> None:
        """Write the JSON file; only then does the stream go.

        Args:
            predictions (Sequence[list[dict]]): The people of every frame.
            partial (bool): Whether the run ended early.

        Raises:
            UserError: If the disk is full; the stream stays.
        """
        try:
            self._file.close()
        except OSError:                        # a line that did not fit; the JSON file says the same again
            pass
        video = dict(self.header['video'], num_frames=len(predictions))
        content = dict(self.header, video=video, partial=partial, instance_info=[
            dict(frame_id=index, instances=people) for index, people in enumerate(predictions)])
        with whole_file(self.path) as file:
            json.dump(content, file, default=_plain)
        self.stream_path.unlink(missing_ok=True)


def read_results(path: Union[str, Path]) -> Dict[str, Any]:
    """Read what a run over a video has written, also one that was killed.

    Args:
        path (str | Path): The JSON file, or the stream of lines that a killed run leaves.

    Returns:
        dict: ``meta_info``, ``video``, ``partial`` and ``instance_info``, every frame that was finished.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is neither.
    """
    path = Path(path)
    if not path.name.endswith(STREAM_SUFFIX):
        return read_json(path)
    lines = path.read_bytes().split(b'\n')     # what stands after the last line's end was cut short
    try:
        header, *frames = [json.loads(line) for line in lines[:-1]]
        video = dict(header['video'], num_frames=len(frames))
        return dict(header, video=video, instance_info=frames)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f'"{path}" holds no results of a video ({type(error).__name__}: {str(error)[:200]}); '
                        'run tools/infer_video.py again.') from error


def free_stem(out_dir: Path, name: str, suffix: str, source: Optional[str],
              inputs: Sequence[Union[str, Path]], suffixes: Sequence[str]) -> str:
    """Choose the stem of the results' files, so that they replace neither an input nor another's results.

    Args:
        out_dir (Path): Folder of the results.
        name (str): Name of the video, without ending.
        suffix (str): Its ending, without dot; may be empty.
        source (str, optional): Path of the video; results of the same one may be replaced.
        inputs (Sequence[str | Path]): Files that are read.
        suffixes (Sequence[str]): Endings of the files to be written.

    Returns:
        str: ``name``, or else ``name_suffix``, or else ``name_poses``.

    Raises:
        UserError: If all of them are taken.
    """
    stems = [name, *([f'{name}_{suffix}'] if suffix else []), f'{name}_poses']
    for stem in stems:
        targets = [out_dir / f'{stem}{ending}' for ending in suffixes]
        present = [target for target in targets if os.path.lexists(target)]
        if not present or (not _is_input(present, inputs) and _results_of(out_dir / stem, source)):
            return stem
    raise UserError(f'"{out_dir}" holds files named {", ".join(stems)} that are inputs or results of other '
                    'videos; name another folder for the results.')


def _is_input(targets: Sequence[Path], inputs: Sequence[Union[str, Path]]) -> bool:
    """Tell whether a file to be written is one that is read, by whatever name (hard and symbolic links)."""
    return any(os.path.exists(target) and os.path.exists(given) and os.path.samefile(target, given)
               for target in targets for given in inputs)


def _results_of(stem: Path, source: Optional[str]) -> bool:
    for path in (stem.with_name(f'{stem.name}.json'), stem.with_name(f'{stem.name}{STREAM_SUFFIX}')):
        try:
            video = read_results(path)['video']
            return source is not None and os.path.abspath(video['source']) == os.path.abspath(source)
        except (OSError, UserError, TypeError, KeyError):
            continue
    return False
