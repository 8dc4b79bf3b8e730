"""The baseline of the console's figures: the least application Textual can run."""

from __future__ import annotations

from textual.app import App


class MinimalApp(App[None]):
    """One empty screen."""


if __name__ == "__main__":
    MinimalApp().run()
