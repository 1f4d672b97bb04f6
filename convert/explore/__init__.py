"""The exploratory report: what a table says about one of its columns."""

from convert.explore.command import add_parser

__all__ = ["add_parser"]
