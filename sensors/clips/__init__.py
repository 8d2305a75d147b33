"""Clips: the short memory of sound, the stretch around a pulse, and the filter that keeps speech out of it."""
