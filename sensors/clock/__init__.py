"""The time of samples: sample counter to monotonic clock to UTC, with its uncertainty; and the place, by GPS."""
