"""Pictures of located shots: the map, the record section, the residuals."""
