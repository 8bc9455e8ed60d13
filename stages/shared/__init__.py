"""What every stage may use: settings, records, seeds, the encoder. Nothing here belongs to one stage."""
