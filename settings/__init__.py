"""Settings that people write: TOML read into types, refused with file, line and reason, documented from the types."""
