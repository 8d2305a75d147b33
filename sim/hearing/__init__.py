"""What a sensor adds: background, wind, microphone, converter, clock."""
