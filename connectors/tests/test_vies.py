"""VIES: three answers, faults, outages and strange replies."""

import unittest

from ..vies import FAULTS, INVALID, UNKNOWN, VALID, Answer, Vies, has_form, split
from .vies_server import ViesServer


class ViesCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = ViesServer()
        cls.addClassCleanup(cls.server.close)
        cls.vies = Vies(cls.server.address, timeout=5)

    def ask(self, number, answer, requester="FR23334175221"):
        country, rest = split(number)
        self.server.answers[country + rest] = answer
        return self.vies.ask(number, requester)

    def test_valid(self):
        answer = self.ask(
            "BE 0477.472.701", {"name": "Odoo SA", "address": "Chaussée de Namur 40"}
        )
        self.assertEqual(
            answer, Answer(VALID, "WAPIAAAAX", "Odoo SA", "Chaussée de Namur 40")
        )
        asked = self.server.asked[-1]
        self.assertEqual(asked["countryCode"], "BE")
        self.assertEqual(asked["vatNumber"], "0477472701")
        self.assertEqual(asked["requesterCountryCode"], "FR")
        self.assertEqual(asked["requesterVatNumber"], "23334175221")

    def test_invalid(self):
        answer = self.ask("NL000099998B57", {"valid": "false"})
        self.assertEqual((answer.state, answer.name), (INVALID, ""))

    def test_without_requester_there_is_no_identifier(self):
        answer = self.ask("NL000099998B57", {}, requester="")
        self.assertEqual(answer, Answer(VALID))
        self.assertNotIn("requesterVatNumber", self.server.asked[-1])

    def test_no_fault_is_read_as_invalid(self):
        for code in sorted(FAULTS):
            with self.subTest(code):
                self.assertEqual(
                    self.ask("DE136695976", code), Answer(UNKNOWN, fault=code)
                )
        self.assertEqual(
            self.ask("DE136695976", "boom"), Answer(UNKNOWN, fault="FAULT")
        )

    def test_strange_replies_are_unknown(self):
        bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>'
        other = {"number": "999999999"}
        for reply in (b"", b"<html>down</html>", b"not XML", bomb, other):
            with self.subTest(reply):
                answer = self.ask("DE136695976", reply)
                self.assertEqual(answer.state, UNKNOWN)

    def test_nobody_there_is_unknown(self):
        down = Vies("http://127.0.0.1:9/vies", timeout=2)
        self.assertEqual(
            down.ask("DE136695976"), Answer(UNKNOWN, fault="NO_CONNECTION")
        )

    def test_form(self):
        for number in (
            "BE0477472701",
            "FR23334175221",
            "NL123456782B90",
            "XI123456782",
        ):
            self.assertTrue(has_form(number), number)
        for number in ("EL094259216", "GR094259216"):
            self.assertTrue(has_form(number), number)
        for number in ("", "BE", "BE0477472702", "US12345", "ZZ1", "FR", "É", "12"):
            self.assertFalse(has_form(number), number)
        self.assertEqual(split("gr 094-259-216"), ("EL", "094259216"))
