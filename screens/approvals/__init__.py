"""Approvals: the inbox, the card of what exactly will happen, the dialogs of a decision."""
