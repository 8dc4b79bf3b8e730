"""What starts runs by itself: moments of a calendar, files that appear."""
