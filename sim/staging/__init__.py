"""From a scenario file to a world that can be heard."""
