"""Reads what strata tells others with their own libraries, and fails where they object.

Usage: read_seeing.py METRICS EVENTS: a file of Prometheus' text format, and one of OpenLineage
events. Prints how many metrics and events were read.
"""
import json
import sys

from openlineage.client.generated import (
    base, documentation_job, error_message_run, job_type_job, nominal_time_run, parent_run,
    processing_engine_run)
from prometheus_client.parser import text_string_to_metric_families

FACETS = {
    "parent": parent_run.ParentRunFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "documentation": documentation_job.DocumentationJobFacet,
}


def read_facet(name, facet):
    kind = FACETS[name]
    assert facet["_schemaURL"] == kind._get_schema(), (facet["_schemaURL"], kind._get_schema())
    values = {key: value for key, value in facet.items() if not key.startswith("_")}
    if name == "parent":
        root = values["root"]
        values = {
            "run": parent_run.Run(**values["run"]), "job": parent_run.Job(**values["job"]),
            "root": parent_run.Root(
                run=parent_run.RootRun(**root["run"]), job=parent_run.RootJob(**root["job"])),
        }
    return kind(**values)


def read_event(event):
    run, job = event["run"], event["job"]
    assert event["schemaURL"] == base.RunEvent._get_schema(), event["schemaURL"]
    return base.RunEvent(
        eventTime=event["eventTime"], producer=event["producer"],
        eventType=base.EventType(event["eventType"]),
        run=base.Run(run["runId"], {n: read_facet(n, f) for n, f in run["facets"].items()}),
        job=base.Job(
            job["namespace"], job["name"],
            {n: read_facet(n, f) for n, f in job["facets"].items()}),
        inputs=[base.InputDataset(**dataset) for dataset in event["inputs"]],
        outputs=[base.OutputDataset(**dataset) for dataset in event["outputs"]])


metrics, events = sys.argv[1:]
with open(metrics, encoding="utf-8") as file:
    families = list(text_string_to_metric_families(file.read()))
assert all(family.documentation and family.type != "unknown" for family in families)
with open(events, encoding="utf-8") as file:
    read = [read_event(json.loads(line)) for line in file]
print(len(families), len(read))
