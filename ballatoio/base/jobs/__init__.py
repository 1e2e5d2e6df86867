"""Due work, drafts, double submits."""
