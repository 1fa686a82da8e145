"""Pairing predictions with ground truth: files by name, frames by id or by the number in the image name."""
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.structures.coco_format import json_files
from mmpose_gss.structures.people_table import PeopleVideo


def load_directories(gt_dir: str, pred_dir: str) -> Dict[str, Tuple[str, str]]:
    """Pair the files of ground truth and prediction by name.

    Args:
        gt_dir (str): Folder with one JSON file for each video.
        pred_dir (str): Folder with files of the same names.

    Returns:
        dict: File name → paths of ground truth and prediction, sorted by name.

    Raises:
        UserError: If a folder is missing or empty, or the files do not pair.
    """
    names = {}
    for folder in (gt_dir, pred_dir):
        if not os.path.isdir(folder):
            raise UserError(f'{folder}: no such folder; give the folder with one JSON file per video.')
        names[folder] = [path.name for path in json_files(Path(folder))]
    if not names[gt_dir]:
        raise UserError(f'{gt_dir}: holds no .json file; give the folder with one JSON file per video.')
    missing = [name for name in names[gt_dir] if name not in names[pred_dir]]
    if missing:
        raise UserError(
            f'{pred_dir}: no prediction file {missing[0]} ({len(missing)} of {len(names[gt_dir])} videos '
            'lack one); write one file for each ground-truth file, with the same name.')
    unknown = [name for name in names[pred_dir] if name not in names[gt_dir]]
    if unknown:
        raise UserError(
            f'{os.path.join(pred_dir, unknown[0])}: prediction of an unknown video, {gt_dir} has no file of '
            f'that name ({len(unknown)} such files); remove or rename it.')
    return {name: (os.path.join(gt_dir, name), os.path.join(pred_dir, name)) for name in names[gt_dir]}


def pair_frames(gt: PeopleVideo, pred: PeopleVideo, fill_missing: bool = False) -> PeopleVideo:
    """Bring the frames of a prediction into the order of the ground truth.

    Frames are paired by frame id, or by the number in the image name where the ids of the two files have
    nothing to do with each other. The public evaluator pairs by position in the list; where that would
    pair differently a note says so.

    Args:
        gt (PeopleVideo): Ground truth of the video.
        pred (PeopleVideo): Prediction.
        fill_missing (bool): A frame that the prediction lacks counts as a frame without people; otherwise
            it is an error. Defaults to False.

    Returns:
        PeopleVideo: ``pred`` with the ids and frame indices of ``gt``.

    Raises:
        UserError: If the numbers of frames differ or frames cannot be paired.
    """
    if pred.num_frames != gt.num_frames and not fill_missing:
        raise UserError(
            f'{pred.source}: {pred.num_frames} frames in "images", but {gt.num_frames} in the ground truth '
            f'{gt.source}; list every frame of the video, also those in which nobody was found.')
    gt_keys, pred_keys = _common_keys(gt, pred)
    place = {key: i for i, key in enumerate(gt_keys)}
    unknown = [key for key in pred_keys if key not in place]
    if unknown:
        raise UserError(
            f'{pred.source}: frame id {unknown[0]} is not in the ground truth {gt.source} ({len(unknown)} '
            'such frames); give "images" the ids or the file names of the ground truth.')
    for source, keys in ((gt.source, gt_keys), (pred.source, pred_keys)):
        if len(set(keys)) != len(keys):
            double = next(key for i, key in enumerate(keys) if key in keys[:i])
            raise UserError(
                f'{source}: frame id {double} stands more than once in "images"; list every frame once.')
    target = np.array([place[key] for key in pred_keys], dtype=np.int64)
    notes = pred.notes
    if len(target) > 1 and (np.diff(target) < 0).any():
        notes += (f'{pred.source}: its frames are listed in another order than in {gt.source}; they were '
                  'paired by frame id, where the public evaluator would pair them by position.', )
    people = pred.people
    if len(people):
        people = replace(people, frame=target[people.frame])
        people = people.rows(np.argsort(people.frame, kind='stable'))    # people of a frame in file order
    return replace(pred, keys=list(gt.keys), file_names=list(gt.file_names), people=people, notes=notes,
                   regions=[None] * gt.num_frames)


def _common_keys(gt: PeopleVideo, pred: PeopleVideo) -> Tuple[List[int], List[int]]:
    """Choose what pairs frames: ids, else numbers in image names, else those counted from the first."""
    choices = [(gt.keys, pred.keys)]
    if None not in gt.numbers and None not in pred.numbers:
        choices.append((gt.numbers, pred.numbers))
        choices.append(tuple([number - video.first_number for number in video.numbers]
                             for video in (gt, pred)))
    return next((keys for keys in choices if set(keys[1]) <= set(keys[0])), choices[0])
