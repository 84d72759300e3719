"""Where the server writes what happened. The access log's lines are made in the core; its file is checked here."""
