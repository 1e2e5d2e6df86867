"""Subject rights, retention, audit viewer, reporting."""
