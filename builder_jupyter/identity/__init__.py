"""Who acts, and what they may do. No I/O."""
