"""What video poses are made of: skeletons, windows, boxes, tables of people, file formats. NumPy only."""
