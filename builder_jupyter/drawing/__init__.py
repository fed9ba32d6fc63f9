"""Workflow -> what is drawn of it: the document of a canvas, the catalogue of its palette, pictures. No I/O."""
