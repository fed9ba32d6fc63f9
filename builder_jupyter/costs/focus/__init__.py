"""FOCUS, the layout that billing data of all vendors has in common: its columns, and what may be in them.

Source: FinOps Open Cost and Usage Specification 1.0 to 1.4, dataset Cost and Usage.
"""
