"""The ground: places and local frames."""
