"""What people do to runs while they are worked: verbs, checked before they are written down."""
