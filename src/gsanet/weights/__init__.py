"""Weights on disk: our own files, published checkpoints, ImageNet, and the trained ones of the package."""
