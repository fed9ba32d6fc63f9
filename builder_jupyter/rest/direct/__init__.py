"""The direct API of Builder Studio. Errors are ``{"error": text}``."""
