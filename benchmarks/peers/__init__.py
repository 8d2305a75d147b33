"""What others offer for the same jobs, each in an environment of its own, run on the same data in the same command."""
