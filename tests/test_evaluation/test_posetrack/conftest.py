"""Lets the tests here import their helpers, ``plain_posetrack`` and ``made_videos``."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
