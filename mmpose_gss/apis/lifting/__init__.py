"""From 2D tracks to 3D: joints, gaps, windows, files and pictures."""
from mmpose_gss.apis.lifting.bvh import write_bvh
from mmpose_gss.apis.lifting.export import write_json, write_npz, write_tracks
from mmpose_gss.apis.lifting.joints import H36M_JOINTS, to_h36m
from mmpose_gss.apis.lifting.lifter import LiftedTrack, Lifter
from mmpose_gss.apis.lifting.tracks import Track, associate, fill_gaps
from mmpose_gss.apis.lifting.video import build_lifter, lift_video
from mmpose_gss.visualization.lifting import draw_side_by_side, draw_view, render_video

__all__ = [
    'H36M_JOINTS', 'LiftedTrack', 'Lifter', 'Track', 'associate', 'build_lifter', 'draw_side_by_side',
    'draw_view', 'fill_gaps', 'lift_video', 'render_video', 'to_h36m', 'write_bvh', 'write_json', 'write_npz',
    'write_tracks'
]
