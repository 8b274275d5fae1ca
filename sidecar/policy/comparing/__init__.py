"""What a policy, or a change of one, does: explained, tabled, compared, and judged again."""
