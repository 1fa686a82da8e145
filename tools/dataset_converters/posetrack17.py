"""Convert PoseTrack17 (Matlab or JSON annotations) to the files of PoseTrackVideoDataset."""
import argparse
import sys

from mmpose_gss.datasets.converters import convert_posetrack17


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', help='folder with annotations/{train,val}/*.mat or *.json, and images/ or images_renamed/')
    parser.add_argument('out', help='folder for the converted annotations and a link to the images')
    parser.add_argument('--overwrite', action='store_true', help='convert again what has been converted')
    parser.add_argument(
        '--keep-occluded', action='store_true',
        help='train on joints marked as not visible, as DetectAndTrack does')
    args = parser.parse_args()
    try:
        report = convert_posetrack17(args.source, args.out, args.overwrite, args.keep_occluded)
    except (FileNotFoundError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(report)
    return 0


if __name__ == '__main__':
    sys.exit(main())
