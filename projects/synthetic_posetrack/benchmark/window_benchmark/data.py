"""Everything that the rows share, made once: clips, the frozen encoder, features of three sets."""
from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Callable, Dict

from window_benchmark import encoder as encoders
from window_benchmark.files import digest, whole
from window_benchmark.settings import CODEC, OFFSETS, SET_SEEDS, Settings
from window_benchmark.windows import Windows, draw_clips, encode, load_windows, packed_windows

#: Sets whose features are kept, and where their key frames are named in the settings.
ENCODED = dict(neck='train_keys', validation='test_keys', test='test_keys')


class Data:
    """The shared part of a benchmark in a folder.

    Args:
        work_dir (Path): Folder of all benchmarks; the settings have a folder of their own in it.
        settings (Settings): Sizes.
        log (Callable): Takes lines about what is going on.
    """

    def __init__(self, work_dir: Path, settings: Settings, log: Callable[[str], None]) -> None:
        self.settings, self.log = settings, log
        shared = {key: value for key, value in asdict(settings).items()
                  if key not in ('name', 'iterations', 'still_seeds')}
        drawn = {key: shared[key] for key in ('clips', 'frames', 'fps', 'people', 'difficulty')}
        self._clips = work_dir / f'{settings.name}-clips-{digest([drawn, SET_SEEDS])}'
        self.fingerprint = digest([shared, SET_SEEDS, CODEC, OFFSETS, encoders.ENCODER])
        self.folder = work_dir / f'{settings.name}-{self.fingerprint}'
        self.encoder_path = self.folder / 'encoder.pth'
        self._sets: Dict[str, Windows] = {}

    def prepare(self) -> None:
        """Make what is not there yet."""
        if not self.encoder_path.is_file():
            self.log(f'drawing {self.settings.clips["encoder"]} clips and training the encoder on them')
            encoders.train(self.clips('encoder'), self.settings, self.encoder_path, self.log)
        for name in ENCODED:
            self.windows(name)

    def clips(self, name: str) -> Path:
        """Folder with the clips of a set, drawn if need be."""
        return draw_clips(self._clips, self.settings, name)

    def windows(self, name: str) -> Windows:
        """Encoded windows of the sets ``neck``, ``validation`` or ``test``."""
        if name not in self._sets:
            folder = self.folder / 'features' / name
            if not folder.is_dir():
                self.log(f'drawing and encoding the windows of the set {name}')
                keys = getattr(self.settings, ENCODED[name])
                augment = self.settings.augment if name == 'neck' else 0
                packed = packed_windows(self.clips(name), keys, augment)
                with whole(folder) as partial:
                    encode(packed, encoders.load_encoder(self.encoder_path), partial)
            self._sets[name] = load_windows(folder)
            self.log(f'{len(self._sets[name])} windows in the set {name}')
        return self._sets[name]
