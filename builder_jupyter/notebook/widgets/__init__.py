"""Widgets of the notebook: views over workflows and their runs. Importing them imports ipywidgets."""
