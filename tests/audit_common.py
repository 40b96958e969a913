from .common import AvoirCommon


class AuditCommon(AvoirCommon):
    """What tests of the audit journal share."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._invoice([(5, 100.0, cls.vat20)])
        cls.auditor = cls._new_user("auditor", "avoir.group_auditor")
        cls.manager = cls._new_user("boss", "account.group_account_manager")
        cls.biller = cls._new_user("biller", "account.group_account_invoice")
        cls.journal = cls.env["audit.entry"]
        cls.env.cr.flush()

    def _entries(self, record=None, company=None):
        """Write what is pending and return the entries, the oldest first."""
        self.env.cr.flush()
        self.env.invalidate_all()
        domain = [("company_id", "=", (company or self.company).id)]
        if record is not None:
            domain += [("res_model", "=", record._name), ("res_id", "in", record.ids)]
        return self.journal.search(domain, order="number")

    def _three(self):
        """Make some entries and return those of the company."""
        for _number in range(3):
            self._credit(self.invoice, (0, 1.0))
            self.env.cr.flush()
        return self._entries()

    def _state(self, company=None):
        return self.journal._check_chains(company or self.company)[0]
