"""Services, the taxonomy of needs, translations of data."""
