"""From a uWSGI ini file to the `longma.conf.py` that does the same: `python -m longma.migrate uwsgi.ini`.

A tool beside the server, which never imports it. What uWSGI does with a file is in `ini` and `expand`, what each option
becomes in the tables of `direct` and `remarks` and, where several options make one setting, in a module of their own.
"""
