"""Subject rights, retention, audit viewer."""
