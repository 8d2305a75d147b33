"""How sound travels through a city: paths, and what each does to the sound."""
