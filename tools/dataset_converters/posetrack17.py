"""Convert PoseTrack17 (Matlab or JSON annotations) to the files of PoseTrackVideoDataset."""
from mmpose_gss.datasets.converters import convert_posetrack17
from mmpose_gss.datasets.converters.command import converter_parser
from mmpose_gss.engine.cli import run_command


def main() -> None:
    """Convert and report."""
    parser = converter_parser(
        __doc__, 'folder with annotations/{train,val}/*.mat or *.json, and images/ or images_renamed/')
    parser.add_argument(
        '--keep-occluded', action='store_true',
        help='train on joints marked as not visible, as DetectAndTrack does')
    print(convert_posetrack17(**vars(parser.parse_args())))


if __name__ == '__main__':
    run_command(main)
