"""The benchmark of longma: it compares servers on one machine in one run, and counts instructions."""
