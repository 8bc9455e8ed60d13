"""What the benches share: bars with their verdicts, and rows in a CSV file that grows from run to run."""
