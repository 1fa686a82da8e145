"""What a conversion found, and how it compares with what is known of the data set."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, List, Mapping

COUNTED = ('videos', 'frames', 'labelled frames', 'persons', 'persons without joints', 'joints')


@dataclass
class Report:
    """Counts per split.

    Args:
        name (str): Name of the data set.
        known (Mapping): Split → count → the known number, e.g. ``{'val': {'videos': 50}}``. The split
            ``'all'`` is the sum over splits.
    """

    name: str
    known: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    counts: Dict[str, Counter] = field(default_factory=dict)
    skipped: Dict[str, Counter] = field(default_factory=dict)
    label_versions: Dict[str, str] = field(default_factory=dict)
    reused: int = 0

    def add(self, split: str, video: dict, skipped: Mapping[str, int]) -> None:
        """Count one video.

        Args:
            split (str): Its split.
            video (dict): Its ``images`` and ``annotations``.
            skipped (Mapping[str, int]): Reason → number of things left out.
        """
        counts = self.counts.setdefault(split, Counter())
        counts['videos'] += 1
        counts['frames'] += len(video['images'])
        counts['labelled frames'] += sum(bool(image['is_labeled']) for image in video['images'])
        for ann in video['annotations']:
            counts['persons'] += 1
            counts['joints'] += ann['num_keypoints']
            counts['persons without joints'] += ann['num_keypoints'] == 0
        self.skipped.setdefault(split, Counter()).update(skipped)

    def warnings(self) -> List[str]:
        """List the differences from the known numbers, one sentence each."""
        total: Counter = Counter()
        for counts in self.counts.values():
            total.update(counts)
        found = {**self.counts, 'all': total}
        sentences = []
        for split, numbers in self.known.items():
            if split != 'all' and split not in self.counts:
                sentences.append(f'{self.name}: split "{split}" was not found.')
                continue
            for what, number in numbers.items():
                if found[split][what] != number:
                    where = 'all splits' if split == 'all' else f'"{split}"'
                    sentences.append(
                        f'{self.name}: {found[split][what]:,} {what} in {where}, but {number:,} are known.')
        return sentences

    def __str__(self) -> str:
        lines = [f'{self.name}: what was converted']
        for split, counts in self.counts.items():
            version = self.label_versions.get(split)
            lines.append(f'  {split}' + (f' (labels {version})' if version else ''))
            lines += [f'    {counts[what]:>9,} {what}' for what in COUNTED]
            skipped = sorted(self.skipped[split].items())
            lines += [f'    {number:>9,} skipped: {why}' for why, number in skipped]
        if self.reused:
            lines.append(f'  {self.reused} videos were already converted and kept.')
        lines += [f'  WARNING: {sentence}' for sentence in self.warnings()]
        if self.known and not self.warnings():
            lines.append('  All numbers are as known.')
        return '\n'.join(lines)
