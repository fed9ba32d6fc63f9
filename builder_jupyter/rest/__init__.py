"""The HTTP surface: Tornado handlers over the services. No logic, no SQL."""
