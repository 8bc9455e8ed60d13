"""What training would take, from settings alone: parameters, FLOPs, memory, time, disk; no torch, no network."""
