"""Contacts, needs, answers, appointments."""
