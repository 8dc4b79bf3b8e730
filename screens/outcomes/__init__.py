"""Forms drawn from JSON Schema: fields, values, drafts, the screens they stand on."""
