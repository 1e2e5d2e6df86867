"""People, households, contact points, consents."""
