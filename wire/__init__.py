"""What passes between processes: messages and their times."""
