"""Optical flow and its colour wheel."""
