"""What events and runs are in rows; pure."""
