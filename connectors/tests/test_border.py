"""The border: connectors/ knows nothing of Odoo, and providers keep to themselves."""

import ast
import sys
import unittest
from pathlib import Path

from ..marketplaces import registry

CONNECTORS = Path(__file__).resolve().parent.parent
ALLOWED = {"requests", "lxml", "cryptography", "stdnum", "zeep"}
# For the tests only.
ALLOWED_IN_TESTS = {"hypothesis"}


def imports(file):
    """The modules that a file imports: (dots, name)."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


class TestBorder(unittest.TestCase):
    def test_no_odoo_and_no_other_package(self):
        files = list(CONNECTORS.rglob("*.py"))
        self.assertGreater(len(files), 10)
        for file in files:
            in_tests = "tests" in file.relative_to(CONNECTORS).parts
            allowed = ALLOWED | (ALLOWED_IN_TESTS if in_tests else set())
            for dots, name in imports(file):
                if dots:
                    continue
                package = name.partition(".")[0]
                with self.subTest(file=file.name, package=package):
                    self.assertIn(package, allowed | sys.stdlib_module_names)

    def test_nothing_above_connectors_is_imported(self):
        for file in CONNECTORS.rglob("*.py"):
            depth = len(file.relative_to(CONNECTORS).parts)
            for dots, name in imports(file):
                with self.subTest(file=file.name, name=name):
                    self.assertLessEqual(dots, depth)

    def test_odoo_is_not_loaded(self):
        self.assertNotIn("odoo", sys.modules)

    def test_providers_are_named_in_their_own_files_only(self):
        own = {CONNECTORS / "marketplaces" / "__init__.py"}
        for file in CONNECTORS.rglob("*.py"):
            if file in own or "tests" in file.relative_to(CONNECTORS).parts:
                continue
            text = file.read_text(encoding="utf-8").lower()
            for code in registry:
                if not file.name.startswith(code):
                    with self.subTest(file=file.name, provider=code):
                        self.assertFalse(code in text)

    def test_every_provider_is_complete(self):
        for code, provider in registry.items():
            with self.subTest(provider=code):
                self.assertEqual(provider.code, code)
                self.assertTrue(provider.label)
                self.assertTrue(provider.__doc__)
                names = [field.name for field in provider.credential_fields]
                self.assertEqual(len(names), len(set(names)))
                self.assertIn("base_url", names)
