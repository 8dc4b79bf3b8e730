"""How each step type starts and goes on; one file per type, all behind `engine.machine.table`."""
