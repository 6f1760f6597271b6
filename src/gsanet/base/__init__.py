"""What every room may use and which uses none of them: errors, the version, devices, settings, files written whole."""
