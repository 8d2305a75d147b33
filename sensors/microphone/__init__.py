"""Live sound: microphones, raw sound from standard input, and recordings played as if they were live."""
