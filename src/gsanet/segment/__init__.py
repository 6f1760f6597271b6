"""The engine: from a clip to masks."""
