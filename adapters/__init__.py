"""Adapters speak to platforms; they know nothing of backends."""
