"""Hosts unlike `tests.settings`, whose tests the same ones are."""
