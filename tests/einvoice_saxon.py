"""Runs stylesheets of rules over e-invoices, in a process of its own.

Saxon is compiled Java and wants more address space than Odoo leaves itself; where it
fails it takes its process down. Reads ``[[stylesheet, [document, …]], …]`` as JSON from
the standard input; writes the broken fatal rules of each document in the same order.
"""

import json
import resource
import sys
from xml.etree import ElementTree

FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


def main():
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    from saxonche import PySaxonProcessor

    with PySaxonProcessor(license=False) as processor:
        xslt = processor.new_xslt30_processor()
        answer = []
        for stylesheet, documents in json.load(sys.stdin):
            rules = xslt.compile_stylesheet(stylesheet_file=stylesheet)
            for document in documents:
                node = processor.parse_xml(xml_text=document)
                report = ElementTree.fromstring(
                    rules.transform_to_string(xdm_node=node)
                )
                answer.append([_tell(failed) for failed in _fatal(report)])
        json.dump(answer, sys.stdout)


def _fatal(report):
    return [f for f in report.iter(FAILED) if f.get("flag", "fatal") == "fatal"]


def _tell(failed):
    text = " ".join("".join(failed.itertext()).split())
    return f"{failed.get('id')}: {text[:200]}"


if __name__ == "__main__":
    main()
