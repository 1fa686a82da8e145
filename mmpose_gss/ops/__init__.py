"""Operators of state space models; needs torch only."""
