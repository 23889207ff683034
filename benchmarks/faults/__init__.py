"""A campaign of faults: what a run loses when processes, disks, memory and clocks fail."""
