"""Convert Sub-JHMDB to the files of SubJHMDBVideoDataset."""
from mmpose_gss.datasets.converters import convert_sub_jhmdb
from mmpose_gss.datasets.converters.command import converter_parser
from mmpose_gss.engine.cli import run_command


def main() -> None:
    """Convert and report."""
    parser = converter_parser(
        __doc__, 'folder with joint_positions/, puppet_mask/, sub_splits/ and Rename_Images/')
    print(convert_sub_jhmdb(**vars(parser.parse_args())))


if __name__ == '__main__':
    run_command(main)
