"""Reads metrics at standard input with the parser of Prometheus' own client; prints them as JSON."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

json.dump(
    [
        {
            "name": family.name,
            "kind": family.type,
            "samples": [
                {"name": sample.name, "labels": sample.labels, "value": sample.value}
                for sample in family.samples
            ],
        }
        for family in text_string_to_metric_families(sys.stdin.read())
    ],
    sys.stdout,
)
