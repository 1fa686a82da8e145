"""Tiny 2D systems on hand-labelled video: windows, encoder, systems, scores, report."""
