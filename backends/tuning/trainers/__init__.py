"""Trainers: one contract (`base`), a module each."""
