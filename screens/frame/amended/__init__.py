"""What we change of Textual's screens and dialogs."""
