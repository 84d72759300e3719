"""A Django project: a shop with a database in a file, accounts, sessions in the database, uploads and the admin."""
