"""How PostgreSQL keeps the audit journal: triggers on its table and on its ends."""

# Exactly what the function has to be: emptied, it would refuse nothing, unseen.
REFUSE = """
BEGIN
    RAISE EXCEPTION 'the audit journal only grows: % of % is refused',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
"""
TRIGGERS = ("audit_entry_refuse", "audit_entry_end_refuse", "audit_entry_end_grows")
# ``ENABLE ALWAYS``: a session that plays a replica is refused too.
SETUP = f"""
    CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger
        AS $${REFUSE}$$ LANGUAGE plpgsql;
    CREATE TABLE IF NOT EXISTS audit_entry_end (
        company_id integer PRIMARY KEY,
        number integer NOT NULL,
        hash varchar NOT NULL
    );
    CREATE OR REPLACE TRIGGER audit_entry_refuse
        BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse();
    CREATE OR REPLACE TRIGGER audit_entry_end_refuse
        BEFORE DELETE OR TRUNCATE ON audit_entry_end
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse();
    CREATE OR REPLACE TRIGGER audit_entry_end_grows
        BEFORE UPDATE ON audit_entry_end FOR EACH ROW
        WHEN (NEW.number <= OLD.number OR NEW.company_id <> OLD.company_id)
        EXECUTE FUNCTION audit_entry_refuse();
    ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_refuse;
    ALTER TABLE audit_entry_end ENABLE ALWAYS TRIGGER audit_entry_end_refuse;
    ALTER TABLE audit_entry_end ENABLE ALWAYS TRIGGER audit_entry_end_grows;
"""
# How many of the triggers stand, each as it was set up, and how many should.
STANDING = """
    SELECT count(*)
      FROM pg_trigger t
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgname IN %s AND t.tgenabled = 'A' AND p.prosrc = %s
       AND t.tgrelid IN (
           to_regclass('audit_entry'), to_regclass('audit_entry_end'))
"""
