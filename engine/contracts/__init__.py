"""Data that crosses a boundary of the engine: pydantic, frozen, documented, serializable."""
