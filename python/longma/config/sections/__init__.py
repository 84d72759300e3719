"""The table of settings, a module a section. Names, flags and defaults that Gunicorn has are Gunicorn's."""
