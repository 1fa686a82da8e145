"""Does a window of frames pay? Necks on one frozen encoder, on generated clips, row by row."""
