"""Loading the frames of a window."""
from __future__ import annotations

from collections import OrderedDict
from typing import List, Optional, Sequence, Tuple

import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import BaseTransform

from mmpose_gss.errors import UserError
from mmpose_gss.registry import TRANSFORMS
from mmpose_gss.structures.image_file import check_image_is_whole


@TRANSFORMS.register_module()
class LoadClip(BaseTransform):
    """Load the T frames of a window, each distinct one once.

    Decoded frames stay in a small cache (least recently used), as the persons of a frame, and the windows of
    neighbouring frames, share them. Cached frames are read-only arrays.

    Required Keys (one of):

    - img_paths: T paths in time order
    - img: T arrays ``(H, W, 3)`` in time order, or one array, which is repeated
    - img_path: one path, whose image is repeated (single images, e.g. of COCO)

    Added Keys:

    - img: list of T arrays ``(H, W, 3)``, uint8, BGR, in time order
    - key_index, img_path, img_shape, ori_shape: of the key frame

    Args:
        num_frames (int): T for a single image. An odd number. Defaults to 5.
        cache_size (int): Number of decoded frames to keep in each process; 0 keeps none. Defaults to 16.
        missing (str): ``'error'``: a missing frame is an error; ``'nearest'``: a missing support frame is
            replaced by its nearest neighbour towards the key frame. Defaults to ``'error'``.
        color_type (str): As in mmcv's LoadImageFromFile.
        imdecode_backend (str): As in mmcv's LoadImageFromFile.
        backend_args (dict, optional): As in mmcv's LoadImageFromFile.

    Raises:
        FileNotFoundError: If a frame is missing.
        UserError: If a frame is cut short or is no image, frames differ in size, or their number is even.
    """

    def __init__(self,
                 num_frames: int = 5,
                 cache_size: int = 16,
                 missing: str = 'error',
                 color_type: str = 'color',
                 imdecode_backend: str = 'cv2',
                 backend_args: Optional[dict] = None) -> None:
        if num_frames < 1 or num_frames % 2 == 0:
            raise UserError(f'LoadClip got num_frames={num_frames}, but a window needs an odd number.')
        if missing not in ('error', 'nearest'):
            raise UserError(f'LoadClip got missing="{missing}"; choose "error" or "nearest".')
        self.num_frames = num_frames
        self.cache_size = cache_size
        self.missing = missing
        self.color_type = color_type
        self.imdecode_backend = imdecode_backend
        self.backend_args = backend_args
        self.num_decoded = 0
        self._cache: OrderedDict = OrderedDict()

    def transform(self, results: dict) -> dict:
        """Load the window.

        Args:
            results (dict): The sample.

        Returns:
            dict: The sample with its frames.
        """
        frames, paths = self._frames(results)
        key = results.setdefault('key_index', len(frames) // 2)
        if len(frames) % 2 == 0:
            raise UserError(
                f'A window needs an odd number of frames, but "img" or "img_paths" has {len(frames)}.')
        shape = frames[key].shape[:2]
        for frame, path in zip(frames, paths):
            if frame.shape[:2] != shape:
                raise UserError(
                    f'Frame "{path}" has {frame.shape[1]}x{frame.shape[0]} pixels, but key frame '
                    f'"{paths[key]}" has {shape[1]}x{shape[0]}; all frames of a clip need one size.')
        results['img'] = frames
        results['img_path'] = paths[key]
        results['img_shape'] = shape
        results['ori_shape'] = shape
        return results

    def _frames(self, results: dict) -> Tuple[List[np.ndarray], List[Optional[str]]]:
        """Give the frames and, for messages, their paths."""
        given = results.get('img')
        if given is not None:
            frames = list(given) if isinstance(given, (list, tuple)) else [given] * self.num_frames
            if not frames:
                raise UserError('A window needs at least one frame, but "img" is an empty list.')
            return frames, results.get('img_paths') or [results.get('img_path')] * len(frames)
        if results.get('img_paths'):
            paths = list(results['img_paths'])
            if self.missing == 'nearest':
                paths = self._without_missing(paths, results.get('key_index', len(paths) // 2))
        else:
            paths = [results['img_path']] * self.num_frames
        # A window's own frames must not push each other out of the cache.
        window = {path: None for path in paths}
        for path in window:
            window[path] = self._load(path)
        return [window[path] for path in paths], paths

    def _without_missing(self, paths: Sequence[str], key: int) -> List[str]:
        paths = list(paths)
        for side in (range(key - 1, -1, -1), range(key + 1, len(paths))):
            for i in side:
                if not fileio.exists(paths[i], backend_args=self.backend_args):
                    paths[i] = paths[i + 1] if i < key else paths[i - 1]
        return paths

    def _load(self, path: str) -> np.ndarray:
        if path in self._cache:
            self._cache.move_to_end(path)
            return self._cache[path]
        frame = self._decode(path)
        if self.cache_size:
            self._cache[path] = frame
            if len(self._cache) > self.cache_size:
                self._cache.popitem(last=False)
        return frame

    def _decode(self, path: str) -> np.ndarray:
        try:
            data = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'Frame "{path}" is missing; check data_root and data_prefix, unpack the images, or let '
                'LoadClip(missing="nearest") stand in for missing support frames.') from error
        check_image_is_whole(data, path)
        try:
            frame = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:  # the backends raise errors of their own kinds
            raise UserError(f'Frame "{path}" is no readable image ({error}); copy it again.') from error
        if frame is None:
            raise UserError(f'Frame "{path}" is no readable image; copy it again.')
        frame.flags.writeable = False
        self.num_decoded += 1
        return frame

    def __getstate__(self) -> dict:
        """State without the cached frames, so that copies and worker processes start small."""
        return {**self.__dict__, '_cache': OrderedDict()}

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_frames={self.num_frames}, cache_size={self.cache_size}, '
                f'missing="{self.missing}")')
