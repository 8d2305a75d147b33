"""What located shots look like outside: JSON lines, GeoJSON, a table for people."""
