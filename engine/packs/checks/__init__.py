"""What must hold in a pack, told with file, line and field."""
