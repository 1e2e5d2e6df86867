"""Users, memberships, sign-in, access codes."""
