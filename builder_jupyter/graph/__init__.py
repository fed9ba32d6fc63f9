"""What a workflow is: frozen values and pure functions over them. No I/O, no execution."""
