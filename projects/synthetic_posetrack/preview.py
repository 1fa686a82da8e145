"""Draw a contact sheet of a generated set: ``python preview.py data/synthetic sheet.jpg``."""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2  # noqa: E402
from synthetic_posetrack.cli import whole_number  # noqa: E402
from synthetic_posetrack.preview import contact_sheet  # noqa: E402


def main(argv=None):
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.split(':')[0])
    parser.add_argument('root', type=Path, help='generated set')
    parser.add_argument('output', type=Path, help='picture to write (.jpg or .png)')
    parser.add_argument('--columns', type=whole_number(1, 20), default=4)
    parser.add_argument('--rows', type=whole_number(1, 20), default=3)
    parser.add_argument('--labels', choices=('none', 'half', 'all'), default='half')
    parser.add_argument('--width', type=whole_number(64, 2000), default=320,
                        help='of each picture, in pixels')
    args = parser.parse_args(argv)
    if args.output.suffix.lower() not in ('.jpg', '.jpeg', '.png'):
        parser.error(f'{args.output}: name a .jpg or .png file')
    try:
        sheet = contact_sheet(args.root, args.columns, args.rows, args.labels, args.width)
        code = cv2.imencode(args.output.suffix.lower(), sheet, [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
        args.output.write_bytes(code.tobytes())
    except OSError as error:
        sys.exit(f'error: {error}')
    print(args.output)


if __name__ == '__main__':
    main()
