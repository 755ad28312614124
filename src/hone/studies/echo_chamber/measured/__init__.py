"""What the study measures of responses and of runs."""
