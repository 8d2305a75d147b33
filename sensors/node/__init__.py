"""The daemon: configuration, the listening loop, heartbeats, health, watchdog, check and status."""
