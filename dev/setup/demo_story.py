"""The story that ./dev/demo tells: what is posted, what becomes of it, the table."""

# Role, login, password: printed at the end. `run` makes those that are missing.
USERS = [("Administrator", "admin", "admin")]


def run(context):
    """Do the main job of avoir on real input and print what became of it.

    Called at every ./dev/demo, with the server running; what was done before must
    not be done twice. `context` has:

    base_url   where the server answers, e.g. http://localhost:8069
    database   the name of the demonstration's database
    fresh      True when the database has just been made
    shell(code)  run Python in `odoo shell` (`env` is there; commit it): what it prints
    runtime    command(*arguments), environment(): how to start Odoo beside the server
    databases  server.query(sql, database): rows of text, for reading
    """
