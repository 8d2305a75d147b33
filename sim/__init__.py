"""Synthetic gunfire: scenarios, sources, propagation, rendering, replay."""
