"""Lifters compared on generated and on recorded motion: files, joints, cameras, training, scores, report."""
