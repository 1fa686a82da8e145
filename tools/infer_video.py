"""Find the poses of everybody in a video: detector, windows, poses, an mp4 with skeletons and a JSON file.

    python tools/infer_video.py VIDEO --config C --checkpoint W --detector D --out-dir O
"""
import argparse

from mmpose_gss.engine.cli import run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Poses of everybody in a video')
    parser.add_argument('video', help='video file, or folder of images')
    parser.add_argument('--config', required=True, help='config of the pose model, or its shipped base name')
    parser.add_argument('--checkpoint', required=True, help='checkpoint of the pose model')
    parser.add_argument(
        '--detector', default='whole-frame',
        help='mmdet config, folder in which a detector was trained, .json file of boxes, or whole-frame '
             '(default)')
    parser.add_argument('--detector-checkpoint', help='checkpoint of the mmdet config')
    parser.add_argument('--out-dir', default='outputs', help='folder for the results (default: outputs)')
    parser.add_argument('--device', help='torch device (default: the first GPU, or the CPU)')
    parser.add_argument('--bbox-thr', type=float, default=0.3, help='least score of a box (default: 0.3)')
    parser.add_argument('--nms-thr', type=float, default=0.3, help='overlap of boxes to drop (default: 0.3)')
    parser.add_argument('--kpt-thr', type=float, default=0.3,
                        help='least score of a drawn joint (default: 0.3)')
    parser.add_argument('--batch-size', type=int, default=8, help='windows per forward pass (default: 8)')
    parser.add_argument('--lift', choices=['posemamba'], help='lift every track to 3D')
    parser.add_argument('--lift-checkpoint', help='checkpoint of the lifting model')
    parser.add_argument('--lift-config', help='its config (default: by the checkpoint, or PoseMamba-S)')
    parser.add_argument('--no-video', action='store_true', help='write the JSON file only')
    return parser.parse_args()


def main() -> None:
    """Infer."""
    args = parse_args()
    from mmpose_gss.apis import VideoPoseInferencer  # slow to import, after the options are checked
    inferencer = VideoPoseInferencer(
        args.config, args.checkpoint, args.detector, args.detector_checkpoint, device=args.device,
        bbox_thr=args.bbox_thr, nms_thr=args.nms_thr, batch_size=args.batch_size,
        lift=args.lift, lift_checkpoint=args.lift_checkpoint, lift_config=args.lift_config)
    result = inferencer(args.video, args.out_dir, draw=not args.no_video, kpt_thr=args.kpt_thr)
    people = sum(map(len, result['predictions']))
    print(f'{len(result["predictions"])} frames, {people} poses')
    for kind in ('video', 'json'):
        if result[kind]:
            print(f'{kind}: {result[kind]}')
    if args.lift:
        files = result['files_3d']
        paths = ', '.join([files['json'], files['npz'], *files['bvh']])
        print(f'{len(result["tracks_3d"])} tracks in 3D: {paths}')


if __name__ == '__main__':
    run_command(main)
