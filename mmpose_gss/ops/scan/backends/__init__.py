"""Backends of the selective scan, one file each, named after it."""
