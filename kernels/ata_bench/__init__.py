"""How fast ATA pooling is and how much memory it takes, beside its peers: `python -m ata_bench`, or `make bench-ata`.

Nothing is timed before it has been checked against a float64 definition in the same run. Each figure is a ratio to a
peer measured in turn with it, or to a floor counted from the operations and the rates of this machine.
"""
