"""Decoding and encoding video."""
