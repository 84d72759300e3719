"""Not an application: importing it fails, as a mistake in a user's code would."""

from __future__ import annotations

raise RuntimeError("this module does not load")
