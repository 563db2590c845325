"""Backends answer questions; they know nothing of chat platforms."""
