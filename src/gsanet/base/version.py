"""The version, where every room can read it without importing the package's top."""

__version__ = "0.2.0.dev0"
