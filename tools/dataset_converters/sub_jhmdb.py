"""Convert Sub-JHMDB to the files of SubJHMDBVideoDataset."""
import argparse
import sys

from mmpose_gss.datasets.converters import convert_sub_jhmdb


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', help='folder with joint_positions/, puppet_mask/, sub_splits/ and Rename_Images/')
    parser.add_argument('out', help='folder for the converted annotations and a link to the images')
    parser.add_argument('--overwrite', action='store_true', help='convert again what has been converted')
    args = parser.parse_args()
    try:
        report = convert_sub_jhmdb(args.source, args.out, args.overwrite)
    except (FileNotFoundError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(report)
    return 0


if __name__ == '__main__':
    sys.exit(main())
