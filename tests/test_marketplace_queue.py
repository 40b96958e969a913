from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install", "-standard", "avoir_extra")
class TestMarketplaceQueue(TransactionCase):
    """With OCA's ``queue_job``, which is no dependency: ./dev/test-extra."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = cls.env["queue.job"].sudo()

    def left(self, model, method):
        before = self.jobs.search([])
        self.env[model].with_context(cron_id=1)._leave_to_queue(method)
        return self.jobs.search([]) - before

    def test_the_cron_leaves_its_work_to_the_queue(self):
        for model, method in (
            ("marketplace.message", "_cron_read"),
            ("marketplace.return", "_cron_process"),
            ("marketplace.process", "_cron_send"),
        ):
            before = self.jobs.search([])
            getattr(self.env[model], method)()
            job = self.jobs.search([]) - before
            self.assertEqual(len(job), 1, model)
            self.assertEqual(job.channel, "root.marketplace")
            self.assertTrue(job.job_function_id.allow_commit)

    def test_a_job_that_waits_is_enough(self):
        self.assertEqual(len(self.left("marketplace.return", "_cron_process")), 1)
        self.assertFalse(self.left("marketplace.return", "_cron_process"))
        self.assertTrue(self.left("marketplace.message", "_cron_read"))

    def test_the_job_does_what_the_cron_did(self):
        from odoo.addons.queue_job.job import Job

        record = self.left("marketplace.return", "_cron_process")
        job = Job.load(self.env, record.uuid)
        calls = []
        self.patch(
            type(self.env["marketplace.return"]),
            "_match_again",
            lambda model: calls.append(model.env.context.get("avoir_job")),
        )
        job.perform()
        self.assertEqual(calls, [True])
        self.assertEqual(len(self.jobs.search([("uuid", "=", record.uuid)])), 1)
