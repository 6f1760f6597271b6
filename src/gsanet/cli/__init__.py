"""Command line: parse, call one function, print. Nothing heavy is imported until a command runs."""
