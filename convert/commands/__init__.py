"""The commands that load nothing heavy until they are run: their options, their start."""
