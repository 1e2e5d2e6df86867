"""The demo: two labs, their people and a year of desk life."""
