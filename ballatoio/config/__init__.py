"""Settings, site map, gate: how the house is put together."""
