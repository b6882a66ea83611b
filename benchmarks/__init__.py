"""What the server does under load on this machine, beside a yardstick: `scripts/bench`, explained in docs/benchmarks.md.

`rig` starts what a workload needs (PostgreSQL, server, receiver, load), `workloads` has one module for each question.
"""
