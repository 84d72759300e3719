"""What the tests are written with: the running server, a raw client, /proc, gates, the sources as data."""
