"""Convert PoseTrack18 (labels v0.2 or v0.45) to the files of PoseTrackVideoDataset."""
from mmpose_gss.datasets.converters import convert_posetrack18
from mmpose_gss.datasets.converters.command import converter_parser
from mmpose_gss.engine.cli import run_command


def main() -> None:
    """Convert and report."""
    parser = converter_parser(__doc__, 'folder with annotations/{train,val}/*.json and images/')
    print(convert_posetrack18(**vars(parser.parse_args())))


if __name__ == '__main__':
    run_command(main)
