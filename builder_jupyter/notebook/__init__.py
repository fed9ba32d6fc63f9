"""The notebook surface: how workflows and runs are shown and commanded in cells."""
