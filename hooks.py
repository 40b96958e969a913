def post_init_hook(env):
    """Have the companies that there are find a draft credit note for each receipt.

    Companies made later choose it in the settings: Odoo's own way is the default, on
    which its other addons, and their tests, count.
    """
    companies = env["res.company"].search([("return_credit_policy", "=", "none")])
    companies.return_credit_policy = "draft"


def uninstall_hook(env):
    """Keep the audit journal: the law asks for its conservation, not the addon's.

    It stays in the database under another name, still guarded, and a later
    installation goes on with it (``audit.entry._auto_init``).
    """
    env.cr.flush()
    env.registry.avoir_audit_is_off = True
    env.cr.execute(
        """
        ALTER TABLE audit_entry
            DROP CONSTRAINT IF EXISTS audit_entry_company_id_fkey,
            DROP CONSTRAINT IF EXISTS audit_entry_user_id_fkey;
        ALTER TABLE audit_entry RENAME TO audit_entry_kept;
        """
    )
