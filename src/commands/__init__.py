"""The commands of the command line, a file for each group; ``src.cli`` puts them together."""
