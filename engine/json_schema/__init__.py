"""JSON Schema as forms, inputs and parameters use it: closed, bounded, with faults in words."""
