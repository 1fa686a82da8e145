"""Write MPI-INF-3DHP as P-STMO and MotionAGFormer publish it in the form of MMPose's annotations.

    python tools/dataset_converters/mpi_inf_3dhp_motionagformer.py data_train_3dhp.npz mpi_inf_3dhp_train.npz
    python tools/dataset_converters/mpi_inf_3dhp_motionagformer.py data_test_3dhp.npz mpi_inf_3dhp_test.npz
"""
import argparse

from mmpose_gss.datasets.converters import convert_mpi_inf_3dhp
from mmpose_gss.engine.cli import run_command


def main() -> None:
    """Convert and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='data_train_3dhp.npz or data_test_3dhp.npz')
    parser.add_argument('target', help='.npz to write')
    args = parser.parse_args()
    counts = convert_mpi_inf_3dhp(args.source, args.target)
    print(f"{args.target}: {counts['frames']} frames of {counts['sequences']} sequences")


if __name__ == '__main__':
    run_command(main)
