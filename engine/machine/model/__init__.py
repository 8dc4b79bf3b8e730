"""What the machine works on: state, inputs, effects, the flow as lists of steps, and their JSON."""
