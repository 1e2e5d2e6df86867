"""The yardstick: a Django project as the tutorial leaves it."""
